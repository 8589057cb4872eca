"""What a reader of pages makes of each: a document in sections, ready to be cut into passages.

This module knows nothing of Markdown, HTML or the web.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ingest.chunker import split
from rag.data import Passage


@dataclass(frozen=True, slots=True)
class Section:
    """The text under one heading, up to the next.

    `headings` is the path of headings from the page's title down, without the title itself;
    `anchor` is the fragment that the published page has for it, empty at the top of the page.
    `text` is Markdown, its code fenced, without the heading's own line.
    """

    headings: tuple[str, ...]
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """A page. `name` identifies it within its source (a relative path, a URL's path)."""

    name: str
    url: str
    title: str
    sections: tuple[Section, ...]


def passages(document: Document) -> Iterator[Passage]:
    """The document's passages, each linked to its own section of the page."""
    seen: dict[str, int] = {}
    for section in document.sections:
        anchor = f"#{section.anchor}" if section.anchor else ""
        for piece in split(section.text):
            place = f"{document.name}{anchor}"
            number = seen[place] = seen.get(place, -1) + 1
            yield Passage(
                chunk_id=f"{place}:{number}",
                url=f"{document.url}{anchor}",
                text=piece,
                title=document.title,
                headings=section.headings,
            )
