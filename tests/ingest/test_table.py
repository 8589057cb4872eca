"""Tables are read whole, and every fault is named with its place."""

import csv
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.table import VIEWER_HEAD, read
from rag.data import FootnoteError, Passage

PAGE = "https://tea.example/docs/green_tea/#how-long-to-brew"
ROWS = [
    {
        "source": "tea.md",
        "url": PAGE,
        "file_type": ".md",
        "chunk": "Two minutes.",
        "chunk_id": "0_0",
    },
    {"source": "tea.md", "url": PAGE, "file_type": ".md", "chunk": "No longer.", "chunk_id": "0_1"},
]
LICENCE = (
    "either express or implied. See the License for the specific language governing permissions"
    " and limitations under the License. -->"
)
HEAD = [
    *("source", "stringclasses", "1 value"),
    *("url", "stringlengths", "4", "9"),
    *("file_type", "stringclasses", "1 value"),
    *("chunk", "stringlengths", "1", "512"),
    *("chunk_id", "stringlengths", "5", "9"),
]


def row(**changed):
    return {**ROWS[0], **changed}


def write_parquet(file, rows):
    pq.write_table(pa.Table.from_pylist(rows), file)


def write_jsonl(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_csv(file, rows):
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def viewer_text(rows):
    return "\n".join([*HEAD, *(value for row in rows for value in row.values())])


def write_viewer(file, rows):
    file.write_text(viewer_text(rows))


def write_viewer_gz(file, rows):
    file.write_bytes(gzip.compress(viewer_text(rows).encode()))


FORMATS = {
    "tea.parquet": write_parquet,
    "tea.jsonl": write_jsonl,
    "tea.csv": write_csv,
    "tea.txt": write_viewer,
    "tea.txt.gz": write_viewer_gz,
}


def fault(file, **options):
    """The one line that reading `file` ends with."""
    with pytest.raises(FootnoteError) as raised:
        list(read(file, **options).passages)
    message = str(raised.value)
    assert "\n" not in message
    assert len(message) < 600
    assert file.name in message
    return message


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_rows_in_every_format(tmp_path, name):
    FORMATS[name](tmp_path / name, ROWS)
    reading = read(tmp_path / name)
    assert (reading.name, reading.title, reading.version) == (name, "tea", "")
    assert reading.total == (2 if name == "tea.parquet" else None)
    heading = ("How long to brew",)
    assert list(reading.passages) == [
        Passage("0_0", PAGE, "Two minutes.", "Green tea", heading),
        Passage("0_1", PAGE, "No longer.", "Green tea", heading),
    ]
    assert not reading.left_out


@pytest.mark.parametrize("name", ["tea.parquet", "tea.jsonl", "tea.csv"])
def test_only_three_columns_are_needed(tmp_path, name):
    keys = ("url", "chunk", "chunk_id")
    FORMATS[name](tmp_path / name, [{key: row[key] for key in keys} for row in ROWS])
    assert len(list(read(tmp_path / name).passages)) == 2


@pytest.mark.parametrize("name", ["tea.parquet", "tea.jsonl", "tea.csv"])
def test_missing_columns_are_named(tmp_path, name):
    FORMATS[name](tmp_path / name, [{"url": PAGE, "text": "Two minutes."}])
    message = fault(tmp_path / name)
    assert "lacks the column chunk, chunk_id" in message
    assert "url, text" in message


@pytest.mark.parametrize(
    ("url", "title", "headings"),
    [
        ("https://t.example/a/pipeline_tutorial", "Pipeline tutorial", ()),
        ("https://t.example/a/iced-tea.html#", "Iced tea", ()),
        ("https://t.example/iced%20tea.md#a--b", "Iced tea", ("A b",)),
        ("https://t.example/api#Tea.from_leaves", "Api", ("Tea.from_leaves",)),
        ("https://t.example", "T.example", ()),
    ],
)
def test_title_and_headings_come_from_the_url(tmp_path, url, title, headings):
    write_jsonl(tmp_path / "tea.jsonl", [row(url=url)])
    (passage,) = read(tmp_path / "tea.jsonl").passages
    assert (passage.title, passage.headings) == (title, headings)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"chunk": None}, "chunk is None, not text"),
        ({"chunk": 7}, "chunk is 7, not text"),
        ({"chunk_id": 7}, "chunk_id is 7, not text"),
        ({"url": ["a"]}, "url is ['a'], not text"),
        ({"chunk": ""}, "chunk is empty"),
        ({"chunk": " \n\t"}, "chunk is empty"),
        ({"chunk": "\0"}, "chunk is empty"),
        ({"chunk_id": ""}, "chunk_id is empty"),
        ({"chunk": "half \ud800"}, "surrogate"),
        ({"url": "tea.example"}, "url 'tea.example' does not begin with http"),
        ({"url": "ftp://tea.example"}, "does not begin with http"),
        ({"url": "https://tea.example/\nx"}, "holds a space or control character"),
        ({"url": "javascript:alert('" + "x" * 5000}, "does not begin with http"),
        ({"chunk_id": "0_0", "chunk": "Three."}, "chunk_id '0_0' had another text before"),
    ],
)
def test_a_malformed_row_is_named_or_counted(tmp_path, changed, says):
    file = tmp_path / "tea.jsonl"
    write_jsonl(file, [ROWS[0], row(chunk_id="9") | changed, ROWS[1]])
    message = fault(file)
    assert "line 2: " in message
    assert says in message
    assert "--skip-bad-rows" in message
    reading = read(file, skip_bad_rows=True)
    assert [passage.chunk_id for passage in reading.passages] == ["0_0", "0_1"]
    assert reading.left_out == {"malformed": 1}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"url": "https', "not valid JSON"),
        ("tea", "not valid JSON"),
        ('["tea"]', "not a JSON object but ['tea']"),
        ("null", "not a JSON object but None"),
        ("[" * 100_000, "not valid JSON"),
        ("9" * 10_000, "not valid JSON"),
    ],
    ids=["cut off", "bare word", "list", "null", "deep", "long number"],
)
def test_a_line_that_is_no_json_object(tmp_path, line, says):
    file = tmp_path / "tea.jsonl"
    file.write_text(f"{json.dumps(ROWS[0])}\n\n{line}\n{json.dumps(ROWS[1])}\n")
    assert f"line 3: {says}" in fault(file)
    reading = read(file, skip_bad_rows=True)
    assert len(list(reading.passages)) == 2
    assert reading.left_out == {"malformed": 1}


def test_parquet_and_viewer_rows_are_numbered_from_one(tmp_path):
    write_parquet(tmp_path / "tea.parquet", [*ROWS, row(chunk=None, chunk_id="3")])
    assert "row 3: chunk is None" in fault(tmp_path / "tea.parquet")
    write_viewer(tmp_path / "tea.txt", [*ROWS, row(url="tea", chunk_id="3")])
    assert "row 3: url 'tea' does not begin" in fault(tmp_path / "tea.txt")


def test_a_parquet_column_of_numbers(tmp_path):
    write_parquet(tmp_path / "tea.parquet", [row(chunk=1), row(chunk=2)])
    assert "row 1: chunk is 1, not text" in fault(tmp_path / "tea.parquet")


def test_csv_lines_are_those_of_the_file(tmp_path):
    file = tmp_path / "tea.csv"
    write_csv(file, [row(chunk="Two\nwhole\nminutes."), row(chunk_id="9", url="tea")])
    assert "line 5: url 'tea'" in fault(file)


def test_csv_rows_with_too_few_values(tmp_path):
    file = tmp_path / "tea.csv"
    file.write_text(f"url,chunk,chunk_id\n{PAGE},Sip.\n\n{PAGE},Two minutes.,1\n")
    assert "line 2: 2 values for 3 columns" in fault(file)
    assert len(list(read(file, skip_bad_rows=True).passages)) == 1


def test_a_quote_that_is_never_closed_is_not_skipped(tmp_path):
    file = tmp_path / "tea.csv"
    file.write_text(f'url,chunk,chunk_id\n{PAGE},Sip.,1\n{PAGE},"Two minutes.,2\n{PAGE},Go.,3\n')
    assert "line 3: not valid CSV" in fault(file, skip_bad_rows=True)


def test_a_repeat_of_a_row_is_passed_on(tmp_path):
    write_jsonl(tmp_path / "tea.jsonl", [ROWS[0], ROWS[0]])
    assert len(list(read(tmp_path / "tea.jsonl").passages)) == 2


def test_all_rows_malformed_is_a_fault_even_when_skipping(tmp_path):
    write_jsonl(tmp_path / "tea.jsonl", [{"text": "Two minutes."}] * 3)
    assert "all of its 3 rows are malformed" in fault(tmp_path / "tea.jsonl", skip_bad_rows=True)


def test_licence_notices_are_left_out_and_counted(tmp_path):
    write_jsonl(tmp_path / "tea.jsonl", [row(chunk=LICENCE, chunk_id="9"), *ROWS])
    reading = read(tmp_path / "tea.jsonl")
    assert len(list(reading.passages)) == 2
    assert reading.left_out == {"licence boilerplate": 1}


def test_nul_is_stripped(tmp_path):
    write_parquet(tmp_path / "tea.parquet", [row(chunk="Two\0 minutes.")])
    (passage,) = read(tmp_path / "tea.parquet").passages
    assert passage.text == "Two minutes."


@pytest.mark.parametrize("name", FORMATS)
def test_missing_folder_and_empty(tmp_path, name):
    file = tmp_path / name
    assert "no such file" in fault(file)
    file.write_bytes(b"")
    assert "is empty" in fault(file)
    file.unlink()
    file.mkdir()
    assert "is a folder" in fault(file)


def test_no_rows(tmp_path):
    schema = pa.schema([(name, pa.string()) for name in ROWS[0]])
    pq.write_table(schema.empty_table(), tmp_path / "tea.parquet")
    (tmp_path / "tea.jsonl").write_text("\n \n")
    (tmp_path / "tea.csv").write_text("url,chunk,chunk_id\n")
    write_viewer(tmp_path / "tea.txt", [])
    (tmp_path / "tea.txt.gz").write_bytes(gzip.compress(b""))
    for name in FORMATS:
        assert "holds no rows" in fault(tmp_path / name)


@pytest.mark.parametrize("name", ["tea.jsonl", "tea.csv", "tea.txt"])
def test_not_utf8_with_its_line(tmp_path, name):
    file = tmp_path / name
    FORMATS[name](file, [*ROWS, row(chunk="CAFE", chunk_id="9")])
    data = file.read_bytes().replace(b"CAFE", b"caf\xe9")
    file.write_bytes(data)
    line = data[: data.index(b"\xe9")].count(b"\n") + 1
    assert f"line {line}: not UTF-8 (byte 0xe9)" in fault(file, skip_bad_rows=True)


def test_parquet_that_is_not_utf8(tmp_path):
    file = tmp_path / "tea.parquet"
    pq.write_table(pa.Table.from_pylist([*ROWS, row(chunk="CAFE" * 9)]), file, compression="none")
    file.write_bytes(file.read_bytes().replace(b"CAFE" * 9, b"caf\xe9" * 9))
    assert "not UTF-8" in fault(file)


@pytest.mark.parametrize("name", ["tea.jsonl", "tea.csv", "tea.txt"])
def test_a_byte_order_mark_is_no_text(tmp_path, name):
    FORMATS[name](tmp_path / name, ROWS)
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + (tmp_path / name).read_bytes())
    assert len(list(read(tmp_path / name).passages)) == 2


def test_corrupt_parquet(tmp_path):
    file = tmp_path / "tea.parquet"
    file.write_bytes(b"tea, not a table")
    assert "not a sound Parquet file" in fault(file)
    write_parquet(file, [row(chunk_id=str(n), chunk=f"Cup {n}.") for n in range(3000)])
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])
    assert "not a sound Parquet file" in fault(file)
    file.write_bytes(data[:4] + b"\xff" * 400 + data[404:])
    assert "not a sound Parquet file" in fault(file)


def test_corrupt_gzip(tmp_path):
    file = tmp_path / "tea.txt.gz"
    write_viewer_gz(file, ROWS)
    data = file.read_bytes()
    file.write_bytes(data[:-12])
    assert "cannot be read on" in fault(file)
    file.write_bytes(b"tea, not gzip")
    assert "cannot be read on" in fault(file)


def test_a_viewer_copy_cut_off(tmp_path):
    file = tmp_path / "tea.txt"
    write_viewer(file, ROWS)
    file.write_text(file.read_text().rsplit("\n", 2)[0])
    assert "row 2: cut off after 3 of its 5 lines" in fault(file, skip_bad_rows=True)
    file.write_text("\n".join(HEAD[: VIEWER_HEAD - 4]))
    assert "lack the column chunk_id" in fault(file)


def test_text_that_is_no_viewer_copy(tmp_path):
    (tmp_path / "tea.txt").write_text("Two minutes.\n" * 40)
    assert "not a text copy of the dataset viewer" in fault(tmp_path / "tea.txt")


def test_blank_lines_after_a_viewer_copy(tmp_path):
    (tmp_path / "tea.txt").write_text(viewer_text(ROWS) + "\n\n\n")
    assert len(list(read(tmp_path / "tea.txt").passages)) == 2


def test_the_real_table_is_read_to_the_last_row(shared):
    reading = read(shared / "corpus" / "transformers_docs.parquet")
    passages = list(reading.passages)
    assert reading.total == 21_533
    assert reading.left_out == {"licence boilerplate": 932}
    assert len(passages) == 21_533 - 932
    assert len({passage.chunk_id for passage in passages}) == len(passages)


def test_the_real_viewer_copy_holds_the_rows_of_the_table(shared):
    sample = list(read(shared / "corpus" / "dataset_viewer_rows.txt.gz").passages)
    whole = {p.chunk_id: p for p in read(shared / "corpus" / "transformers_docs.parquet").passages}
    assert len(sample) == 94
    assert all(whole[passage.chunk_id] == passage for passage in sample)
