"""Tables are read whole, and every fault is named with its place."""

import csv
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.reading import Options
from ingest.table import VIEWER_HEAD, made_up_id, parse_columns
from ingest.table import read as read_with
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


def read(file, **options):
    return read_with(file, Options(**options))


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


# The forms of table whose columns have names of their own.
NAMED = ["tea.parquet", "tea.jsonl", "tea.csv"]


@pytest.mark.parametrize("name", NAMED)
def test_only_text_and_url_are_needed(tmp_path, name):
    keys = ("url", "chunk")
    FORMATS[name](tmp_path / name, [{key: row[key] for key in keys} for row in ROWS])
    first, second = read(tmp_path / name).passages
    assert (first.url, first.text, first.title) == (PAGE, "Two minutes.", "Green tea")
    assert (second.url, second.text, second.title) == (PAGE, "No longer.", "Green tea")
    assert first.chunk_id != second.chunk_id


def test_an_id_that_is_made_up_stays_when_rows_move(tmp_path):
    bare = [{"url": PAGE, "chunk": f"Cup {n}."} for n in range(4)]
    write_jsonl(tmp_path / "tea.jsonl", bare)
    before = {p.text: p.chunk_id for p in read(tmp_path / "tea.jsonl").passages}
    assert len(set(before.values())) == 4
    other = {"url": "https://tea.example/pots", "chunk": "Cup 0."}
    write_jsonl(tmp_path / "tea.jsonl", [other, {"url": PAGE, "chunk": "Lid."}, *bare[::-1]])
    after = list(read(tmp_path / "tea.jsonl").passages)
    assert {p.text: p.chunk_id for p in after if p.text in before and p.url == PAGE} == before
    assert after[0].chunk_id != before["Cup 0."]
    assert len({p.chunk_id for p in after}) == 6


def test_an_id_that_is_made_up_is_the_same_on_every_machine():
    assert made_up_id(PAGE, "Two minutes.") == f"{PAGE}:b3ca68ca868e8920"


@pytest.mark.parametrize("name", NAMED)
def test_missing_columns_are_named(tmp_path, name):
    FORMATS[name](tmp_path / name, [{"url": PAGE, "text": "Two minutes."}])
    message = fault(tmp_path / name)
    assert "lacks the column chunk (" in message
    assert "url, text" in message
    assert "--columns chunk=text" in message


@pytest.mark.parametrize("name", NAMED)
def test_columns_of_other_names_are_read_where_told(tmp_path, name):
    theirs = [
        {"link": PAGE, "text": "Two minutes.", "n": "a", "page": "Green", "section": "Brew"},
        {"link": PAGE, "text": "No longer.", "n": "b", "page": "Green", "section": ""},
    ]
    FORMATS[name](tmp_path / name, theirs)
    columns = {
        "url": "link",
        "chunk": "text",
        "chunk_id": "n",
        "title": "page",
        "headings": "section",
    }
    assert list(read(tmp_path / name, columns=columns).passages) == [
        Passage("a", PAGE, "Two minutes.", "Green", ("Brew",)),
        Passage("b", PAGE, "No longer.", "Green", ()),
    ]


@pytest.mark.parametrize("ours", ["url", "chunk", "chunk_id", "title", "headings"])
@pytest.mark.parametrize("name", NAMED)
def test_a_column_that_was_told_has_to_be_there(tmp_path, name, ours):
    FORMATS[name](tmp_path / name, ROWS)
    assert "lacks the column theirs (" in fault(tmp_path / name, columns={ours: "theirs"})


def test_a_column_that_was_told_goes_before_ours(tmp_path):
    write_parquet(tmp_path / "tea.parquet", [row(text="Three minutes.")])
    (passage,) = read(tmp_path / "tea.parquet", columns={"chunk": "text"}).passages
    assert passage.text == "Three minutes."


@pytest.mark.parametrize("name", ["tea.parquet", "tea.jsonl"])
def test_title_and_headings_of_the_table_go_before_the_words_of_the_url(tmp_path, name):
    told = [
        row(title="All of tea", headings=["Brew", "Time"], chunk_id="1"),
        row(title="", headings=[], chunk_id="2"),
        row(title=None, headings=None, chunk_id="3"),
    ]
    FORMATS[name](tmp_path / name, told)
    found = [(passage.title, passage.headings) for passage in read(tmp_path / name).passages]
    assert found == [
        ("All of tea", ("Brew", "Time")),
        ("", ()),
        ("Green tea", ("How long to brew",)),
    ]


def test_other_columns_are_not_read(tmp_path):
    """They may be large, or of types that Python has no value for."""
    table = pa.Table.from_pylist(ROWS).append_column(
        "when", pa.array([2**62] * 2, pa.timestamp("us"))
    )
    pq.write_table(table, tmp_path / "tea.parquet")
    assert len(list(read(tmp_path / "tea.parquet").passages)) == 2


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", {}),
        ("  ", {}),
        ("chunk=text,url=link", {"chunk": "text", "url": "link"}),
        (" chunk = the text , title=a=b", {"chunk": "the text", "title": "a=b"}),
    ],
)
def test_columns_as_they_are_written_on_the_command_line(text, columns):
    assert parse_columns(text) == columns


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("chunk", "'chunk' is not OURS=THEIRS"),
        ("chunk=", "'chunk=' is not OURS=THEIRS"),
        ("=text", "'=text' is not OURS=THEIRS"),
        ("chunk=text,", "'' is not OURS=THEIRS"),
        (",", "'' is not OURS=THEIRS"),
        ("text=chunk", "'text' is no column of ours; there are url, chunk, chunk_id, title"),
        ("chunk=a,chunk=b", "chunk is given twice"),
        ("a\nb" * 500, "is not OURS=THEIRS"),
    ],
)
def test_columns_that_are_not_so_written(text, says):
    with pytest.raises(FootnoteError) as raised:
        parse_columns(text)
    message = str(raised.value)
    assert says in message
    assert "\n" not in message
    assert len(message) < 300


NAME = st.sampled_from(["url", "chunk", "chunk_id", "title", "headings"])
THEIRS = st.text(min_size=1).filter(lambda text: "," not in text and text == text.strip())


@given(st.dictionaries(NAME, THEIRS))
def test_any_columns_are_understood(columns):
    written = ",".join(f"{ours}={theirs}" for ours, theirs in columns.items())
    assert parse_columns(written) == columns


@given(st.lists(NAME | st.sampled_from(["=", ",", " "]) | st.text(max_size=5)).map("".join))
def test_any_text_for_columns_is_understood_or_refused(text):
    try:
        columns = parse_columns(text)
    except FootnoteError as fault:
        assert "\n" not in str(fault)
    else:
        assert all(columns) and all(columns.values())


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
        ({"chunk_id": None}, "chunk_id is None, not text"),
        ({"title": 7}, "title is 7, not text"),
        ({"title": "half \udfff"}, "surrogate"),
        ({"headings": 7}, "headings is 7, not a list of texts"),
        ({"headings": {"a": "b"}}, "not a list of texts"),
        ({"headings": ["Brew", None]}, "a heading is None, not text"),
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


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["\0", " ", "\ud800", PAGE, "https://[", "0_0"])
    | st.text(max_size=20)
)
ODD_ROWS = st.dictionaries(
    st.sampled_from(["url", "chunk", "chunk_id", "title", "headings"]),
    VALUES | st.lists(VALUES, max_size=3) | st.dictionaries(st.text(max_size=3), VALUES),
)


@given(st.lists(ODD_ROWS | VALUES))
def test_odd_rows_are_passages_or_malformed(tmp_path_factory, rows):
    """Whatever stands in them, they are counted, and what is passed on can be stored and linked."""
    file = tmp_path_factory.getbasetemp() / "odd.jsonl"
    write_jsonl(file, [*ROWS, *rows])
    reading = read(file, skip_bad_rows=True)
    passages = list(reading.passages)
    assert len(passages) + reading.left_out.total() == len(ROWS) + len(rows)
    for passage in passages:
        for text in (passage.url, passage.text, passage.chunk_id):
            assert text.strip()
        for text in (passage.text, passage.chunk_id, passage.title, *passage.headings):
            assert "\0" not in text
            text.encode()
        assert passage.url.startswith("http")


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
    assert "is a folder, not a table" in fault(file)


def test_a_file_of_another_kind(tmp_path):
    (tmp_path / "tea.docx").write_bytes(b"PK")
    message = fault(tmp_path / "tea.docx")
    assert "no reader for this kind of file" in message
    assert ".parquet, .jsonl, .csv" in message


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
