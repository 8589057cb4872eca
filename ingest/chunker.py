"""Cuts a text into pieces small enough to cite, without breaking what belongs together.

A text is a row of blocks: paragraphs, list items, headings, doctests, fenced code, tables. Whole
blocks are packed into a piece while they fit; only a block that is too long by itself is cut, at
its lines, and a line that is too long at its spaces. Line breaks and indentation are kept. This
module knows nothing of passages, pages or tokens.
"""

import re
from collections.abc import Iterator

# Characters in a piece. All-MiniLM-L6-v2 reads 256 tokens; documentation with code in it runs at
# about four characters a token, so a longer piece would be embedded without its end.
LIMIT = 1000

# A longer head is not repeated where its table is cut.
LONGEST_HEAD = LIMIT // 2

# A longer marker or info string is taken for text: what a cut repeats has to stay short. A row
# of more than three tildes underlines a title in reStructuredText.
FENCE = re.compile(r"( {0,40})(`{3,10}|~{3}(?!~))([^`]{0,80})")
# The row under a table's head: |---|:---:|
DELIMITER = re.compile(r"\s*+\|?\s*+:?-++:?\s*+(\|\s*+:?-++:?\s*+)*+\|?\s*+")
STARTS = re.compile(r"\s*([-*+]\s|\d{1,9}[.)]\s|#{1,6}\s|>>>)")


def split(text: str) -> list[str]:
    """The pieces of `text` in order, each at most LIMIT characters; none for a blank text.

    Nothing but white space is lost. A fenced block that is cut has its fence closed and opened
    again, and one that the text leaves open is closed. A table that is cut has its head again in
    each part.
    """
    pieces = []
    piece = ""
    for block in _blocks(text):
        for part in _cut(block):
            if len((piece + part).rstrip()) > LIMIT:
                pieces.append(piece)
                piece = ""
            piece += part
    pieces.append(piece)
    # Outer blank lines go; the first line's indentation stays.
    return [re.sub(r"\A(\s*\n)+", "", piece).rstrip() for piece in pieces if piece.strip()]


def fenced(code: str, language: str) -> str:
    """Code as a fenced block, whatever backticks stand in it."""
    runs = re.findall(r"^[ \t]*(`+)", code, re.MULTILINE)
    fence = "`" * max(3, max(map(len, runs), default=0) + 1)
    return f"{fence}{language}\n{code}\n{fence}"


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
            if _closes(line, fence):
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
        if opened := FENCE.fullmatch(line):
            fence = opened[2]
    if fence:
        block.append(_indent(block[0]) + fence)
    yield block


def _starts(line: str, block: list[str]) -> bool:
    """Whether `line` begins a new block after the lines of `block`."""
    last = block[-1]
    if not last or FENCE.fullmatch(line) or FENCE.fullmatch(block[0]):
        return True
    if block[0].lstrip().startswith(">>>"):
        return False
    # Stepping back out of an indentation: the next parameter of an "Args:" list, for one.
    return bool(STARTS.match(line)) or len(_indent(line)) < len(_indent(last))


def _closes(line: str, fence: str) -> bool:
    """Whether `line` closes the open `fence`; an overlong one does not, since cuts repeat it."""
    marker = line.strip()
    return len(line) <= 100 and marker.startswith(fence) and set(marker) == {fence[0]}


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _cut(block: list[str]) -> list[str]:
    """The block as text in one part, or in several where it is longer than LIMIT."""
    text = "\n".join(block) + "\n"
    if len(text.rstrip()) <= LIMIT:
        return [text]
    if len(block) > 2 and is_delimiter(block[1], block[0]):
        head = f"{block[0]}\n{block[1]}\n"
        if len(head) <= LONGEST_HEAD:
            return [f"{head}{part}\n" for part in _pack(block[2:], LIMIT - len(head))]
    if not FENCE.fullmatch(block[0]):
        return [part + "\n" for part in _pack(block, LIMIT)]
    end = max(i for i, line in enumerate(block) if line)  # the closing fence
    opening, closing = block[0], block[end]
    room = LIMIT - len(opening) - len(closing) - 2
    parts = [f"{opening}\n{part}\n{closing}\n" for part in _pack(block[1:end], room)]
    return [*parts, "\n" * len(block[end + 1 :])]


def _pack(lines: list[str], room: int) -> list[str]:
    """Lines joined into parts of at most `room` characters; blank parts are left out."""
    parts = [""]
    for stretch in (stretch for line in lines for stretch in _shorten(line, room)):
        if len(parts[-1]) + len(stretch) + 1 > room:
            parts.append(stretch)
        else:
            parts[-1] += "\n" + stretch if parts[-1] else stretch
    return [part for part in parts if part.strip()]


def _shorten(line: str, room: int) -> Iterator[str]:
    """A line in stretches of at most `room` characters, cut at spaces where there are any."""
    while len(line) > room:
        space = line.rfind(" ", 1, room + 1)
        end = space if space > 0 else room
        yield line[:end]
        line = line[end:].lstrip()
    yield line
