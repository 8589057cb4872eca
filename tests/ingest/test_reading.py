"""A source is given to the reader that its form calls for."""

import pytest

from ingest.reading import Options, kind_of, read, url_fault
from rag.data import FootnoteError


def test_a_table_is_read_as_a_table(tmp_path):
    file = tmp_path / "tea.csv"
    file.write_text("url,chunk,chunk_id\nhttps://tea.example/pot,Warm the pot.,1\n")
    reading = read(str(file))
    assert (reading.name, reading.title, reading.version) == ("tea.csv", "tea", "")
    assert [passage.text for passage in reading.passages] == ["Warm the pot."]


def test_rows_are_skipped_only_when_asked(tmp_path):
    file = tmp_path / "tea.csv"
    file.write_text("url,chunk,chunk_id\nhttps://tea.example/pot,Warm the pot.,1\nnowhere,Sip.,2\n")
    with pytest.raises(FootnoteError, match="line 3"):
        list(read(str(file)).passages)
    reading = read(str(file), Options(skip_bad_rows=True))
    assert len(list(reading.passages)) == 1
    assert reading.left_out == {"malformed": 1}


def test_python_means_an_installed_package():
    reading = read("python:ingest.reading", Options(source_url="https://code.example/"))
    assert reading.name == "python:ingest.reading"
    first = next(reading.passages)
    assert first.url.startswith("https://code.example/ingest/reading.py#L1-L")


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("python:tea", "package"),
        ("python:tea.md", "package"),
        ("hf:kettle/docs", "dataset"),
        ("https://tea.example/llms.txt", "web"),
        ("http://tea.example/tea.md", "web"),
        ("{tmp}", "files"),
        ("{tmp}/tea.md", "files"),
        ("{tmp}/TEA.IPYNB", "files"),
        ("{tmp}/tea.html", "files"),
        ("{tmp}/tea.parquet", "table"),
        ("{tmp}/tea.txt.gz", "table"),
        ("{tmp}/tea.docx", "table"),
        ("x" * 300, "table"),
    ],
)
def test_the_form_of_a_source_calls_for_its_reader(tmp_path, source, kind):
    assert kind_of(source.replace("{tmp}", str(tmp_path))) == kind


def test_a_reader_may_be_named(tmp_path):
    with pytest.raises(FootnoteError, match="is a folder, not a table"):
        read(str(tmp_path), kind="table")
    with pytest.raises(FootnoteError, match="no reader is called 'tea'; there are package, "):
        read(str(tmp_path), kind="tea")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{tmp}/none.parquet", "no such file"),
        ("{tmp}/tea.docx", "no reader for this kind of file"),
        ("x" * 300, "File name too long"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path, source, says):
    (tmp_path / "tea.docx").write_bytes(b"PK")
    with pytest.raises(FootnoteError) as raised:
        read(source.replace("{tmp}", str(tmp_path)))
    message = str(raised.value)
    assert says in message
    assert "\n" not in message
    assert len(source) > 255 or all(form in message for form in ("python:", ".parquet", ".csv"))


@pytest.mark.parametrize(
    "url",
    [
        "https://tea.example",
        "http://tea.example:8080/a?b=c#d",
        "https://té.example/ü",
        "HTTPS://t/",
    ],
)
def test_web_addresses_are_accepted(url):
    assert url_fault(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "tea.example/pot",
        "//tea.example/pot",
        "/pot",
        "ftp://tea.example/",
        "javascript:alert(1)",
        "data:text/html,tea",
        "https://",
        "https:///pot",
        "https://[tea/",
        "https://tea.example:pot/",
        "https://tea.example/a b",
        "https://tea.example/\n",
        "https://tea.example/\x00",
        "java\tscript:alert(1)",
    ],
)
def test_anything_else_is_refused(url):
    assert url_fault(url)
