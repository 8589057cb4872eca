"""What every reader returns, the choice of a reader for a source, and the check of an address.

This module knows nothing of how a kind of source is read; the readers are imported when one is
needed, since each brings a library of its own.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from rag.data import FootnoteError, Passage

CAN_BE_READ = (
    "python:PACKAGE, hf:DATASET, https://..., a folder or file of Markdown, notebooks or HTML, or "
    "a .parquet, .jsonl, .csv, .txt or .txt.gz (dataset viewer) table file"
)
# The readers, each by the name that `--as` knows it by.
KINDS = ("package", "dataset", "web", "files", "table")
FILES = (".md", ".mdx", ".markdown", ".ipynb", ".html", ".htm")


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


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may say about a source; each reader takes what concerns it.

    `base_url` is the published site of a folder's files, `chunking` is "own" or "table", the cut
    of Markdown. `exclude` and `source_url` matter to packages, `columns` (ours -> theirs), `split`
    and `skip_bad_rows` to tables and data sets.
    """

    base_url: str | None = None
    chunking: str = "own"
    exclude: Sequence[str] = ()
    source_url: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    split: str = "train"
    skip_bad_rows: bool = False


def kind_of(source: str) -> str:
    """Which of the KINDS of reader a source's form calls for."""
    if source.startswith("python:"):
        return "package"
    if source.startswith("hf:"):
        return "dataset"
    if source.startswith(("http://", "https://")):
        return "web"
    # os.path, since a Path raises for a name that no file can have.
    return "files" if os.path.isdir(source) or source.lower().endswith(FILES) else "table"  # noqa: PTH112


def read(source: str, options: Options | None = None, kind: str | None = None) -> Reading:
    """Opens `source` with the reader of that `kind`, by default the one its form calls for.

    Raises FootnoteError when the reader cannot open the source.
    """
    options = options or Options()
    match kind or kind_of(source):
        case "package":
            from ingest import package

            return package.read(source.removeprefix("python:"), options)
        case "dataset":
            from ingest import dataset

            return dataset.read(source.removeprefix("hf:"), options)
        case "web":
            from ingest import web

            return web.read(source, options)
        case "files":
            from ingest import files

            return files.read(Path(source), options)
        case "table":
            from ingest import table

            return table.read(Path(source), options)
        case unknown:
            raise FootnoteError(f"no reader is called {unknown!r}; there are {', '.join(KINDS)}")


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
