"""What is written as a table is read back as it was, and a half table is never left."""

from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ingest import export as module
from ingest import table
from ingest.boilerplate import is_licence
from ingest.export import export
from ingest.reading import Options
from rag.data import FootnoteError, Passage, Place

PAGE = "https://tea.example/green"
PASSAGES = [
    Passage("0_0", PAGE, "Warm the pot.\n    Pour.", "Green", ("How", "to brew"), "tea.md"),
    Passage("0_1", f"{PAGE}#cups", "Two minutes.", "", (), "tea.md"),
]


def read_back(file):
    return list(table.read(file, Options()).passages)


def written(passages):
    """The passages that reading the export should give: those of the repeats are rows too."""
    for passage in passages:
        yield replace(passage, source="", repeats=())
        for place in passage.repeats:
            yield Passage(place.chunk_id, place.url, passage.text, place.title, place.headings)


def test_the_columns_are_those_of_the_published_table_and_two_more(tmp_path):
    assert export(PASSAGES, tmp_path / "tea.parquet") == 2
    rows = pq.read_table(tmp_path / "tea.parquet").to_pylist()
    assert rows[0] == {
        "source": "tea.md",
        "url": PAGE,
        "file_type": ".md",
        "chunk": "Warm the pot.\n    Pour.",
        "chunk_id": "0_0",
        "title": "Green",
        "headings": ["How", "to brew"],
    }
    assert list(rows[0]) == [*table.VIEWER_COLUMNS, "title", "headings"]


def test_a_text_that_stands_again_has_a_row_for_each_place(tmp_path):
    again = Place("1_0", "https://tea.example/black#x", "Black", ("X",))
    passage = replace(PASSAGES[0], repeats=(again,))
    assert export([passage, PASSAGES[1]], tmp_path / "tea.parquet") == 3
    assert read_back(tmp_path / "tea.parquet") == list(written([passage, PASSAGES[1]]))


def test_rows_beyond_one_group(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ROWS", 3)
    many = [Passage(str(n), PAGE, f"Cup {n}.", "Green", ("Cups",)) for n in range(8)]
    assert export(iter(many), tmp_path / "tea.parquet") == 8
    assert pq.ParquetFile(tmp_path / "tea.parquet").num_row_groups == 3
    assert read_back(tmp_path / "tea.parquet") == many


def test_rows_are_taken_as_they_are_written(tmp_path, monkeypatch):
    """Never more than a group of them is waiting."""
    monkeypatch.setattr(module, "ROWS", 3)
    sizes = []

    def source():
        for n in range(9):
            if n % 3 == 0:
                (beside,) = tmp_path.iterdir()
                sizes.append(beside.stat().st_size)
            yield Passage(str(n), PAGE, f"Cup {n}. " * 500)

    export(source(), tmp_path / "tea.parquet")
    assert sizes == sorted(set(sizes))


def test_an_export_without_passages_is_a_table_without_rows(tmp_path):
    assert export([], tmp_path / "tea.parquet") == 0
    assert pq.read_table(tmp_path / "tea.parquet").num_rows == 0


@pytest.mark.parametrize("fault", [KeyboardInterrupt, FootnoteError, ValueError])
def test_what_was_there_stays_when_the_export_is_broken_off(tmp_path, fault):
    file = tmp_path / "tea.parquet"
    file.write_bytes(b"what was there")

    def source():
        yield PASSAGES[0]
        raise fault("enough")

    with pytest.raises(fault, match="enough"):
        export(source(), file)
    assert file.read_bytes() == b"what was there"
    assert list(tmp_path.iterdir()) == [file]


def test_a_complete_export_takes_the_place_of_an_older_one(tmp_path):
    file = tmp_path / "tea.parquet"
    file.write_bytes(b"what was there")
    export(PASSAGES, file)
    assert len(read_back(file)) == 2
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("tea.csv", "ends in .parquet"),
        ("tea", "ends in .parquet"),
        (".parquet", "ends in .parquet"),
        ("none/tea.parquet", "cannot be written"),
        ("folder.parquet", "cannot be written"),
        ("file/tea.parquet", "cannot be written"),
        ("x" * 300 + ".parquet", "cannot be written"),
    ],
)
def test_a_place_that_cannot_be_written_is_said_in_one_line(tmp_path, name, says):
    (tmp_path / "folder.parquet").mkdir()
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FootnoteError, match=says) as raised:
        export(PASSAGES, tmp_path / name)
    assert "\n" not in str(raised.value)
    assert name in str(raised.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_suffix_may_be_in_capitals(tmp_path):
    export(PASSAGES, tmp_path / "TEA.PARQUET")
    assert len(read_back(tmp_path / "TEA.PARQUET")) == 2


def test_two_texts_of_one_id_are_refused(tmp_path):
    """Ids are unique within a source only; a table with such rows could not be read again."""
    other = Passage("0_0", "https://pot.example/iron", "Iron.", source="pots.md")
    with pytest.raises(FootnoteError, match=r"'0_0' of 'pots\.md' stands for another text"):
        export([*PASSAGES, other], tmp_path / "tea.parquet")
    assert not list(tmp_path.iterdir())


IDS = st.text(min_size=1).filter(lambda text: "\0" not in text and text.strip())
TEXTS = IDS.filter(lambda text: not is_licence(text))
URLS = st.builds(
    "https://tea.example/{}#{}".format, st.from_regex(r"[\w/.-]*", fullmatch=True), st.just("top")
).filter(str.isprintable)
ABOUT = st.text().filter(lambda text: "\0" not in text)
HEADINGS = st.lists(ABOUT, max_size=4).map(tuple)
PLACES = st.builds(Place, IDS, URLS, ABOUT, HEADINGS)
LOTS = st.lists(
    st.builds(
        Passage, IDS, URLS, TEXTS, ABOUT, HEADINGS, ABOUT, st.lists(PLACES, max_size=3).map(tuple)
    ),
    min_size=1,
    max_size=6,
)


@given(LOTS)
def test_any_passages_come_back_as_they_were(tmp_path_factory, passages):
    rows = list(written(passages))
    assume(len({row.chunk_id for row in rows}) == len(rows))
    file = tmp_path_factory.getbasetemp() / "any.parquet"
    assert export(passages, file) == len(rows)
    assert read_back(file) == rows


def test_the_real_table_comes_back_as_it_was(shared, tmp_path):
    passages = read_back(shared / "corpus" / "transformers_docs.parquet")
    assert export(passages, tmp_path / "again.parquet") == len(passages) > 20_000
    assert read_back(tmp_path / "again.parquet") == passages
