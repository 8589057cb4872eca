"""Reads a page of Markdown or MDX into sections, each with the anchor that its site gives it.

markdown-it finds the blocks: headings, fenced and indented code, comments, at the places that
CommonMark gives them. The text between is kept line by line as it stands and freed of markup.
Tags are no blocks here, since documentation writes headings and code between them; an
`[[autodoc]]` directive is put to the caller. This module knows nothing of files and sites.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import PurePosixPath
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from ingest.anchors import Anchors, without_explicit
from ingest.boilerplate import is_licence
from ingest.chunker import fenced, is_delimiter
from ingest.document import Document, Section
from ingest.html import tables_as_markdown
from ingest.inline import TAG, clean, is_tag

# A directive's object and its members -> its sections, None when they cannot be had.
Expand = Callable[[str, tuple[str, ...]], tuple[Section, ...] | None]

NOT_EXPANDED = "[[autodoc]] not expanded"
DIRECTIVE = re.compile(r"\s*\[\[autodoc\]\]\s+(\S+?)(?:(:)(?:\s.*)?|\s*)")
MEMBER = re.compile(r"\s+-\s+(\S+)\s*")
NOTEBOOK_BUTTON = "[[open-in-colab]]"

FRONT_MATTER = re.compile(
    r"---[ \t]*\n(?P<fields>(?:[ \t]*\n|#.*\n)*[\w-]+[ \t]*:.*\n(?:.*\n){0,200}?)"
    r"(?:---|\.\.\.)[ \t]*(?:\n|\Z)"
)
TITLE_FIELD = re.compile(r"^title[ \t]*:[ \t]*(.+?)[ \t]*$", re.MULTILINE)
IMPORT = re.compile(r"import\s+(?:[\w{},*$ \t]{1,500}\s+from\s+)?(['\"])[^'\"\n]{1,300}\1;?")
EXPORT = re.compile(r"export\s+(?:const|let|var|default|function|async|class|\{|\*)")

CODE_MARKS = frozenset("=(){}[];$")

LONGEST_HEADING = 500
MOST_BRACKETS = 20
LICENCE_PARAGRAPHS = 8


def document(
    text: str,
    name: str,
    url: str,
    expand: Expand | None = None,
    left_out: Counter[str] | None = None,
) -> Document:
    """The page `name` at `url`; directives that are not expanded are counted in `left_out`."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    text, title = _front_matter(text)
    page = _Page(text, name.lower().endswith(".mdx"))
    sections = _sections(
        page, expand or _expand_nothing, Counter() if left_out is None else left_out
    )
    return Document(name, url, page.title or title or in_words(name), tuple(sections))


def in_words(name: str) -> str:
    """A title for the page from its file's name, or its folder's where that says nothing."""
    path = PurePosixPath(name)
    stem = path.stem
    if stem.lower() in ("index", "readme") and path.parent.name:
        stem = path.parent.name
    words = " ".join(re.sub("[-_]", " ", stem).split())
    return words[:1].upper() + words[1:]


def _expand_nothing(name: str, members: tuple[str, ...]) -> None:
    return None


def _front_matter(text: str) -> tuple[str, str]:
    """The text without the fields that may stand before it, and the title among them."""
    head = FRONT_MATTER.match(text)
    if not head:
        return text, ""
    title = TITLE_FIELD.search(head["fields"])
    return text[head.end() :], title[1].strip("\"'") if title else ""


class _Heading(NamedTuple):
    start: int
    end: int
    level: int
    text: str
    anchor: str
    explicit: bool


class _Directive(NamedTuple):
    start: int
    end: int
    name: str
    members: tuple[str, ...]


def _sections(page: "_Page", expand: Expand, left_out: Counter[str]) -> Iterator[Section]:
    path: list[_Heading] = []
    anchor, own = "", True  # whether the anchor is settled
    at = 0
    for mark in page.marks():
        expanded: tuple[Section, ...] = ()
        if isinstance(mark, _Directive):
            found = expand(mark.name, mark.members) if mark.name else None
            if not found:
                left_out[NOT_EXPANDED] += found is None
                page.blank(mark.start, mark.end)
                continue
            expanded = found
            # A heading over an API object is published with that object's anchor.
            anchor, own = anchor if own else found[0].anchor or anchor, True
        headings = tuple(heading.text for heading in path)
        yield from _section(headings, anchor, page.text(at, mark.start))
        for section in expanded:
            # A page names an object in the heading above its directive, as the object's own does.
            above = headings[:-1] if headings[-1:] == section.headings[:1] else headings
            yield Section(above + section.headings, section.anchor, section.text)
        at = mark.end
        if isinstance(mark, _Heading):
            anchor, own = mark.anchor or anchor, mark.explicit or not mark.anchor
            path = [heading for heading in path if heading.level < mark.level]
            if mark is not page.title_heading:
                path.append(mark)
    headings = tuple(heading.text for heading in path)
    yield from _section(headings, anchor, page.text(at, len(page.lines)))


def _section(headings: tuple[str, ...], anchor: str, text: str) -> Iterator[Section]:
    text = _without_licence(text)
    if text:
        yield Section(headings, anchor, text)


def _without_licence(text: str) -> str:
    """The text without the paragraphs of a licence notice at its head."""
    *head, rest = text.split("\n\n", LICENCE_PARAGRAPHS)
    paragraphs = [*head, rest]
    for count in range(len(paragraphs), 0, -1):
        if is_licence("\n\n".join(paragraphs[:count])):
            return "\n\n".join(paragraphs[count:])
    return text


@dataclass
class _Page:
    """A page's lines, and what markdown-it says of each."""

    source: str
    mdx: bool
    lines: list[str] = field(init=False)
    code: list[str] = field(init=False)  # of each line: "", "fence" or "code_block"
    headings: list[_Heading] = field(init=False)
    title_heading: _Heading | None = field(init=False)
    unclosed: str = field(init=False, default="")  # the mark that the last fence lacks

    def __post_init__(self) -> None:
        self.lines = self.source.split("\n")
        self.code = [""] * len(self.lines)
        self.headings = []
        anchors = Anchors()
        tokens = BLOCKS.parse(self.source)
        for place, token in enumerate(tokens):
            if not token.map:
                continue
            start, end = token.map[0], min(token.map[1], len(self.lines))
            if token.type == "heading_open":
                heading = _heading(token, tokens[place + 1].content, start, end, anchors)
                # One inside a list or a quotation stays text there, but takes its anchor.
                if token.level == 0:
                    self.headings.append(heading)
            elif token.type in ("fence", "code_block"):
                self.code[start:end] = [token.type] * (end - start)
                if token.type == "fence":
                    self._close(token, start, end)
                elif token.level == 0:
                    self._indented(start, end)
            elif token.type == "hr" and token.level == 0:
                self.blank(start, end)
            elif token.type == "comment":
                rest = self.lines[end - 1].partition("-->")[2]
                self.lines[start:end] = [""] * (end - start - 1) + [rest]
        self.title_heading = next((h for h in self.headings if h.level == 1 and h.text), None)

    @property
    def title(self) -> str:
        return self.title_heading.text if self.title_heading else ""

    def marks(self) -> Iterator[_Heading | _Directive]:
        """What ends a stretch of text, in order."""
        headings = {heading.start: heading for heading in self.headings}
        at = 0
        while at < len(self.lines):
            mark = headings.get(at)
            if mark:
                yield mark
                at = mark.end
            elif not self.code[at] and (found := DIRECTIVE.fullmatch(self.lines[at])):
                directive = self._directive(at, found)
                yield directive
                at = directive.end
            else:
                at += 1

    def _directive(self, start: int, found: re.Match[str]) -> _Directive:
        end = start + 1
        if found[2]:
            # An expansion that failed has left its message up to the next blank line.
            while end < len(self.lines) and self.lines[end].strip():
                end += 1
            return _Directive(start, end, "", ())
        members = []
        at = end
        while at < len(self.lines):
            member = MEMBER.fullmatch(self.lines[at])
            if member:
                members.append(member[1])
                end = at + 1
            elif self.lines[at].strip():
                break
            at += 1
        return _Directive(start, end, found[1], tuple(members))

    def _close(self, token: Token, start: int, end: int) -> None:
        """Closes a fence that ends with its list item or with the page."""
        first, last = self.lines[start], self.lines[end - 1].strip()
        if end - start > 1 and last.startswith(token.markup) and not last.strip(token.markup[0]):
            return
        closing = first[: len(first) - len(first.lstrip())] + token.markup
        self.lines[end - 1] += f"\n{closing}"
        if end == len(self.lines):
            self.unclosed = closing

    def _indented(self, start: int, end: int) -> None:
        """Fences code that is indented, where a colon before it announces what looks like code.

        Elsewhere the indentation is as often that of a docstring, whose text it would hide.
        """
        above = (line for line in reversed(self.lines[max(0, start - 3) : start]) if line)
        announced = next(above, "").rstrip().endswith(":")
        if not announced or CODE_MARKS.isdisjoint("".join(self.lines[start:end])):
            return
        lines = [line.expandtabs(4)[4:] for line in self.lines[start:end]]
        self.lines[start:end] = [fenced("\n".join(lines), "")] + [""] * (end - start - 1)

    def text(self, start: int, end: int) -> str:
        """The lines from `start` on in the form that passages have."""
        parts = []
        for kind, group in groupby(range(start, end), key=self.code.__getitem__):
            lines = [self.lines[at] for at in group]
            if kind == "code_block":
                lines = [line for line in lines if not _is_component(line)]
            text = "\n".join(lines)
            parts.append(text.strip("\n") if kind else self._prose(text))
        return "\n\n".join(part for part in parts if part.strip()).rstrip()

    def blank(self, start: int, end: int) -> None:
        self.lines[start:end] = [""] * (end - start)

    def _prose(self, text: str) -> str:
        """Paragraphs without markup."""
        kept = []
        for blank, group in groupby(
            tables_as_markdown(text).split("\n"), key=lambda line: not line.strip()
        ):
            if not blank:
                lines = [line for line in group if line.strip() != NOTEBOOK_BUTTON]
                kept.append(self._paragraph(lines))
        return "\n\n".join(paragraph for paragraph in kept if paragraph)

    def _paragraph(self, lines: list[str]) -> str:
        if not lines:
            return ""
        if self.mdx and (IMPORT.match(lines[0]) or EXPORT.match(lines[0])):
            return ""
        lines = [line for line in lines if not IMPORT.fullmatch(line.rstrip())]
        if len(lines) > 1 and is_delimiter(lines[1], lines[0]):
            lines = [_compact(line) for line in lines]
        return clean("\n".join(lines))


def _compact(row: str) -> str:
    """A table's row without the padding that lines its columns up."""
    return re.sub("-{4,}", "---", re.sub("[ \t]{2,}", " ", row.strip()))


def closed(text: str) -> str:
    """The text, with its last code block closed where it is not."""
    page = _Page(text, mdx=False)
    return text + (f"\n{page.unclosed}" if page.unclosed else "")


def _is_component(line: str) -> bool:
    """Whether a line of indented text holds a documentation component's tag and nothing else."""
    tag = TAG.fullmatch(line.strip()) if "<" in line and len(line) < 500 else None
    return bool(tag and tag["name"] in COMPONENTS_IN_DOCSTRINGS and is_tag(tag))


def _heading(token: Token, content: str, start: int, end: int, anchors: Anchors) -> _Heading:
    content, explicit = without_explicit(content[:LONGEST_HEADING])
    shown = _words(content)
    anchor = anchors.explicit(explicit) if explicit else anchors.slug(shown)
    text = " ".join(shown.split())
    return _Heading(start, end, int(token.tag[1:]), text, anchor, bool(explicit))


def _words(heading: str) -> str:
    """A heading's text without markup, its spaces as they stand."""
    if heading.count("[") > MOST_BRACKETS:
        return heading  # markdown-it would try them all with one another
    tokens = INLINE.parseInline(heading)[0].children or []
    words = "".join(
        "\n" if token.type.endswith("break") else token.content
        for token in tokens
        if token.type != "image" and not _is_tag(token)
    )
    return re.sub(r"(?<!\w)\[(~?)([\w.]+)\](?![\w(\[])", r"\2", words) if "`" in heading else words


def _is_tag(token: Token) -> bool:
    if token.type != "html_inline":
        return False
    tag = TAG.fullmatch(token.content)
    return is_tag(tag) if tag else token.content.startswith("<!--")


def _comment(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A block rule of markdown-it: a comment that begins a line, up to the line that closes it."""
    begin = state.bMarks[start] + state.tShift[start]
    if state.is_code_block(start) or not state.src.startswith("<!--", begin):
        return False
    # Remembered, so that many comments that are never closed are not searched through each time.
    close = state.env.get("close", 0)
    if 0 <= close < begin + 4:
        close = state.env["close"] = state.src.find("-->", begin + 4)
    if close < 0:
        return False
    last = start
    while last < end and state.eMarks[last] < close:
        last += 1
    if last == end:
        return False  # closed outside the list or quotation that it was opened in
    if not silent:
        state.line = last + 1
        state.push("comment", "", 0).map = [start, last + 1]
    return True


def _block_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False})
    parser.core.ruler.enableOnly(["normalize", "block"])
    parser.block.ruler.disable("reference")
    parser.block.ruler.at("html_block", _comment, {"alt": ["paragraph", "blockquote"]})
    return parser


BLOCKS = _block_parser()
INLINE = MarkdownIt("commonmark")
COMPONENTS_IN_DOCSTRINGS = ("Tip", "frameworkcontent", "hfoptions", "hfoption", "pt", "tf", "jax")
