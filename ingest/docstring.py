"""Cuts the documentation of one object into pieces that can each be understood alone.

A docstring is read line by line as sections (Google's, NumPy's, Sphinx's and Hugging Face's forms
of "Parameters", "Returns" and so on), and within a section of names as entries, one a name. Its
text stays as it was written. A piece that does not begin with the object's signature begins with
its name and the section it is in, and an entry is only cut when it is longer than a piece; its
name is then said again. This module knows nothing of packages or of how a docstring was found.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.chunker import LEAST, LIMIT, STARTS, closes, opens, split, weight

RETURNS = "return"  # stands for the result among documented names, since it can be no parameter
# Characters of a signature. A longer one stands after the text, so that the text comes first, and
# so does one that leaves too little of the piece to the text; one that would not fit a piece is
# left out, since nobody reads a hundred parameters in a row.
SIGNATURE = 400

# What sections are called in docstrings, and what a piece that begins inside one says it has.
TITLES = {
    **dict.fromkeys(
        ("arg", "args", "arguments", "parameter", "parameters", "params", "other parameters"),
        "parameters",
    ),
    **dict.fromkeys(("keyword args", "keyword arguments", "kwargs", "inputs"), "parameters"),
    **dict.fromkeys(("attribute", "attributes", "fields"), "attributes"),
    **dict.fromkeys(("return", "returns"), "returns"),
    **dict.fromkeys(("yield", "yields"), "yields"),
    **dict.fromkeys(("raise", "raises", "exceptions", "warns"), "raises"),
    **dict.fromkeys(("methods", "functions"), "methods"),
    **dict.fromkeys(("example", "examples", "usage"), "examples"),
    **dict.fromkeys(("note", "notes"), "notes"),
    **dict.fromkeys(("warning", "warnings", "see also", "references", "tips"), "notes"),
}
NAMED = {"parameters", "attributes", "raises", "methods"}  # sections that are lists of names
FIELDS = {
    **dict.fromkeys(("param", "parameter", "arg", "argument", "key", "keyword"), "parameters"),
    **dict.fromkeys(("type", "kwarg"), "parameters"),
    **dict.fromkeys(("var", "ivar", "cvar", "vartype"), "attributes"),
    **dict.fromkeys(("return", "returns", "rtype"), "returns"),
    **dict.fromkeys(("raise", "raises", "except", "exception"), "raises"),
}

TITLE = re.compile(r"(\s*)[*#]{0,3} ?([A-Za-z][A-Za-z ]{2,20}?)\*{0,2}:{1,2}\*{0,2}")
UNDERLINE = re.compile(r"\s*(-{3,}|={3,})")
FIELD = re.compile(r"\s*:(?P<kind>[a-z]+)(?: (?P<what>[^:\n]{1,200}))?:(?:\s|$)")
# name: text | name (type): text | name : type | - **name** (type) -- text | *args | a, b
ENTRY = re.compile(
    r"\s*(?:[-*+] )?[`*\\]{0,4}(?P<name>[^\W\d][\w.]{0,80})[`*]{0,3}"
    r"(?:, ?[`*\\]{0,4}\w+[`*]{0,3})*\s*(?:\(|\[|:|--|–|$)"
)


@dataclass
class _Block:
    """Lines that belong together, blank ones last; the section they are in and, in a section of
    names, the name that they describe."""

    lines: list[str]
    section: str = ""
    entry: str = ""

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def documented(docstring: str) -> frozenset[str]:
    """The names that the docstring describes; `RETURNS` among them when it tells the result."""
    blocks = list(_blocks(docstring))
    names = {block.entry for block in blocks if block.entry}
    if any(block.section == "returns" for block in blocks):
        names.add(RETURNS)
    return frozenset(names)


def pieces(name: str, signature: str, docstring: str) -> list[str]:
    """The documentation of the object `name` in pieces of at most the weight LIMIT.

    No word of the docstring is lost, and their order is kept. A signature longer than SIGNATURE
    comes last, one longer than a piece not at all. A name of hundreds of characters makes pieces
    heavier than LIMIT.
    """
    long = len(signature) > SIGNATURE or weight(_fenced(signature)) > LIMIT - LEAST
    head = _fenced(f"{name}(...)" if long else signature)
    whole = f"{head}\n\n{docstring.strip()}".rstrip()
    if weight(whole) <= LIMIT and not long:
        return [whole]
    blocks = _glued(list(_blocks(docstring)))
    packed = _packed(name, head, blocks)
    last = f"`{name}` signature\n\n{_fenced(signature)}"
    return [*packed, last] if long and weight(last) <= LIMIT else packed


def _fenced(code: str) -> str:
    return f"```python\n{code}\n```"


def _packed(name: str, head: str, blocks: list[_Block]) -> list[str]:
    """Whole blocks put together while they fit; only one that is too long by itself is cut."""
    packed: list[str] = []
    piece, bare = f"{head}\n\n", True  # bare: it holds nothing but its head
    for block in blocks:
        if not block.text.strip():
            piece += block.text
            continue
        lead = f"{_lead(name, block)}\n\n"
        if not _fits(piece, block.text) and not bare:
            packed.append(piece)
            piece, bare = lead, True
        parts = [block.text]
        if not _fits(piece, block.text):
            again = f"`{block.entry}` (continued):\n" if block.entry else ""
            taken = max(weight(piece), weight(lead + again))
            first, *rest = split(block.text, LIMIT - taken)
            parts = [first, *(again + part for part in rest)]
        for part in parts[:-1]:
            packed.append(piece + part)
            piece = lead
        piece, bare = f"{piece}{parts[-1]}\n", False
    packed.append(piece)
    return [piece.rstrip() for piece in packed]


def _fits(piece: str, more: str) -> bool:
    return weight((piece + more).rstrip()) <= LIMIT


def _lead(name: str, block: _Block) -> str:
    """The line that says what a piece goes on about."""
    return " ".join(filter(None, [f"`{name}`", block.section, "(continued)"]))


def _glued(blocks: list[_Block]) -> list[_Block]:
    """A line that introduces what follows, such as a section's title, is put with it."""
    glued: list[_Block] = []
    introduced = False
    for block in blocks:
        if introduced:
            lines = glued.pop().lines + block.lines
            glued.append(_Block(lines, block.section, block.entry))
        else:
            glued.append(block)
        introduced = _introduces(block)
    return glued


def _introduces(block: _Block) -> bool:
    """Whether the block is nothing but titles, or a line that ends in a colon."""
    lines = [line.strip() for line in block.lines if line.strip()]
    if block.entry or not lines:
        return False
    if len(lines) > 1 and UNDERLINE.fullmatch(lines[1]):
        lines = lines[2:]
    # Within a list of names, "> Optimizer" is the title of the names that follow.
    groups = block.section in NAMED
    return all(line.rstrip("*").endswith(":") or (groups and line[0] == ">") for line in lines)


@dataclass
class _Reader:
    """Where in a docstring the reading is."""

    section: str = ""
    indent: int = 0  # of the section's title
    underlined: bool = False  # whether the title was: the section then ends at the next title
    fields: bool = False  # whether it is a list of Sphinx's fields, which has no title
    entries: int | None = None  # indentation of the section's entries, once one is seen
    fence: str = ""  # the marker of the fence that is open
    block: _Block = field(default_factory=lambda: _Block([]))


def _blocks(docstring: str) -> Iterator[_Block]:
    """The docstring's lines, all of them in order, in blocks."""
    at = _Reader()
    lines = [line.rstrip() for line in docstring.split("\n")]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        fresh = None if at.fence else _begins(line, following, at)
        if fresh is not None and at.block.lines:
            yield at.block
        if fresh is not None:
            at.block = fresh
        at.block.lines.append(line)
        _mind_fence(line, at)
    if at.fence:  # what the docstring leaves open would swallow what comes after
        at.block.lines.append(at.fence)
    yield at.block


def _mind_fence(line: str, at: _Reader) -> None:
    if at.fence:
        at.fence = "" if closes(line, at.fence) else at.fence
    else:
        at.fence = opens(line)


def _begins(line: str, following: str, at: _Reader) -> _Block | None:
    """The block that `line` begins, None when it goes on with the one before."""
    if not line:
        return None
    if _opens_section(line, following, at):
        return _Block([], at.section)
    if (found := FIELD.match(line)) and found["kind"] in FIELDS:
        return _field(found, at)
    if _ends_section(line, at):
        at.section, at.entries = "", None
        return _Block([])
    if at.section in NAMED and not at.fields:
        at.entries = _indent(line) if at.entries is None else at.entries
        entry = ENTRY.match(line)
        if entry and _indent(line) == at.entries:
            return _Block([], at.section, entry["name"])
    if at.block.entry and (_indent(line) > (at.entries or 0) or at.block.lines[-1]):
        return None
    return _Block([], at.section) if _starts_text(line, at.block.lines) else None


def _ends_section(line: str, at: _Reader) -> bool:
    """Whether the line stands outside of the section, which is not the next section's title."""
    if not at.section or at.underlined or _indent(line) > at.indent:
        return False
    return not at.fields or not at.block.lines[-1]


def _opens_section(line: str, following: str, at: _Reader) -> bool:
    """Whether the line is a section's title; the reader is then in that section."""
    if UNDERLINE.fullmatch(following) and len(line) <= 60 and not _indent(line):
        at.section = TITLES.get(line.lower(), "")
        at.indent, at.underlined, at.fields, at.entries = 0, True, False, 0
        return True
    titled = TITLE.fullmatch(line)
    if not titled or titled[2].lower() not in TITLES:
        return False
    inside = not at.underlined and _indent(line) > at.indent
    if at.section in NAMED and inside:
        return False  # an entry that is called like a section
    at.section = TITLES[titled[2].lower()]
    at.indent, at.underlined, at.fields, at.entries = _indent(line), False, False, None
    return True


def _field(found: re.Match[str], at: _Reader) -> _Block | None:
    """The block of a Sphinx field; a parameter's type stays with the parameter."""
    at.section = FIELDS[found["kind"]]
    at.indent, at.underlined, at.fields, at.entries = 0, False, True, 0
    words = (found["what"] or "").split()
    name = words[-1].lstrip("*\\") if words and at.section in NAMED else ""
    return None if name and name == at.block.entry else _Block([], at.section, name)


def _starts_text(line: str, before: list[str]) -> bool:
    """Whether a paragraph, list item, doctest or fenced block begins at `line`."""
    if not before:
        return False
    last = before[-1]
    first = next((one for one in before if one), "")
    if not last or opens(line) or opens(first):
        return True
    if first.lstrip().startswith(">>>"):
        return False
    return bool(STARTS.match(line)) or _indent(line) < _indent(last)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
