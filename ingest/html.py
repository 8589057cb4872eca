"""Reads a page of HTML into sections, each with an anchor that the page really has.

lxml makes the tree; the page's main part is walked once, without recursion, and written down as
Markdown: paragraphs, list items, fenced code, tables. What carries an `id` when a heading comes
is the heading's anchor; a term of a definition list that has one, as every object of a Sphinx
API page does, is a section of its own. This module knows nothing of files and sites.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import quote

from lxml import etree

from ingest.chunker import fenced
from ingest.document import Document, Section
from ingest.inline import meaningful
from rag.data import FootnoteError

# fmt: off
DROPPED = frozenset((
    "script", "style", "template", "noscript", "nav", "footer", "aside", "svg", "iframe",
    "object", "embed", "canvas", "audio", "video", "select", "button", "textarea", "input",
    "datalist", "head", "dialog",
))
BLOCKS = frozenset((
    "address", "article", "blockquote", "body", "center", "dd", "details", "dialog", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "form", "h1", "h2", "h3", "h4", "h5",
    "h6", "header", "hr", "html", "legend", "li", "main", "menu", "ol", "optgroup", "p",
    "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
    "caption",
))
# fmt: on
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
HIDDEN_ROLES = ("navigation", "search", "banner", "contentinfo", "complementary")
# Sphinx, MkDocs, Docusaurus and GitHub: links to the heading itself, to the source, line numbers.
MACHINERY = frozenset(
    ("headerlink", "hash-link", "viewcode-link", "linenos", "linenodiv", "anchor-link")
)
PERMALINK = re.compile(r"[\s\u200b]*[¶#§🔗\uf0c1]+[\s\u200b]*")
LANGUAGE = re.compile(r"(?:language|lang|highlight(?:-source)?)-([\w+#]{1,20})(?!\S)")
DEEPEST_LIST = 8


def document(html: str, name: str, url: str) -> Document:
    """The page `name` at `url`; raises FootnoteError when its tags are nested beyond reason."""
    root = _tree(html)
    if root is None:
        return Document(name, url, name, ())
    main = _main(root)
    writer = _Writer()
    writer.walk(main)
    named = (_text(element) for path in (".//h1", ".//title") for element in root.iterfind(path))
    title = writer.title or next(filter(None, named), name)
    return Document(name, url, title, tuple(writer.sections))


def tables_as_markdown(text: str) -> str:
    """Markdown's text with the HTML tables in it, each beginning a line, as tables of Markdown."""
    lower = text.lower() if "<" in text else ""
    if len(lower) != len(text) or "</table>" not in lower:
        return text
    parts, at = [], 0
    for begin in re.finditer(r"^[ \t]*<table\b", lower, re.MULTILINE):
        if begin.start() < at:
            continue
        end = lower.find("</table>", begin.end())
        if end < 0:
            break
        end += len("</table>")
        root = _tree(text[begin.start() : end])
        element = root.find(".//table") if root is not None else None
        rows = _table(element) if element is not None else ""
        parts += [text[at : begin.start()], f"\n\n{rows}\n\n"]
        at = end
    return "".join(parts) + text[at:]


def _tree(html: str) -> etree._Element | None:
    """The root of the page's tree, None when there is nothing in it."""
    # Bytes, since lxml takes no text that declares an encoding.
    source = html.replace("\0", "").encode("utf-8", "replace")
    parser = etree.HTMLParser(
        encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, no_network=True
    )
    try:
        root = etree.fromstring(source, parser)
    except etree.XMLSyntaxError:
        return None  # nothing but white space or comments
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise FootnoteError("the page's tags are nested too deeply; check that they are closed")
    return root


def _main(root: etree._Element) -> etree._Element:
    """The element that holds what the page is about."""
    for path in (".//main", ".//*[@role='main']"):
        found = root.find(path)
        if found is not None:
            return found
    articles = root.findall(".//article")
    if len(articles) == 1:
        return articles[0]
    body = root.find(".//body")
    return root if body is None else body


class _Writer:
    """Writes a walk through elements down as sections."""

    def __init__(self) -> None:
        self.title = ""
        self.sections: list[Section] = []
        self.blocks: list[str] = []  # of the section at hand
        self.line: list[str] = []  # the inline text of the block at hand
        self.prefix = ""  # of the block at hand: a list item's marker
        self.lists: list[str | int] = []  # the lists that are open: "-", or the next number
        self.links: list[tuple[int, str]] = []  # where each open link's text begins, its address
        self.path: list[tuple[int, str]] = []  # the headings above, by level
        self.anchor = ""
        self.pending = ""  # an id that no text has followed yet
        # For each open definition list: the path and anchor to go back to after it.
        self.terms: list[tuple[list[tuple[int, str]], str]] = []

    def walk(self, main: etree._Element) -> None:
        walker = etree.iterwalk(main, events=("start", "end"))
        whole = None
        for event, element in walker:
            if event == "start":
                if self._whole(element, main):
                    whole = element
                    walker.skip_subtree()
                else:
                    self._start(element)
                continue
            if element is not whole:
                self._end(element)
            if element is not main:
                self._inline(element.tail)
        self._section(self.path, self.anchor)

    def _whole(self, element: etree._Element, main: etree._Element) -> bool:
        """Deals with an element as a whole; false where its children are to be walked."""
        tag = element.tag
        if element is not main and _hidden(element):
            return True
        if tag == "header":
            # A page's banner; the one that holds a title inside the main part is not.
            return main.tag in ("body", "html") or element.find(".//h1") is None
        identifier = element.get("id") or (element.get("name") if tag == "a" else None)
        # Sphinx keeps a section's older names in empty spans before its heading.
        if identifier and (tag != "span" or not self.pending):
            self.pending = _fragment(identifier)
        if tag in HEADINGS:
            self._heading(element)
        elif tag == "dt" and element.get("id"):
            self._term(element)
        elif tag == "pre":
            self._code(element)
        elif tag == "table" and (rows := _table(element)):
            self._block()
            self._add(rows)
        elif tag == "img":
            self._inline(meaningful(element.get("alt") or ""))
        else:
            return False
        return True

    def _start(self, element: etree._Element) -> None:
        tag = element.tag
        if tag in BLOCKS:
            self._block()
        if tag in ("ul", "menu"):
            self.lists.append("-")
        elif tag == "ol":
            start = element.get("start") or "1"
            self.lists.append(int(start) if re.fullmatch(r"\d{1,6}", start) else 1)
        elif tag == "li":
            self._item()
        elif tag == "dl":
            self.terms.append((self.path, self.anchor))
        elif tag == "a":
            self.links.append((len(self.line), element.get("href") or ""))
        elif tag == "br":
            self.line.append(" ")
        elif tag == "code":
            self.line.append("`")
        self._inline(element.text)

    def _end(self, element: etree._Element) -> None:
        tag = element.tag
        if tag == "code" and self.line:
            if self.line[-1] == "`":
                self.line.pop()  # an empty span leaves nothing
            else:
                self.line.append("`")
        elif tag == "a" and self.links:
            self._link(*self.links.pop())
        if tag not in BLOCKS:
            return
        self._block()
        if tag in ("ul", "ol", "menu") and self.lists:
            self.lists.pop()
        elif tag == "dl" and self.terms:
            path, anchor = self.terms.pop()
            if path is not self.path:
                self._section(path, anchor)

    def _inline(self, text: str | None) -> None:
        if text:
            self.line.append(text)
            if not text.isspace():
                self.pending = ""

    def _link(self, start: int, address: str) -> None:
        """Keeps the target of a link that leads to another site."""
        text = "".join(self.line[start:])
        if text.strip() and re.fullmatch(r"https?://[^\s()<>]{1,2000}", address):
            self.line[start:] = [f"[{text}]({address})"]

    def _item(self) -> None:
        kind = self.lists[-1] if self.lists else "-"
        if isinstance(kind, int):
            self.lists[-1] = kind + 1
        marker = f"{kind}." if isinstance(kind, int) else kind
        self.prefix = f"{'  ' * min(len(self.lists) - 1, DEEPEST_LIST)}{marker} "

    def _block(self) -> None:
        """Ends the paragraph at hand."""
        if text := _collapsed("".join(self.line)):
            self._add(self.prefix + text)
            self.prefix = ""
        self.line.clear()
        # What is still open of a link does not reach into the next paragraph.
        self.links = [(0, "") for _ in self.links]

    def _add(self, block: str) -> None:
        self.pending = ""
        self.blocks.append(block)

    def _section(self, path: list[tuple[int, str]], anchor: str) -> None:
        """Ends the section at hand; the next has this `path` and `anchor`."""
        self._block()
        if self.blocks:
            headings = tuple(text for _, text in self.path)
            self.sections.append(Section(headings, self.anchor, _joined(self.blocks)))
        self.blocks = []
        self.path, self.anchor = path, anchor
        self.prefix = ""

    def _heading(self, element: etree._Element) -> None:
        inner = next((e.get("id") or e.get("name") for e in element.iterfind(".//a")), None)
        inner = inner or next((e.get("id") for e in element.iterfind(".//*[@id]")), None)
        if inner and not element.get("id"):
            self.pending = _fragment(inner)
        anchor = self.pending or self.anchor
        text, level = _text(element), int(element.tag[1])
        path = [heading for heading in self.path if heading[0] < level]
        if level == 1 and not self.title and text:
            self.title = text
        elif text:
            path.append((level, text))
        self._section(path, anchor)
        self.pending = ""

    def _term(self, element: etree._Element) -> None:
        """A section for what a definition list says of a term that can be linked to."""
        signature = _text(element)
        anchor = self.pending
        above = self.terms[-1][0] if self.terms else self.path
        # Deeper than any heading; inside another term, deeper than that.
        path = [*above, (7 + len(self.terms), signature.partition("(")[0].strip() or signature)]
        self._section(path if signature else above, anchor)
        if signature:
            is_code = "sig" in (element.get("class") or "").split() and "`" not in signature
            self._add(f"`{signature}`" if is_code else signature)

    def _code(self, element: etree._Element) -> None:
        self._block()
        code = _code_text(element)
        if not code.strip():
            return
        self._add(fenced(code, _language(element)))


def _hidden(element: etree._Element) -> bool:
    classes = (element.get("class") or "").split()
    return (
        element.tag in DROPPED
        or element.get("role") in HIDDEN_ROLES
        or element.get("hidden") is not None
        or not MACHINERY.isdisjoint(classes)
        or (element.tag == "a" and len(element) == 0 and _is_permalink(element))
    )


def _is_permalink(element: etree._Element) -> bool:
    return bool(PERMALINK.fullmatch(element.text or "")) and (element.get("href") or "")[:1] == "#"


def _fragment(identifier: str) -> str:
    """An id as the end of an address: what cannot stand in one is written as %20 and so on."""
    return "".join(c if c.isprintable() and c not in ' "<>' else quote(c) for c in identifier)


def _visible(element: etree._Element) -> Iterator[tuple[str, str]]:
    """The element's own text in order, each with the tag that it begins or ends at."""
    walker = etree.iterwalk(element, events=("start", "end"))
    for event, part in walker:
        if event == "start":
            if part is not element and _hidden(part):
                walker.skip_subtree()
            else:
                yield part.tag, part.text or ""
        elif part is not element:
            yield part.tag, part.tail or ""


def _text(element: etree._Element) -> str:
    """The element's text on one line."""
    return _collapsed(
        "".join(
            (" " if tag in BLOCKS or tag == "br" else "") + text for tag, text in _visible(element)
        )
    )


def _code_text(element: etree._Element) -> str:
    """The text of a <pre>, its lines and indentation as they stand."""
    pieces = []
    after_break = False
    for tag, text in _visible(element):
        # A <br> is met twice: where it begins and where it ends.
        if tag == "br" and not after_break:
            pieces.append("\n")
        after_break = tag == "br" and not after_break
        pieces.append(text)
    code = "".join(pieces).replace("\r\n", "\n").replace("\N{NO-BREAK SPACE}", " ")
    return re.sub(r"\A(\s*\n)+", "", code).rstrip()


def _language(pre: etree._Element) -> str:
    """The language that a highlighter's class names: on the <pre>, in it, or just around it."""
    places = [pre, *pre.iterfind("code")]
    parent = pre.getparent()
    if parent is not None:
        places.append(parent)
        if parent.getparent() is not None:
            places.append(parent.getparent())
    for place in places:
        if named := LANGUAGE.search(place.get("class") or ""):
            return "" if named[1] in ("default", "none", "text") else named[1]
    return ""


def _table(element: etree._Element) -> str:
    """A table as Markdown, empty where it only lays the page out or has no text."""
    if element.find(".//table") is not None or element.find(".//pre") is not None:
        return ""
    rows = []
    for row in element.iter("tr"):
        cells = [_text(cell).replace("|", "\\|") for cell in row if cell.tag in ("td", "th")]
        if any(cells):
            rows.append(cells)
    if not rows:
        return ""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"|{'---|' * len(rows[0])}")
    caption = element.find("caption")
    if caption is not None and (named := _text(caption)):
        lines[:0] = [named, ""]
    return "\n".join(lines)


def _joined(blocks: list[str]) -> str:
    """The blocks with blank lines between, list items close together."""
    parts = [blocks[0]]
    for before, block in pairwise(blocks):
        parts.append("\n" if _is_item(before) and _is_item(block) else "\n\n")
        parts.append(block)
    return "".join(parts)


def _is_item(block: str) -> bool:
    return bool(re.match(r" *(-|\d+\.) ", block))


def _collapsed(text: str) -> str:
    return " ".join(text.split())
