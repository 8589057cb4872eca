"""Reads tables of ready-made chunks: Parquet, JSON lines, CSV, and the dataset viewer's text copy.

A row becomes one passage as it stands. Only `url` and `chunk` are needed, under these names or
others that the options tell; `chunk_id`, `title` and `headings` are made up for a table that
lacks them. This module knows nothing of indexes; repeats of a text are the build's affair.
"""

import csv
import gzip
import hashlib
import json
import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ingest.boilerplate import is_licence
from ingest.reading import CAN_BE_READ, Options, Reading, url_fault
from rag.data import FootnoteError, Passage

NEEDED = ("url", "chunk")
OPTIONAL = ("chunk_id", "title", "headings")
EXAMPLE = "--columns chunk=text,url=link"

# The viewer's copy: the head names each column above its type and one or two statistics, then
# every row has one line for each column.
VIEWER_COLUMNS = ("source", "url", "file_type", "chunk", "chunk_id")
VIEWER_HEAD = 18
VIEWER_NAMES_AT = (0, 3, 7, 10, 14)

# A row of the file by column, or what kept it from being read.
Row = dict[str, Any] | str


def read(path: Path, options: Options) -> Reading:
    """Opens the table at `path`; `options.skip_bad_rows` has malformed rows counted, not raised.

    Raises FootnoteError here when the file cannot be opened as what its name says, and while
    the passages are read when something in it is malformed.
    """
    total = None
    left_out: Counter[str] = Counter()
    try:
        if not path.exists():
            raise FootnoteError(f"{path}: no such file; give {CAN_BE_READ}")
        if path.is_dir():
            raise FootnoteError(f"{path} is a folder, not a table; give the file of the table")
        if path.stat().st_size == 0:
            raise FootnoteError(f"{path} is empty; give a table that holds rows")
        if path.name.lower().endswith(".parquet"):
            total, rows = _parquet(path, options.columns)
        elif path.name.lower().endswith(".jsonl"):
            rows = _jsonl(path)
        elif path.name.lower().endswith(".csv"):
            rows = _csv(path, options.columns)
        elif path.name.lower().endswith((".txt", ".txt.gz")):
            rows = _viewer(path)
        else:
            raise FootnoteError(f"{path}: no reader for this kind of file; give {CAN_BE_READ}")
    except OSError as fault:
        raise FootnoteError(f"{path}: cannot be read ({fault.strerror or fault})") from fault
    found = passages(path.name, rows, options, left_out)
    return Reading(path.name, path.name.split(".")[0], "", total, found, left_out)


def parse_columns(text: str) -> dict[str, str]:
    """Which column of theirs holds each of ours, from "chunk=text,url=link"; none from "".

    Raises FootnoteError for what is not so written, and for a column that is none of ours.
    """
    columns: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else ():
        ours, _, theirs = (part.strip() for part in pair.partition("="))
        if not ours or not theirs:
            raise FootnoteError(f"--columns: {shown(pair)} is not OURS=THEIRS; write {EXAMPLE}")
        if ours not in NEEDED + OPTIONAL:
            raise FootnoteError(
                f"--columns: {shown(ours)} is no column of ours; there are"
                f" {', '.join(NEEDED + OPTIONAL)}"
            )
        if ours in columns:
            raise FootnoteError(f"--columns: {ours} is given twice; name one column for it")
        columns[ours] = theirs
    return columns


def lacks(columns: Mapping[str, str], present: Collection[str]) -> str | None:
    """What a table whose columns are `present` lacks, in words; None when it lacks nothing.

    `columns` tells their names for ours; whoever names a column wants it read.
    """
    wanted = [columns.get(name, name) for name in NEEDED]
    wanted += [theirs for name, theirs in columns.items() if name in OPTIONAL]
    if missing := [theirs for theirs in wanted if theirs not in present]:
        has = shown(", ".join(map(str, present)))
        return f"lacks the column {', '.join(missing)} (it has {has}); name it as in {EXAMPLE}"
    return None


def to_read(columns: Mapping[str, str], present: Collection[str]) -> list[str]:
    """Those of the columns `present` that hold one of ours."""
    theirs = {columns.get(name, name) for name in NEEDED + OPTIONAL}
    return [name for name in present if name in theirs]


class _Malformed(Exception):
    """A row that is no passage; the message says why."""


def passages(
    name: str, rows: Iterator[tuple[str, Row]], options: Options, left_out: Counter[str]
) -> Iterator[Passage]:
    """Passes on the sound rows that are documentation and counts the others in `left_out`.

    `name` is the table's and each row comes with its place in it, both for messages.
    """
    texts: dict[int, int] = {}  # chunk_id -> text, their hashes, since a table may be long
    for where, row in rows:
        try:
            passage = _passage(row, options.columns)
            text = hash(passage.text)
            if texts.setdefault(hash(passage.chunk_id), text) != text:
                raise _Malformed(f"chunk_id {shown(passage.chunk_id)} had another text before")
        except _Malformed as fault:
            if not options.skip_bad_rows:
                raise FootnoteError(
                    f"{name}, {where}: {fault}; correct it, or leave out such rows with"
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
            f"{name}: all of its {left_out['malformed']} rows are malformed; run without"
            " --skip-bad-rows to see the first fault"
        )
    if not texts:
        raise FootnoteError(f"{name} holds no rows; give a table that does")


def _passage(row: Row, columns: Mapping[str, str]) -> Passage:
    """The passage that a row holds; raises _Malformed when it holds none."""
    if isinstance(row, str):
        raise _Malformed(row)
    if lacking := lacks(columns, row):
        raise _Malformed(lacking)
    theirs = {name: columns.get(name, name) for name in NEEDED + OPTIONAL}
    values = {name: row[theirs[name]] for name in theirs if theirs[name] in row}
    url, text = _filled("url", values["url"]), _filled("chunk", values["chunk"])
    if fault := url_fault(values["url"]):
        raise _Malformed(f"url {shown(values['url'])} {fault}")
    if "chunk_id" in values:
        chunk_id = _filled("chunk_id", values["chunk_id"])
    else:
        chunk_id = made_up_id(url, text)
    title, headings = title_and_headings(url)
    if values.get("title") is not None:
        title = _sound("title", values["title"])
    if values.get("headings") is not None:
        headings = _headings(values["headings"])
    return Passage(chunk_id, url, text, title, headings)


def made_up_id(url: str, text: str) -> str:
    """The chunk_id of a row that has none: its URL and a digest of its text.

    So it stays the same wherever in the table the row moves and whatever comes in before it, and
    only rows that changed are embedded again.
    """
    return f"{url}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _filled(name: str, value: object) -> str:
    text = _sound(name, value)
    if not text.strip():
        raise _Malformed(f"{name} is empty")
    return text


def _sound(name: str, value: object) -> str:
    """The value as text that can be stored; raises _Malformed when it is none."""
    if not isinstance(value, str):
        raise _Malformed(f"{name} is {shown(value)}, not text")
    try:
        value.encode()
    except UnicodeEncodeError as fault:
        raise _Malformed(f"{name} holds half of a surrogate pair: {shown(value)}") from fault
    return value.replace("\0", "")  # databases cut a text off at a NUL


def _headings(value: object) -> tuple[str, ...]:
    """A path of headings, or the one heading that a text is."""
    if isinstance(value, str):
        value = [value] if value.strip() else []
    if not isinstance(value, list):
        raise _Malformed(f"headings is {shown(value)}, not a list of texts")
    return tuple(_sound("a heading", heading) for heading in value)


def _parquet(path: Path, columns: Mapping[str, str]) -> tuple[int, Iterator[tuple[str, Row]]]:
    """The number of rows, and the rows read a batch at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    corrupt = f"{path.name} is not a sound Parquet file"
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowException as fault:
        raise FootnoteError(f"{corrupt} ({one_line(fault)}); get it anew") from fault
    present = file.schema_arrow.names
    if lacking := lacks(columns, present):
        file.close()
        raise FootnoteError(f"{path.name}: {lacking}")

    def rows() -> Iterator[tuple[str, Row]]:
        number = 0
        with file:
            try:
                for batch in file.iter_batches(batch_size=1024, columns=to_read(columns, present)):
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
                    f"{corrupt}, after row {number} ({one_line(fault)}); get it anew"
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
        return f"not valid JSON ({fault.msg} at column {fault.colno}): {shown(line)}"
    except (ValueError, RecursionError) as fault:  # a number too long, nesting too deep
        return f"not valid JSON ({fault})"
    return row if isinstance(row, dict) else f"not a JSON object but {shown(row)}"


def _csv(path: Path, columns: Mapping[str, str]) -> Iterator[tuple[str, Row]]:
    # Strict, since a stray quote would otherwise swallow the rows after it without a word.
    reader = csv.reader(_lines(path), strict=True)
    first = 1
    try:
        present = next(reader, [])
        if lacking := lacks(columns, present):
            raise FootnoteError(f"{path.name}, line 1: {lacking}")
        first = reader.line_num + 1
        for values in reader:
            if len(values) == len(present):
                yield f"line {first}", dict(zip(present, values, strict=True))
            elif values:
                yield f"line {first}", f"{len(values)} values for {len(present)} columns"
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
            f"{path.name}, after line {number}: cannot be read on ({one_line(fault)});"
            " get the file anew"
        ) from fault


def title_and_headings(url: str) -> tuple[str, tuple[str, ...]]:
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


def shown(value: object) -> str:
    """A value on one line, cut short."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def one_line(fault: BaseException) -> str:
    return " ".join(str(fault).split())[:200]
