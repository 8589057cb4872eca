"""Cuts a text into pieces small enough to cite, without breaking what belongs together.

A text is a row of blocks: paragraphs, list items, headings, doctests, fenced code, tables. Whole
blocks are packed into a piece while they fit; only a block that is too long by itself is cut, at
its lines, and a line that is too long at its spaces. Line breaks and indentation are kept. This
module knows nothing of passages or pages.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from ingest.tokens import prefix, size

# Tokens in a piece. All-MiniLM-L6-v2 reads 256 with the two that it puts around a text; the end
# of a longer piece would not be embedded. Some room is left for other counts of the same text.
LIMIT = 240
# Characters in a piece for each of its tokens. White space is no token and a word of more than a
# hundred characters is one, so tokens alone would let a piece grow without end.
STRETCH = 8
LONGEST = STRETCH * LIMIT

# A heavier line opens or closes no fence but is taken for text: what a cut repeats has to stay
# short.
LONGEST_OPENING = LIMIT // 4
LONGEST_CLOSING = LIMIT // 8
# The least room that a caller of `split` may leave: a cut fence and some code fit in.
LEAST = LIMIT // 2

# A row of more than three tildes underlines a title in reStructuredText.
FENCE = re.compile(r"( {0,40})(`{3,10}|~{3}(?!~))([^`]{0,80})")
# The row under a table's head: |---|:---:|
DELIMITER = re.compile(r"\s*+\|?\s*+:?-++:?\s*+(\|\s*+:?-++:?\s*+)*+\|?\s*+")
SPACES = re.compile(r"\s*")
STARTS = re.compile(r"\s*([-*+]\s|\d{1,9}[.)]\s|#{1,6}\s|>>>)")


def split(text: str, room: float = LIMIT) -> list[str]:
    """The pieces of `text` in order, each of at most the weight `room`; none for a blank text.

    A piece of the weight LIMIT has at most LIMIT tokens and LONGEST characters. Less `room` than
    LEAST is not kept to. Nothing but white space is lost. A fenced block that is cut has its fence
    closed and opened again, and one that the text leaves open is closed. A table that is cut has
    its head again in each part.
    """
    room = max(room, LEAST)
    pieces: list[list[str]] = [[]]
    used = 0.0  # of the last piece
    for block in _blocks(text):
        whole = "\n".join(block)
        parts = [whole]
        if weight(whole.rstrip()) > room:
            # What little stands before a block that is cut, such as a title, stays with it.
            parts = _cut(block, room - (used if used <= room / 8 else 0))
        for part in parts:
            if used + weight(part.rstrip()) > room:
                pieces.append([])
                used = 0.0
            pieces[-1].append(part)
            used += weight(part)
    texts = map("\n".join, pieces)
    # Outer blank lines go; the first line's indentation stays.
    return [re.sub(r"\A(\s*\n)+", "", piece).rstrip() for piece in texts if piece.strip()]


def weight(text: str) -> float:
    """How much of a piece the text fills, in tokens; it adds up over lines.

    A line that is long for its tokens weighs by its characters.
    """
    return sum(map(_line_weight, text.split("\n")))


@lru_cache(maxsize=2**10)
def _line_weight(line: str) -> float:
    by_length = (len(line) + 1) / STRETCH  # with its line break
    # What is too long in any case need not be read.
    return by_length if by_length > LIMIT else max(by_length, size(line))


def fenced(code: str, language: str) -> str:
    """Code as a fenced block, whatever backticks stand in it."""
    runs = re.findall(r"^[ \t]*(`+)", code, re.MULTILINE)
    fence = "`" * max(3, max(map(len, runs), default=0) + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def opens(line: str) -> str:
    """The marker of the fence that `line` opens, nothing when it opens none."""
    found = FENCE.fullmatch(line)
    return found[2] if found and weight(line) <= LONGEST_OPENING else ""


def closes(line: str, fence: str) -> bool:
    """Whether `line` closes the open `fence`."""
    marker = line.strip()
    closed = marker.startswith(fence) and set(marker) == {fence[0]}
    return closed and weight(line) <= LONGEST_CLOSING


def is_delimiter(line: str, before: str) -> bool:
    """Whether `line` makes `before` the head of a table."""
    return "|" in line and "|" in before and bool(DELIMITER.fullmatch(line))


def _blocks(text: str) -> Iterator[list[str]]:
    """The lines of each block; blank lines stand at the end of the block before them."""
    block: list[str] = []
    fence = ""  # the marker of the fence that is open
    for line in (line.rstrip() for line in text.split("\n")):
        if fence:
            block.append(line)
            if closes(line, fence):
                fence = ""
            continue
        if block and is_delimiter(line, block[-1]):
            # The line before it is the table's head, not the end of a paragraph.
            *above, head = block
            if above and not is_delimiter(head, above[-1]):
                yield above
                block = [head]
        elif line and block and _starts(line, block):
            yield block
            block = []
        block.append(line)
        fence = opens(line)
    if fence:
        block.append(_indent(block[0]) + fence)
    yield block


def _starts(line: str, block: list[str]) -> bool:
    """Whether `line` begins a new block after the lines of `block`."""
    last = block[-1]
    if not last or opens(line) or opens(block[0]):
        return True
    if block[0].lstrip().startswith(">>>"):
        return False
    # Stepping back out of an indentation: the next parameter of an "Args:" list, for one.
    return bool(STARTS.match(line)) or len(_indent(line)) < len(_indent(last))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _cut(block: list[str], room: float) -> list[str]:
    """The block in parts of at most the weight `room`."""
    if len(block) > 2 and is_delimiter(block[1], block[0]):
        head = f"{block[0]}\n{block[1]}"
        if weight(head) <= room / 2:  # a heavier head is not repeated
            return [f"{head}\n{part}" for part in _pack(block[2:], room - weight(head))]
    if not opens(block[0]):
        return _pack(block, room)
    end = max(i for i, line in enumerate(block) if line)  # the closing fence
    opening, closing = block[0], block[end]
    inside = _pack(block[1:end], room - weight(f"{opening}\n{closing}"))
    parts = [f"{opening}\n{part}\n{closing}" for part in inside]
    return [*parts, *block[end + 1 :]]


def _pack(lines: list[str], room: float) -> list[str]:
    """Lines joined into parts of at most the weight `room`; blank parts are left out."""
    parts: list[list[str]] = [[]]
    used = 0.0  # of the last part
    for stretch in (stretch for line in lines for stretch in _shorten(line, room)):
        if used + weight(stretch) > room:
            parts.append([])
            used = 0.0
        parts[-1].append(stretch)
        used += weight(stretch)
    return [part for part in map("\n".join, parts) if part.strip()]


def _shorten(line: str, room: float) -> Iterator[str]:
    """A line in stretches of at most the weight `room`, cut at spaces where there are any."""
    if weight(line) <= room:
        yield line
        return
    start = 0
    while start < len(line):
        # Within these characters, a line break among them, only tokens can be too many.
        within = line[start : start + int(room * STRETCH) - 1]
        end = start + prefix(within, int(room))
        if end < len(line):
            space = line.rfind(" ", start + len(_indent(within)) + 1, end + 1)
            end = space if space > 0 else end
        yield line[start:end]
        after = SPACES.match(line, end)
        start = after.end() if after else end
