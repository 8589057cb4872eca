"""Whether passages say what a sentence says: the judge of citations.

It looks at letters alone: every name and number of the sentence must stand in the passages, and
half of its other words, each known by its first letters. The component that picked the sentence
went by vectors, and the one that set its footnote by stemmed words weighed by rarity; no line of
theirs is used here. The figures behind the threshold are in LOG.md.

What it cannot see: a "not" that was left out, words put together in another way, and a paraphrase
in words of its own, which counts as unsupported. A sentence quoted from its passage always passes,
so that this says little of an answerer that quotes; a generator as judge (rubric.py) reads for the
sense.
"""

import re
from collections.abc import Sequence

# Share of the words that must stand in the passages. With it 87% of the sentences of the
# development questions' reference answers rest on their gold passages, 3% on other questions'.
ENOUGH = 0.5
LETTERS = 5  # by which an inflected word is known
SHORTEST = 4  # letters of a word that says something

_NAME = re.compile(r"\w+(?:[.\-]\w+)*")
_IS_EXACT = re.compile(r"_|\d|[a-z][A-Z]|\w{2}\.\w{2}")
_WORD = re.compile(r"[^\W\d_]+")
_LIST_MARK = re.compile(r"\A\s*(?:[-*+]|\d{1,2}[.)])\s")


def supports(sentence: str, passages: Sequence[str]) -> bool:
    """Returns whether the passages together hold all names and numbers of the sentence, and at
    least the share ENOUGH of its other words of four letters or more.

    Of a code block, whose writer names variables, names and numbers count as words do. A sentence
    without any of either rests on any passage; on no passage rests none.
    """
    if not passages:
        return False
    text = "\n".join(passages).casefold()
    names = _NAME.findall(_LIST_MARK.sub("", sentence))
    exact = [name.casefold() for name in names if _IS_EXACT.search(name)]
    plain = " ".join(name for name in names if not _IS_EXACT.search(name))
    named = [_stands(name, text) for name in exact]
    known = set(_stems(text))
    worded = [stem in known for stem in _stems(plain)]
    if sentence.lstrip().startswith(("```", "~~~")):
        named, worded = [], named + worded
    return all(named) and sum(worded) >= ENOUGH * len(worded)


def _stands(name: str, text: str) -> bool:
    """Whether it stands there as a name of its own: 16 does not in 2016."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _stems(text: str) -> list[str]:
    """The first letters of the words that say something."""
    words = _WORD.findall(text.casefold())
    return [word[:LETTERS] for word in words if len(word) >= SHORTEST]
