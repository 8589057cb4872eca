"""A passage as the index keeps it: its id, its hash, its metadata, the words it is found by.

Ids and hashes depend on what the passage says alone, so that an ingest can tell what is new. This
module knows nothing of Chroma.
"""

import hashlib
import json
from typing import Any

from rag.data import Passage, Place


def passage_id(passage: Passage) -> str:
    """The passage's id in the index: its source and what it says.

    The source's own chunk ids are not part of it, so that renumbering them moves nothing.
    """
    return f"{passage.source}\n{content_id(passage)}"


def content_id(passage: Passage) -> str:
    """A hash over all that decides a passage's vector and words: text, title and headings."""
    content = [passage.text, passage.title, passage.headings]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def passage_hash(passage: Passage) -> str:
    """A hash over everything the index keeps of a passage: equal means nothing to write."""
    content: list[Any] = [content_id(passage), passage.chunk_id, passage.url]
    content.append([(p.chunk_id, p.url, p.title, p.headings) for p in passage.repeats])
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def context(passage: Passage) -> str:
    """Where the passage stands, in words: its page's title and the headings above it."""
    return " > ".join(part for part in (passage.title, *passage.headings) if part)


def searched_words(passage: Passage) -> str:
    """The text whose words stand for the passage. Measured: headings count double."""
    names = context(passage)
    return f"{names}\n{names}\n{passage.text}"


def metadata_of(passage: Passage) -> dict[str, Any]:
    """All of the passage but its text, in values that Chroma can hold."""
    metadata: dict[str, Any] = {
        "source": passage.source,
        "chunk_id": passage.chunk_id,
        "url": passage.url,
        "title": passage.title,
        "hash": passage_hash(passage),
    }
    if passage.headings:  # Chroma refuses empty lists
        metadata["headings"] = list(passage.headings)
    if passage.repeats:
        metadata["repeat_ids"] = [place.chunk_id for place in passage.repeats]
        metadata["repeat_urls"] = [place.url for place in passage.repeats]
        names = [(place.title, place.headings) for place in passage.repeats]
        metadata["repeat_names"] = json.dumps(names)
    return metadata


def passage_from(text: str, metadata: dict[str, Any]) -> Passage:
    """The passage of that text and metadata."""
    places = zip(
        metadata.get("repeat_ids", ()),
        metadata.get("repeat_urls", ()),
        json.loads(metadata.get("repeat_names", "[]")),
        strict=True,
    )
    return Passage(
        chunk_id=metadata["chunk_id"],
        url=metadata["url"],
        text=text,
        title=metadata["title"],
        headings=tuple(metadata.get("headings", ())),
        source=metadata["source"],
        repeats=tuple(
            Place(chunk_id, url, title, tuple(headings))
            for chunk_id, url, (title, headings) in places
        ),
    )
