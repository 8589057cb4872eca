"""What every reader returns, the choice of a reader for a source, and the check of an address.

This module knows nothing of how a kind of source is read; the readers are imported when one is
needed, since each brings a library of its own.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rag.data import FootnoteError, Passage

CAN_BE_READ = (
    "python:PACKAGE, or a .parquet, .jsonl, .csv, .txt or .txt.gz (dataset viewer) table file"
)
NOT_YET = {
    "hf:": "data sets of the hub",
    "http://": "web addresses",
    "https://": "web addresses",
}


@dataclass
class Reading:
    """A source that is open and about to be read.

    `name` is what the source is called in the index, `title` is for people, `version` is empty
    when unknown. `total` is the number of rows that will be read, None when unknown. `passages`
    reads as it is iterated and raises FootnoteError on a fault; `left_out` counts what is not
    passed on, by reason, and is complete when `passages` has ended.
    """

    name: str
    title: str
    version: str
    total: int | None
    passages: Iterator[Passage]
    left_out: Counter[str]


def read(
    source: str,
    *,
    exclude: Sequence[str] = (),
    source_url: str | None = None,
    skip_bad_rows: bool = False,
) -> Reading:
    """Opens `source` with the reader that its form calls for.

    `exclude` and `source_url` matter to packages, `skip_bad_rows` to tables. Raises
    FootnoteError when no reader is meant or the reader cannot open the source.
    """
    if source.startswith("python:"):
        from ingest import package

        return package.read(source.removeprefix("python:"), exclude=exclude, source_url=source_url)
    for form, what in NOT_YET.items():
        if source.startswith(form):
            raise FootnoteError(f"{source}: this version does not read {what}; give {CAN_BE_READ}")
    from ingest import table

    return table.read(Path(source), skip_bad_rows=skip_bad_rows)


def url_fault(url: str) -> str | None:
    """What keeps `url` from being a link that can be followed, None when nothing does."""
    if not url.isprintable() or " " in url:
        return "holds a space or control character"
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # raises for a port that is no number
    except ValueError as fault:
        return f"is not a URL ({fault})"
    if parts.scheme not in ("http", "https"):
        return "does not begin with http:// or https://"
    if not host:
        return "names no host"
    return None
