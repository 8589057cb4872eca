"""Writes passages as a table in Parquet, in the form that `ingest.table` reads.

The columns are those of the published table, `source,url,file_type,chunk,chunk_id`, and after
them `title` and `headings`, so that nothing is lost. The file appears when it is complete: rows
go to a file beside it, which takes its place at the end. This module knows nothing of indexes.
"""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from rag.data import FootnoteError, Passage, Place

# Rows held in memory at a time; each lot becomes a row group.
ROWS = 10_000
# The table tells the kind of text by a file's suffix; passages are Markdown.
FILE_TYPE = ".md"


def export(passages: Iterable[Passage], path: Path) -> int:
    """Writes the passages to `path` and returns the number of rows.

    Raises FootnoteError when the name does not end in .parquet, the place cannot be written, or
    two texts have one chunk_id; then, as when it is interrupted, what was at `path` stays.
    """
    if path.suffix.lower() != ".parquet":
        raise FootnoteError(f"{path}: exports are Parquet; give a name that ends in .parquet")
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            written = _write(passages, beside)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as fault:
        raise FootnoteError(
            f"{path}: cannot be written ({fault.strerror or fault}); give another place"
        ) from fault
    return written


def _write(passages: Iterable[Passage], file: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ("source", "url", "file_type", "chunk", "chunk_id", "title")
    schema = pa.schema(
        [*((name, pa.string()) for name in names), ("headings", pa.list_(pa.string()))]
    )
    rows = _rows(passages)
    written = 0
    with pq.ParquetWriter(file, schema) as table:
        while lot := list(islice(rows, ROWS)):
            table.write_table(pa.Table.from_pylist(lot, schema))
            written += len(lot)
    return written


def _rows(passages: Iterable[Passage]) -> Iterator[dict[str, Any]]:
    """A row for each passage and, after it, one for each place where its text stands again."""
    texts: dict[int, int] = {}  # chunk_id -> text, their hashes, since a table may be long
    for passage in passages:
        places: tuple[Passage | Place, ...] = (passage, *passage.repeats)
        text = hash(passage.text)
        for place in places:
            if texts.setdefault(hash(place.chunk_id), text) != text:
                raise FootnoteError(
                    f"chunk_id {place.chunk_id!r} of {passage.source!r} stands for another text"
                    " in the same export; export one source at a time"
                )
            yield {
                "source": passage.source,
                "url": place.url,
                "file_type": FILE_TYPE,
                "chunk": passage.text,
                "chunk_id": place.chunk_id,
                "title": place.title,
                "headings": place.headings,
            }
