"""The words of a text that a lexical index should know it by, code understood.

    torch.bfloat16         torch.bfloat16, torch, bfloat16
    AutoModelForCausalLM   automodelforcausallm, auto, model, causal, lm
    --num-workers          num_workers, num, workers
    device_map             device_map, device, map

So a question finds an identifier by its exact name, by a part of it, and by the words it is made
of. Scripts without spaces are cut into pairs of characters. Stemming is left to the index.
"""

import re
from collections.abc import Iterator

# A name keeps its dots, hyphens and underscores inside; hyphens count as underscores, since a
# flag and the parameter that it sets are spelt so.
NAME = re.compile(r"\w+(?:[.\-]\w+)*")
PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+")
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0e7f]+")
LONGEST = 100  # characters; longer names are data, and the index refuses overlong words

# They stand in every passage and tell none from another.
STOP = frozenset(
    re.findall(
        r"\w+",
        "a about also am an and any are as at be but by can could do does for from had has have how"
        " i if in into is it its just me my no not of on or our should so some than that the then"
        " there this to was we were what when where which who why will with would you your",
    )
)


def words(text: str) -> Iterator[str]:
    """The words in the order of the text, lower case, stop words left out."""
    for found in NAME.finditer(UNSPACED.sub(_pairs, text)):
        name = found[0]
        whole = name.lower().replace("-", "_")
        pieces = [piece for piece in re.split(r"[._\-]+", name) if piece]
        parts = [part.lower() for piece in pieces for part in PART.findall(piece)]
        if len(parts) > 1:
            if len(whole) <= LONGEST:
                yield whole
            # bfloat16 in torch.bfloat16: a piece that is a name of its own.
            inner = [p.lower() for p in pieces if len(pieces) > 1 and len(PART.findall(p)) > 1]
            yield from (p for p in inner + parts if p not in STOP and len(p) <= LONGEST)
        elif whole not in STOP and len(whole) <= LONGEST:
            yield whole


def _pairs(run: re.Match[str]) -> str:
    """Overlapping pairs of characters, spaced: what stands for words where none are marked."""
    text = run[0]
    pairs = [text[at : at + 2] for at in range(len(text) - 1)] or [text]
    return f" {' '.join(pairs)} "
