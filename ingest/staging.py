"""What a source holds, on disk before anything is written, so that memory does not grow with it.

Passages go into a temporary SQLite file, each distinct text once with the other places where it
stands, and come out as what is new, what only moved, and what is gone. This module knows nothing
of vectors or indexes.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from rag.data import FootnoteError, Passage, Place
from rag.stored import content_id, passage_hash, passage_id

TABLES = """
CREATE TABLE passages
    (id TEXT UNIQUE, text TEXT UNIQUE, chunk_id TEXT UNIQUE, content TEXT, hash TEXT);
CREATE TABLE places (text TEXT, content TEXT);
CREATE INDEX places_of ON places (text);
CREATE TABLE known (id TEXT PRIMARY KEY, hash TEXT);
"""


class Staging:
    """A source's passages on their way into an index; a context manager that leaves nothing."""

    def __init__(self, source: str):
        self._source = source
        self._folder = tempfile.TemporaryDirectory(prefix="footnote-")
        self._rows = sqlite3.connect(Path(self._folder.name) / "staging.sqlite3")
        # It is thrown away after a stop, so that nothing has to be safe on disk.
        self._rows.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + TABLES)
        self.repeats = 0

    def __enter__(self) -> Staging:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._rows.close()
        self._folder.cleanup()

    def add(self, passage: Passage) -> None:
        """Takes a passage in, or the place of one whose text is there already.

        Raises FootnoteError if its chunk id stands for another text.
        """
        passage = replace(passage, source=self._source)
        text = content_id(Passage("", "", passage.text))
        try:
            self._rows.execute(
                "INSERT INTO passages VALUES (?, ?, ?, ?, ?)",
                (
                    passage_id(passage),
                    text,
                    passage.chunk_id,
                    json.dumps(asdict(passage)),
                    passage_hash(passage),
                ),
            )
        except sqlite3.IntegrityError as error:
            if not self._rows.execute("SELECT 1 FROM passages WHERE text = ?", (text,)).fetchone():
                raise FootnoteError(
                    f"{self._source}: chunk id {passage.chunk_id!r} stands for two different "
                    "texts: make it unique"
                ) from error
            place = Place(passage.chunk_id, passage.url, passage.title, passage.headings)
            self._rows.execute(
                "INSERT INTO places VALUES (?, ?)", (text, json.dumps(asdict(place)))
            )
            self.repeats += 1

    def compare(self, known: Iterable[tuple[str, str]]) -> None:
        """Sets the source against what an index holds of it, as (id, hash) pairs."""
        # With its other places a passage has another hash.
        for (text,) in self._rows.execute("SELECT DISTINCT text FROM places").fetchall():
            (passage,) = self._select("WHERE text = ?", text)
            self._rows.execute(
                "UPDATE passages SET hash = ? WHERE text = ?", (passage_hash(passage), text)
            )
        self._rows.executemany("INSERT INTO known VALUES (?, ?)", known)

    def __len__(self) -> int:
        """The number of distinct passages."""
        return self._count("SELECT count(*) FROM passages")

    def count_new(self) -> int:
        """How many passages the index lacks."""
        return self._count("SELECT count(*) FROM passages WHERE id NOT IN (SELECT id FROM known)")

    def new(self) -> Iterator[Passage]:
        """The passages that the index lacks, in the source's order."""
        return self._select("WHERE id NOT IN (SELECT id FROM known) ORDER BY rowid")

    def moved(self) -> Iterator[Passage]:
        """The passages that it has, but under another chunk id, address or set of places."""
        return self._select(
            "JOIN known USING (id) WHERE passages.hash != known.hash ORDER BY passages.rowid"
        )

    def gone(self) -> list[str]:
        """The ids of what the index holds and the source no longer does."""
        rows = self._rows.execute(
            "SELECT id FROM known WHERE id NOT IN (SELECT id FROM passages) ORDER BY id"
        )
        return [name for (name,) in rows]

    def urls(self) -> Iterator[str]:
        """The address of each passage."""
        rows = self._rows.execute("SELECT json_extract(content, '$.url') FROM passages")
        return (url for (url,) in rows)

    def _count(self, query: str) -> int:
        return int(self._rows.execute(query).fetchone()[0])

    def _select(self, where: str, *values: Any) -> Iterator[Passage]:
        rows = self._rows.execute(f"SELECT passages.text, content FROM passages {where}", values)
        for text, content in rows:
            fields = json.loads(content)
            places = self._rows.execute(
                "SELECT content FROM places WHERE text = ? ORDER BY rowid", (text,)
            )
            repeats = [json.loads(place) for (place,) in places]
            yield Passage(
                **fields
                | {
                    "headings": tuple(fields["headings"]),
                    "repeats": tuple(
                        Place(**place | {"headings": tuple(place["headings"])}) for place in repeats
                    ),
                }
            )
