"""Frees a paragraph of Markdown of what only a browser needs: tags, comments, images, targets.

Text, code spans and autolinks stay as they are, and so does whatever merely looks like a tag:
`List<int>`, `a < b`, a placeholder such as <mask>. A link keeps its target where that is an
address of its own; a relative one leads nowhere away from its page, so only its text stays. One
pass from left to right, linear in the text. This module knows nothing of blocks and headings.
"""

import html
import re
from bisect import bisect_left

# fmt: off
HTML_TAGS = frozenset((
    "a", "abbr", "acronym", "address", "applet", "area", "article", "aside", "audio", "b",
    "base", "bdi", "bdo", "big", "blockquote", "body", "br", "button", "canvas", "caption",
    "center", "cite", "code", "col", "colgroup", "data", "datalist", "dd", "del", "details",
    "dfn", "dialog", "dir", "div", "dl", "dt", "em", "embed", "fieldset", "figcaption",
    "figure", "font", "footer", "form", "frame", "frameset", "h1", "h2", "h3", "h4", "h5",
    "h6", "head", "header", "hr", "html", "i", "iframe", "img", "input", "ins", "kbd",
    "label", "legend", "li", "link", "main", "map", "mark", "marquee", "menu", "meta",
    "meter", "nav", "noscript", "ol", "optgroup", "option", "output", "p", "param", "picture",
    "pre", "progress", "q", "rp", "rt", "ruby", "samp", "script", "section", "select",
    "small", "source", "span", "strike", "strong", "style", "sub", "summary", "sup", "svg",
    "table", "tbody", "td", "template", "textarea", "tfoot", "th", "thead", "time", "tr",
    "track", "tt", "u", "ul", "var", "video", "wbr",
))
# Hugging Face's doc-builder; other components of MDX are known by their capital letter.
COMPONENTS = frozenset((
    "tip", "frameworkcontent", "hfoptions", "hfoption", "pt", "tf", "jax", "docstring",
    "parameters", "paramsdesc", "rettype", "retdesc", "paramgroups", "yieldtype", "yielddesc",
))
INLINE = frozenset((
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn",
    "em", "font", "i", "ins", "kbd", "label", "mark", "q", "rp", "rt", "ruby", "samp",
    "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
))
# fmt: on
TAG = re.compile(
    r"""</?(?P<name>[A-Za-z][A-Za-z0-9.:-]*+)
    (?:\s++[^\s=<>"'/{}`]++                       # an attribute
       (?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|\{(?:[^{}]|\{[^{}]*\})*+\}|[^\s"'=<>`{]++))?+
      |\s*+\{\.\.\.[^{}]*+\})*+
    \s*+/?>""",
    re.VERBOSE,
)
COMPONENT = re.compile(r"[A-Z]\w*[a-z]\w*(?:\.[A-Z]\w*)*")
AUTOLINK = re.compile(r"<(?:[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[\w.+-]+@[\w.-]+)>")
ALT = re.compile(r"\balt\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
TARGET = re.compile(
    r"\(\s*+(?:<(?P<pointed>[^<>\n]{0,2000})>|(?P<bare>(?:[^\s()\\]|\\.|\([^\s()]{0,500}\)){0,2000}+))"
    r"(?:\s++(?:\"[^\"]{0,500}\"|'[^']{0,500}'))?\s*+\)"
)
SPECIAL = re.compile(r"\\.|`+|<|\{/\*|!?\[|\]", re.DOTALL)
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]\w{1,30});")

# Brackets that stand in more than so many others are text, and so is a longer image description.
DEEPEST = 30
LONGEST_ALT = 300


def clean(paragraph: str) -> str:
    """The paragraph's text, its line breaks kept; empty when a browser would show no words."""
    if not SPECIAL.search(paragraph) and "&" not in paragraph:
        return paragraph
    pieces = _Scanner(paragraph).pieces()
    lines = (line.rstrip() for line in "".join(pieces).split("\n"))
    return "\n".join(line for line in lines if line)


def meaningful(alt: str) -> str:
    """An image's description on one line where it says something, else nothing.

    One or two words are a badge's label or a file's name.
    """
    words = alt.split()
    return " ".join(words) if len(words) > 2 and len(alt) <= LONGEST_ALT else ""


def is_tag(tag: re.Match[str]) -> bool:
    """Whether a match of TAG is markup rather than text that looks like it."""
    name = tag["name"]
    if name.lower() in HTML_TAGS:
        return True
    if name not in COMPONENTS and not COMPONENT.fullmatch(name):
        return False
    # Vec<String>: a generic type stands at its name.
    before = tag.string[tag.start() - 1 : tag.start()]
    return not (before.isalnum() or before in ("_", "="))


class _Scanner:
    """One paragraph on its way to the pieces that are left of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.out: list[str] = []
        self.open: list[int] = []  # where in `out` the open brackets stand
        # In a table's row a line break would end the row.
        self.gap = " " if text.lstrip().startswith("|") else "\n"
        self.ticks: dict[int, list[int]] = {}  # length of a run of backticks -> where one begins
        for run in re.finditer("`+", text):
            self.ticks.setdefault(len(run[0]), []).append(run.start())
        self.gone: set[str] = set()  # closing marks of which the rest of the text has none

    def pieces(self) -> list[str]:
        text, at = self.text, 0
        while special := SPECIAL.search(text, at):
            self._text(text[at : special.start()])
            at = self._special(special[0], special.start())
        self._text(text[at:])
        return self.out

    def _text(self, text: str) -> None:
        if text:
            self.out.append(ENTITY.sub(_character, text) if "&" in text else text)

    def _special(self, mark: str, at: int) -> int:
        """Deals with the mark that stands at `at`; where to go on."""
        match mark[0]:
            case "`":
                return self._code(mark, at)
            case "<":
                return self._angle(at)
            case "{":
                return self._skip("*/}", at, 3) or self._keep("{", at)
            case "]":
                return self._close(at)
            case "\\":
                return self._keep(mark, at)
        self.open.append(len(self.out))
        return self._keep(mark, at)

    def _keep(self, piece: str, at: int) -> int:
        self.out.append(piece)
        return at + len(piece)

    def _code(self, ticks: str, at: int) -> int:
        """A code span as it stands, or backticks that open none."""
        after = at + len(ticks)
        ends = self.ticks.get(len(ticks), [])
        next_one = bisect_left(ends, after)
        if next_one == len(ends):
            return self._keep(ticks, at)
        return self._keep(self.text[at : ends[next_one] + len(ticks)], at)

    def _angle(self, at: int) -> int:
        text = self.text
        if text.startswith("<!--", at):
            # A comment that never ends hides nothing: only its mark goes.
            return self._skip("-->", at, 4) or at + 4
        if link := AUTOLINK.match(text, at):
            return self._keep(link[0], at)
        tag = TAG.match(text, at)
        if not tag or not is_tag(tag):
            return self._keep("<", at)
        name = tag["name"].lower()
        if name == "img":
            described = ALT.search(tag[0])
            self._text(meaningful((described[1] or described[2] or "") if described else ""))
        elif name == "li" and tag[0][1] != "/":
            self.out.append(f"{self.gap}- ")
        elif name not in INLINE:
            self.out.append(" " if name in ("br", "td", "th") else self.gap)
        if name in ("script", "style") and tag[0][1] != "/":
            return self._skip(f"</{name}>", at, len(tag[0])) or tag.end()
        return tag.end()

    def _skip(self, closing: str, at: int, opening: int) -> int:
        """Where to go on after a stretch that is left out, 0 when it is never closed."""
        if closing in self.gone:
            return 0
        end = self.text.find(closing, at + opening)
        if end < 0:
            self.gone.add(closing)
            return 0
        return end + len(closing)

    def _close(self, at: int) -> int:
        """Deals with a closing bracket: of an image, a link, a reference, or none of these."""
        if not self.open:
            return self._keep("]", at)
        start = self.open.pop()
        if len(self.open) >= DEEPEST:
            return self._keep("]", at)
        inside = self.out[start + 1 :]
        target = TARGET.match(self.text, at + 1)
        if not target:
            if self._is_reference(inside, start, at):
                self.out[start:] = ["`" + inside[0].strip("`").lstrip("~") + "`"]
                return at + 1
            return self._keep("]", at)
        if self.out[start] == "![":
            del self.out[start:]
            self._text(meaningful("".join(inside)))
        elif not any(piece.strip() for piece in inside):
            del self.out[start:]
        elif (address := target["pointed"] or target["bare"] or "").startswith(
            ("http://", "https://")
        ):
            self.out.append(f"]({address})")
        else:
            self.out[start] = ""
        return target.end()

    def _is_reference(self, inside: list[str], start: int, at: int) -> bool:
        """Whether the brackets hold a code span alone: doc-builder's link to an API object."""
        before = self.out[start - 1][-1:] if start else ""
        return (
            self.out[start] == "["
            and len(inside) == 1
            and inside[0][0] == inside[0][-1] == "`"
            and not inside[0].startswith("``")
            and len(inside[0]) > 2
            and self.text[at + 1 : at + 2] not in ("[", ":")
            and not (before.isalnum() or before in ("`", "_", "]"))
        )


def _character(entity: re.Match[str]) -> str:
    return html.unescape(entity[0]).replace("\N{NO-BREAK SPACE}", " ")
