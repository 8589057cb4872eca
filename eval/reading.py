"""Files of questions -> question sets, in the forms that people have them.

    *.jsonl            one JSON object a line; also the feedback that the web chat gathers
    *.csv, *.parquet   columns question, answer and source_doc, all but the first optional
    a BEIR folder      queries.jsonl, qrels/*.tsv and perhaps corpus.jsonl: retrieval alone

This module knows nothing of what makes a question sound (questions.py).
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from eval.questions import Question, Row, checked
from rag.data import FootnoteError

FIELDS = ("id", "type", "kind", "question")  # columns that are named like the fields they fill
# What stands before a page's name in the repository that its documentation is kept in.
BRANCH = re.compile(r"\A(?:.*?/)?(?:blob|tree)/[^/]+/")
SOURCES = re.compile(r"\A(?:.*?/)?docs?/(?:source/(?:[a-z]{2}/)?)?")
PAGE_ENDINGS = (".mdx", ".md", ".rst", ".ipynb", ".html")


def read_questions(path: Path) -> list[Question]:
    """Returns the questions of a file or a BEIR folder, in order.

    Raises BadQuestions, with every fault and its line, when anything in it is not sound, and
    FootnoteError when it is missing, empty, not UTF-8, or of a form that is not known.
    """
    if is_beir(path):
        return _beir(path)
    if path.is_dir():
        raise FootnoteError(
            f"{path} is a folder without queries.jsonl, so no BEIR set: name a file"
        )
    if path.suffix == ".csv":
        return checked(path, map(_of_table, _csv_rows(path)))
    if path.suffix == ".parquet":
        return checked(path, map(_of_table, _parquet_rows(path)))
    return checked(path, _json_rows(path))


def is_beir(path: Path) -> bool:
    """Returns whether it is a folder in the form of BEIR: judged for retrieval, not for answers."""
    return (path / "queries.jsonl").is_file()


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FootnoteError(f"cannot read the questions {path}: {error.strerror}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        above = data[: error.start].count(b"\n")
        raise FootnoteError(f"{path} is not UTF-8 text (line {above + 1})") from error


# JSON lines


def _json_rows(path: Path, name: str = "") -> Iterator[Row]:
    """Yields the objects of the lines that are not blank; `name` tells the file in a folder."""
    # Not splitlines: U+2028 and its like end no line in JSONL.
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip():
            continue
        place = f"{name} line {number}".strip()
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield Row(place, number, faults=(f"not JSON ({error})",))
            continue
        if isinstance(fields, dict):
            yield Row(place, number, fields)
        else:
            yield Row(place, number, faults=(f"not a JSON object but {line.strip()[:40]!r}",))


# Tables


def _csv_rows(path: Path) -> Iterator[Row]:
    lines = csv.reader(_text(path).splitlines(keepends=True), strict=True)
    header: list[str] = []
    above = 0
    try:
        for cells in lines:
            number, above = above + 1, lines.line_num
            if not header:
                header = _with_question(path, cells)
            elif cells and len(cells) != len(header):
                fault = f"cells: {len(cells)}, in the header {len(header)}"
                yield Row(f"line {number}", number, faults=(fault,))
            elif cells:
                yield Row(f"line {number}", number, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        yield Row(f"line {above + 1}", above + 1, faults=(f"not CSV ({error})",))


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            header = _with_question(path, file.schema_arrow.names)
            wanted = [name for name in header if name in (*FIELDS, "answer", "source_doc")]
            rows = file.read(wanted).to_pylist()
    except (OSError, pa.ArrowException) as error:
        reason = str(error).partition("\n")[0]
        raise FootnoteError(f"cannot read the questions {path} as Parquet: {reason}") from error
    for number, fields in enumerate(rows, 1):
        yield Row(f"row {number}", number, fields)


def _with_question(path: Path, header: list[str]) -> list[str]:
    if "question" not in header:
        raise FootnoteError(
            f"{path} has the columns {', '.join(header)[:200] or 'of an empty file'}: a table of "
            "questions needs one called question, and may have answer and source_doc"
        )
    return header


def _of_table(row: Row) -> Row:
    """The row with the fields of a question set; an empty cell is as good as none."""
    cells = {name: value for name, value in row.fields.items() if value not in ("", None)}
    fields = {field: cells.get(field) for field in FIELDS}
    if isinstance(fields["id"], int):
        fields["id"] = str(fields["id"])
    fields["reference_answer"] = cells.get("answer")
    where = cells.get("source_doc", "")
    if not isinstance(where, str):
        fault = f"source_doc must be text, not {where!r}"
        return Row(row.place, row.number, faults=(*row.faults, fault[:100]))
    if where.startswith(("https://", "http://")):
        fields["gold_urls"] = [where]
    elif where:
        fields["gold_pages"] = [page_in_repository(where)]
    return Row(row.place, row.number, {} if row.faults else fields, row.faults)


def page_in_repository(path: str) -> str:
    """Returns the page that a documentation's file in its repository becomes.

    `org/name/blob/main/docs/source/en/tasks/asr.md` is `tasks/asr`: what stands before the folder
    of the documentation goes, and so do a language's folder and the ending.
    """
    below = SOURCES.sub("", BRANCH.sub("", path.strip("/")))
    for ending in PAGE_ENDINGS:
        below = below.removesuffix(ending)
    return below


# BEIR


def _beir(folder: Path) -> list[Question]:
    """The queries that are judged; the gold of each are the documents with a score above 0.

    Judged by `qrels/test.tsv`, or by all files of `qrels` where there is no such split.
    """
    documents = {}
    rows: list[Row] = []
    if (folder / "corpus.jsonl").is_file():
        for row in _json_rows(folder / "corpus.jsonl", "corpus.jsonl"):
            name = row.fields.get("_id")
            if isinstance(name, str) and name:
                documents[name] = row.fields
            else:
                rows.append(_wrong(row, "_id must be text that is not empty"))
    queries = {}
    for row in _json_rows(folder / "queries.jsonl", "queries.jsonl"):
        fields = {"id": row.fields.get("_id"), "question": row.fields.get("text")}
        if isinstance(fields["id"], str) and not row.faults:
            queries[fields["id"]] = Row(row.place, row.number, fields)
        else:
            rows.append(_wrong(row, "_id must be text that is not empty"))
    gold: dict[str, list[str]] = {}
    for row in _qrels(folder):
        query, document = row.fields.get("query", ""), row.fields.get("document", "")
        if row.faults:
            rows.append(row)
        elif query not in queries:
            rows.append(_wrong(row, f"query {query!r} is not in queries.jsonl"))
        elif documents and document not in documents:
            rows.append(_wrong(row, f"document {document!r} is not in corpus.jsonl"))
        elif row.fields["score"] > 0:
            gold.setdefault(query, []).append(document)
    rows += [
        Row(row.place, row.number, {**row.fields, "gold_chunk_ids": gold[query]})
        for query, row in queries.items()
        if query in gold
    ]
    return checked(folder, rows)


def _wrong(row: Row, fault: str) -> Row:
    return Row(row.place, row.number, faults=row.faults or (fault,))


def _qrels(folder: Path) -> Iterator[Row]:
    """Yields query, document and score of each judgement."""
    test = folder / "qrels" / "test.tsv"
    files: Iterable[Path] = [test] if test.is_file() else sorted((folder / "qrels").glob("*.tsv"))
    for file in files:
        for number, line in enumerate(_text(file).split("\n"), 1):
            place, cells = f"qrels/{file.name} line {number}", line.strip("\r").split("\t")
            if not line.strip() or (number == 1 and cells[-1] == "score"):
                continue
            if len(cells) != 3 or not re.fullmatch(r"-?\d{1,9}", cells[2]):
                fault = f"not query, document and a whole score, parted by tabs: {line[:60]!r}"
                yield Row(place, number, faults=(fault,))
                continue
            fields: dict[str, Any] = {"query": cells[0], "document": cells[1]}
            yield Row(place, number, {**fields, "score": int(cells[2])})
