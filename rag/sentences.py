"""Documentation text -> the spans of its sentences and of its code.

Spans are positions in the text, so that what is quoted can be found again character for
character. This module knows nothing of questions, passages or scores.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

# A fence may stand inside a line: tables of chunks often have their white space collapsed.
# One that the passage's end cuts off runs to the end.
_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", re.DOTALL)
_FENCE = re.compile(r"```(?P<language>\w*)")
_BREAK = re.compile(
    r"""
      \n[ \t]*\n                                 # a blank line
    | \n(?=[ \t]*(?:[-*+]|\d{1,2}[.)])[ ])       # a list item on a line of its own
    | \n(?=\#{1,6}[ ]) | \n(?=\|)                # a heading, a table row
    | (?<=[.:!?])[ ](?=[-*+][ ][\[`*\w])         # a list item in collapsed text
    | [ ](?=\#{2,6}[ ]\w)                        # a heading there
    | \n(?=[ \t]*\w+(?:[ ]\([^()\n]*\))?:[ \n])  # a parameter on a line of its own
    | (?<=[.:])\s+(?=\w+[ ]\(\[?`)              # a parameter: name (`type`)
    | (?<=[.!?])(?<!\b[A-Z]\.)(?<!e\.g\.)(?<!i\.e\.)(?<!etc\.)(?<!vs\.)(?<!cf\.)
      ["')\]*_`]{0,3}(?:</\w+>){0,3}\s+          # the end of a sentence, before another or a tag
      (?=["'(\[*_<]{0,3}(?:[A-Z0-9]|`\S)|</?\w)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Span:
    """A sentence or a code block: `text[start:end]` of the text it was found in."""

    start: int
    end: int
    is_code: bool


def spans(text: str) -> list[Span]:
    """All sentences and code blocks of the text, in order, without white space around them."""
    found: list[Span] = []
    position = 0
    for code in _CODE.finditer(text):
        found += _prose(text, position, code.start())
        found.append(Span(code.start(), code.end(), True))
        position = code.end()
    return found + _prose(text, position, len(text))


def passage_spans(text: str) -> list[Span]:
    """As `spans`, of a text that may have been cut out of the middle of a code block: what comes
    before the fence that closes it is code."""
    fences = list(_FENCE.finditer(text))
    # Only a fence that opens a block names its language, or follows a colon.
    opens = [bool(f["language"]) or text[: f.start()].rstrip().endswith(":") for f in fences]
    wrong_if_whole, wrong_if_cut = sum(opens[1::2]), sum(opens[::2])
    undecided = wrong_if_cut == wrong_if_whole
    if wrong_if_cut > wrong_if_whole or (undecided and len(fences) % 2 == 0):
        return spans(text)
    head = fences[0].end()
    rest = [Span(head + s.start, head + s.end, s.is_code) for s in spans(text[head:])]
    return [Span(0, head, True), *rest]


def _prose(text: str, start: int, end: int) -> list[Span]:
    cuts = [start]
    for gap in _BREAK.finditer(text, start, end):
        # Closing quotes and brackets belong to the sentence before; only the space is between.
        cuts.append(gap.end())
    cuts.append(end)
    found = []
    for left, right in pairwise(cuts):
        piece = text[left:right]
        stripped = piece.strip()
        if stripped:
            begin = left + piece.index(stripped[0])
            found.append(Span(begin, begin + len(stripped), False))
    return found


def is_code(text: str) -> bool:
    """Whether it is a block in a fence."""
    return text.startswith(("```", "~~~"))
