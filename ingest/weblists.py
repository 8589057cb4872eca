"""What a site's lists of its pages name: an llms.txt, an llms-full.txt, a sitemap.

There is no standard for where a page begins in an llms-full.txt; the forms that the common
generators write are known here. This module fetches nothing and does not judge addresses.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.parsers import expat

# The target of a link in Markdown, or an address that stands by itself.
LINK = re.compile(
    r"\]\(\s*<?([^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)|(?<![(\w])(https?://[^\s<>()\[\]]+)"
)
FENCE = re.compile(r"\s*(`{3,}|~{3,})([^`]*)")

ADDRESS = r"""["'<]?(?P<url>https?://[^\s<>"'()]+|/[^\s<>"'()]*)["'>]?"""
HEADING = re.compile(r"#{1,3}\s+(?P<title>\S.*)")
HEADING_WITH_ADDRESS = re.compile(rf"#\s+(?P<title>\S.*)\s\({ADDRESS}\)\s*")
LABELLED_ADDRESS = re.compile(rf"[>*_\s]*(?:url|source)[*_]*:[*_]*\s*{ADDRESS}\s*", re.I)
FIELD = re.compile(r"[\w-]+\s*:.*|[\s-].*|")
HEAD_LINES = 40  # the most that front matter is looked for in


class NoSitemap(ValueError):
    """A document that is not a sitemap; the message says what it is instead."""


class _Head(NamedTuple):
    """The head of a page: its address, the text to stand in for it, its number of lines."""

    url: str
    text: str
    lines: int


def links_in(text: str) -> list[str]:
    """The targets of the links in Markdown, in order, as they are written."""
    found = (link or alone.rstrip(".,;:!?'\"`*") for link, alone in LINK.findall(text))
    return [link for link in found if link and not link.startswith("#")]


def pages_in(text: str, origin: str) -> Iterator[tuple[str, str]]:
    """The address and the Markdown of each page in the llms-full.txt of `origin`.

    Addresses come as they are written; what stands before the first page has none.
    """
    lines = text.split("\n")
    url, page, fence, at = "", list[str](), "", 0
    while at < len(lines):
        if not fence and (head := _head(lines[at : at + HEAD_LINES], origin)):
            yield url, "\n".join(page)
            url, page, at = head.url, [head.text], at + head.lines
            continue
        fence = _fence_after(lines[at], fence)
        page.append(lines[at])
        at += 1
    yield url, "\n".join(page)


def _head(lines: list[str], origin: str) -> _Head | None:
    """The head of a page that `lines` begin with, None where they begin with something else."""
    if lines[0].rstrip() == "---":
        return _front_matter(lines)
    if found := HEADING_WITH_ADDRESS.fullmatch(lines[0]):
        return _Head(found["url"], f"# {found['title']}", 1)
    heading = HEADING.fullmatch(lines[0])
    if not heading or len(lines) < 2:
        return None
    # An address without a label has to be the site's own, right below the heading.
    if lines[1].startswith(f"{origin}/") and " " not in lines[1].strip():
        below = next((line for line in lines[2:] if line.strip()), "")
        title = "" if below.startswith("# ") else f"# {heading['title']}"
        return _Head(lines[1].strip(), title, 2)
    gap = 0 if lines[1].strip() else 1
    if not lines[0].startswith("# ") or len(lines) < 2 + gap:
        return None
    labelled = LABELLED_ADDRESS.fullmatch(lines[1 + gap])
    return _Head(labelled["url"], lines[0], 2 + gap) if labelled else None


def _front_matter(lines: list[str]) -> _Head | None:
    """The fields between two lines of dashes; they stay, since the title is one of them."""
    for end, line in enumerate(lines[1:], 1):
        if line.rstrip() == "---":
            named = (LABELLED_ADDRESS.fullmatch(line) for line in lines[1:end])
            url = next((found["url"] for found in named if found), "")
            return _Head(url, "\n".join(lines[: end + 1]), end + 1) if url else None
        if not FIELD.fullmatch(line):
            return None
    return None


def _fence_after(line: str, fence: str) -> str:
    """The fence that is open after `line`, given the one before it; empty for none."""
    mark = FENCE.fullmatch(line)
    if not mark:
        return fence
    closes = mark[1].startswith(fence) and not mark[2].strip()
    return mark[1] if not fence else "" if closes else fence


def locations_in(xml: bytes) -> list[str]:
    """The addresses in a sitemap, of pages or of further sitemaps; raises NoSitemap.

    A document type is refused, and with it the entities that could make a small file a big one.
    """
    root, locations, path, loc = "", list[str](), list[str](), list[str]()

    def opened(name: str, _: dict[str, str]) -> None:
        nonlocal root
        root = root or name
        path.append(name)
        if len(path) > 20:
            raise NoSitemap("nested too deeply")
        loc.clear()

    def closed(name: str) -> None:
        path.pop()
        # Two deep, as pictures and videos within an entry have addresses too.
        if _local(name) == "loc" and len(path) == 2:
            locations.append("".join(loc).strip())
        loc.clear()

    def refuse(*_: object) -> None:
        raise NoSitemap("XML with a document type, which a sitemap has not")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    parser.CharacterDataHandler = loc.append
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(xml, True)
    except (expat.ExpatError, LookupError, ValueError) as fault:
        if isinstance(fault, NoSitemap):
            raise
        raise NoSitemap(f"no sound XML ({fault})") from fault
    if _local(root) not in ("urlset", "sitemapindex"):
        raise NoSitemap(f"XML of the kind {root}")
    return [location for location in locations if location]


def _local(name: str) -> str:
    """An element's name without the prefix of its namespace."""
    return name.rpartition(":")[2]
