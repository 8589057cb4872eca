"""Reads tables of ready-made chunks: Parquet, JSON lines, CSV, and the dataset viewer's text copy.

A row becomes one passage as it stands; only `url`, `chunk` and `chunk_id` are needed. Title and
headings, which such a table lacks, come from the URL's words. This module knows nothing of
indexes; repeats of a text are the build's affair.
"""

import csv
import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ingest.boilerplate import is_licence
from ingest.reading import CAN_BE_READ, Reading, url_fault
from rag.data import FootnoteError, Passage

NEEDED = ("url", "chunk", "chunk_id")

# The viewer's copy: the head names each column above its type and one or two statistics, then
# every row has one line for each column.
VIEWER_COLUMNS = ("source", "url", "file_type", "chunk", "chunk_id")
VIEWER_HEAD = 18
VIEWER_NAMES_AT = (0, 3, 7, 10, 14)

# A row of the file by column, or what kept it from being read.
Row = dict[str, Any] | str


def read(path: Path, *, skip_bad_rows: bool = False) -> Reading:
    """Opens the table at `path`; with `skip_bad_rows` malformed rows are counted, not raised.

    Raises FootnoteError here when the file cannot be opened as what its name says, and while
    the passages are read when something in it is malformed.
    """
    total = None
    left_out: Counter[str] = Counter()
    try:
        if not path.exists():
            raise FootnoteError(f"{path}: no such file; give {CAN_BE_READ}")
        if path.is_dir():
            raise FootnoteError(
                f"{path} is a folder: this version does not read Markdown folders;"
                f" give {CAN_BE_READ}"
            )
        if path.stat().st_size == 0:
            raise FootnoteError(f"{path} is empty; give a table that holds rows")
        if path.name.lower().endswith(".parquet"):
            total, rows = _parquet(path)
        elif path.name.lower().endswith(".jsonl"):
            rows = _jsonl(path)
        elif path.name.lower().endswith(".csv"):
            rows = _csv(path)
        elif path.name.lower().endswith((".txt", ".txt.gz")):
            rows = _viewer(path)
        else:
            raise FootnoteError(f"{path}: no reader for this kind of file; give {CAN_BE_READ}")
    except OSError as fault:
        raise FootnoteError(f"{path}: cannot be read ({fault.strerror or fault})") from fault
    passages = _passages(path, rows, skip_bad_rows, left_out)
    return Reading(path.name, path.name.split(".")[0], "", total, passages, left_out)


class _Malformed(Exception):
    """A row that is no passage; the message says why."""


def _passages(
    path: Path, rows: Iterator[tuple[str, Row]], skip_bad_rows: bool, left_out: Counter[str]
) -> Iterator[Passage]:
    """Passes on the sound rows that are documentation and counts the others in `left_out`."""
    texts: dict[str, int] = {}  # chunk_id -> hash of its text
    for where, row in rows:
        try:
            passage = _passage(row)
            if texts.setdefault(passage.chunk_id, hash(passage.text)) != hash(passage.text):
                raise _Malformed(f"chunk_id {_shown(passage.chunk_id)} had another text before")
        except _Malformed as fault:
            if not skip_bad_rows:
                raise FootnoteError(
                    f"{path.name}, {where}: {fault}; correct it, or leave out such rows with"
                    " --skip-bad-rows"
                ) from fault
            left_out["malformed"] += 1
            continue
        if is_licence(passage.text):
            left_out["licence boilerplate"] += 1
        else:
            yield passage
    if not texts and left_out["malformed"]:
        raise FootnoteError(
            f"{path.name}: all of its {left_out['malformed']} rows are malformed; run without"
            " --skip-bad-rows to see the first fault"
        )
    if not texts:
        raise FootnoteError(f"{path.name} holds no rows; give a table that does")


def _passage(row: Row) -> Passage:
    """The passage that a row holds; raises _Malformed when it holds none."""
    if isinstance(row, str):
        raise _Malformed(row)
    if missing := [name for name in NEEDED if name not in row]:
        raise _Malformed(_lacks(missing, row))
    for name in NEEDED:
        if not isinstance(row[name], str):
            raise _Malformed(f"{name} is {_shown(row[name])}, not text")
        if not row[name].replace("\0", "").strip():
            raise _Malformed(f"{name} is empty")
        if not _encodes(row[name]):
            raise _Malformed(f"{name} holds half of a surrogate pair: {_shown(row[name])}")
    url = row["url"]
    if fault := url_fault(url):
        raise _Malformed(f"url {_shown(url)} {fault}")
    # Databases cut a text off at a NUL.
    text, chunk_id = row["chunk"].replace("\0", ""), row["chunk_id"].replace("\0", "")
    title, headings = _title_and_headings(url)
    return Passage(chunk_id, url, text, title, headings)


def _parquet(path: Path) -> tuple[int, Iterator[tuple[str, Row]]]:
    """The number of rows, and the rows read a batch at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    corrupt = f"{path.name} is not a sound Parquet file"
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowException as fault:
        raise FootnoteError(f"{corrupt} ({_one_line(fault)}); get it anew") from fault
    if missing := [name for name in NEEDED if name not in file.schema_arrow.names]:
        file.close()
        raise FootnoteError(f"{path.name}: {_lacks(missing, file.schema_arrow.names)}")

    def rows() -> Iterator[tuple[str, Row]]:
        number = 0
        with file:
            try:
                for batch in file.iter_batches(batch_size=1024, columns=list(NEEDED)):
                    for row in batch.to_pylist():
                        number += 1
                        yield f"row {number}", row
            except UnicodeDecodeError as fault:
                raise FootnoteError(
                    f"{path.name}, after row {number}: not UTF-8 ({fault.reason}); write the"
                    " file anew with its texts in UTF-8"
                ) from fault
            except (pa.ArrowException, OSError) as fault:
                raise FootnoteError(
                    f"{corrupt}, after row {number} ({_one_line(fault)}); get it anew"
                ) from fault

    return file.metadata.num_rows, rows()


def _jsonl(path: Path) -> Iterator[tuple[str, Row]]:
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            yield f"line {number}", _json_object(line)


def _json_object(line: str) -> Row:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as fault:
        return f"not valid JSON ({fault.msg} at column {fault.colno}): {_shown(line)}"
    except (ValueError, RecursionError) as fault:  # a number too long, nesting too deep
        return f"not valid JSON ({fault})"
    return row if isinstance(row, dict) else f"not a JSON object but {_shown(row)}"


def _csv(path: Path) -> Iterator[tuple[str, Row]]:
    # Strict, since a stray quote would otherwise swallow the rows after it without a word.
    reader = csv.reader(_lines(path), strict=True)
    first = 1
    try:
        columns = next(reader, [])
        if missing := [name for name in NEEDED if name not in columns]:
            raise FootnoteError(f"{path.name}, line 1: {_lacks(missing, columns)}")
        first = reader.line_num + 1
        for values in reader:
            if len(values) == len(columns):
                yield f"line {first}", dict(zip(columns, values, strict=True))
            elif values:
                yield f"line {first}", f"{len(values)} values for {len(columns)} columns"
            first = reader.line_num + 1
    except csv.Error as fault:
        raise FootnoteError(
            f"{path.name}, line {first}: not valid CSV ({fault}); check the quotes from there on"
        ) from fault


def _viewer(path: Path) -> Iterator[tuple[str, Row]]:
    lines = (line.rstrip("\r\n") for line in _lines(path))
    head = list(islice(lines, VIEWER_HEAD))
    if not head:
        return
    named = dict(zip(VIEWER_NAMES_AT, VIEWER_COLUMNS, strict=True))
    if missing := [name for at, name in named.items() if head[at : at + 1] != [name]]:
        raise FootnoteError(
            f"{path.name} is not a text copy of the dataset viewer: its first {VIEWER_HEAD} lines"
            f" lack the column {', '.join(missing)}; copy the whole table from its first column"
        )
    number = 0
    while values := list(islice(lines, len(VIEWER_COLUMNS))):
        number += 1
        if len(values) < len(VIEWER_COLUMNS):
            if not any(value.strip() for value in values):
                return  # blank lines at the end
            raise FootnoteError(
                f"{path.name}, row {number}: cut off after {len(values)} of its"
                f" {len(VIEWER_COLUMNS)} lines; copy the table again to its end"
            )
        yield f"row {number}", dict(zip(VIEWER_COLUMNS, values, strict=True))


def _lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file, unpacked where its name ends in .gz, ends of line kept.

    Raises FootnoteError with the line's number where it is not UTF-8 or not sound gzip.
    """
    number = 0
    packed = path.name.lower().endswith(".gz")
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                # The byte order mark that some programs write is no part of the text.
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as fault:
        raise FootnoteError(
            f"{path.name}, line {number}: not UTF-8 (byte {fault.object[fault.start]:#04x});"
            " convert the file to UTF-8"
        ) from fault
    except (OSError, EOFError, zlib.error) as fault:
        raise FootnoteError(
            f"{path.name}, after line {number}: cannot be read on ({_one_line(fault)});"
            " get the file anew"
        ) from fault


def _title_and_headings(url: str) -> tuple[str, tuple[str, ...]]:
    """The page's name and the section's, from the words of the URL."""
    parts = urlsplit(url)
    segments = [segment for segment in parts.path.split("/") if segment]
    page = re.sub(r"\.(html?|md)$", "", segments[-1]) if segments else parts.netloc
    # An underscore in a fragment belongs to an identifier such as from_pretrained.
    section = _in_words(parts.fragment.replace("-", " "))
    return _in_words(re.sub("[-_]", " ", page)), (section,) if section else ()


def _in_words(part: str) -> str:
    words = " ".join(unquote(part).split())
    return words[:1].upper() + words[1:]


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _lacks(missing: list[str], present: Iterable[str]) -> str:
    return (
        f"lacks the column {', '.join(missing)} (it has {_shown(', '.join(map(str, present)))});"
        f" needed are {', '.join(NEEDED)}"
    )


def _shown(value: object) -> str:
    """A value on one line, cut short."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _one_line(fault: BaseException) -> str:
    return " ".join(str(fault).split())[:200]
