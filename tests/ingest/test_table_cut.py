"""Markdown is cut as the published table was: each rule by itself, then the whole corpus."""

import os
import tarfile
from itertools import pairwise
from pathlib import PurePosixPath

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.table_cut import LONGEST, OVERLAP, passages, slug, table_order
from rag.data import FootnoteError

SITE = "https://tea.example/docs"
CORPUS_SITE = "https://huggingface.co/docs/transformers/en"


@pytest.fixture
def cut(tmp_path):
    """Cuts one page, or several given by their paths."""

    def run(*text, **pages):
        pages = dict(zip(["tea.md"], text, strict=False)) | pages
        files = []
        for name, content in pages.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
            files.append(file)
        return list(passages(tmp_path, files, SITE))

    return run


def sections(found):
    """The fragments and texts."""
    return [(passage.url.partition("#")[2], passage.text) for passage in found]


def test_a_heading_of_three_levels_starts_a_section_and_is_dropped(cut):
    found = cut("Sip.\n# Tea\nGreen.\n## Pots\nIron.\n### Lids\nFlat.\n#### Knobs\nRound.\n#Rim\n")
    assert sections(found) == [
        ("", "Sip."),
        ("tea", "Green."),
        ("pots", "Iron."),
        ("lids", "Flat.\n#### Knobs\nRound.\n#Rim"),
    ]
    assert [passage.chunk_id for passage in found] == ["0_0_0", "0_1_0", "0_2_0", "0_3_0"]


def test_a_heading_replaces_the_path_at_its_level_and_below(cut):
    found = cut("# Tea\n## Pots\n### Lids\nFlat.\n## Cups\nThin.\n### Rims\nGold.\n")
    assert [passage.headings for passage in found] == [
        ("Pots", "Lids"),
        ("Cups",),
        ("Cups", "Rims"),
    ]


def test_sections_without_text_are_not_counted(cut):
    found = cut("# Tea\n\n## Pots\n\n## Cups\nThin.\n")
    assert [(passage.chunk_id, passage.url) for passage in found] == [
        ("0_0_0", f"{SITE}/tea/#cups")
    ]


def test_blank_lines_join_the_blocks_of_a_section(cut):
    assert sections(cut("# Tea\nWarm\nthe pot.\n\n \nPour.\n")) == [
        ("tea", "Warm\nthe pot.  \nPour.")
    ]


def test_lines_are_stripped_and_what_cannot_be_printed_is_dropped(cut):
    assert sections(cut("  Warm\u200b the\x07 pot.\t\n\t- Pour.\r\n")) == [
        ("", "Warm the pot.\n- Pour.")
    ]


@pytest.mark.parametrize("fence", ["```", "~~~"])
def test_headings_and_blank_lines_in_code_are_content(cut, fence):
    code = f"{fence}py\n# Tea\n\npour()\n{fence}"
    assert sections(cut(f"# Pots\n{code}\n# Cups\nThin.\n")) == [("pots", code), ("cups", "Thin.")]


def test_only_the_marker_that_opened_code_closes_it(cut):
    code = "```\n~~~\n# Tea\n```"
    assert sections(cut(f"{code}\n# Cups\nThin.\n")) == [("", code), ("cups", "Thin.")]


def test_a_line_with_two_markers_opens_no_code(cut):
    assert sections(cut("```pour()```\n# Cups\nThin.\n")) == [
        ("", "```pour()```"),
        ("cups", "Thin."),
    ]


def test_the_indentation_of_code_is_lost(cut):
    assert sections(cut("```\nif tea:\n    pour()\n```\n")) == [("", "```\nif tea:\npour()\n```")]


def test_a_long_section_is_cut_with_overlap(cut):
    lines = [f"Cup {number} is filled to the brim and set aside." for number in range(40)]
    found = cut("# Tea\n" + "\n".join(lines))
    assert [passage.chunk_id for passage in found] == [f"0_0_{n}" for n in range(len(found))]
    assert {passage.url for passage in found} == {f"{SITE}/tea/#tea"}
    for before, after in pairwise(found):
        first = after.text.split("\n")[0]
        assert first in before.text.split("\n")
        shared = before.text[before.text.index(first) :]
        assert after.text.startswith(shared)
        assert 0 < len(shared) <= OVERLAP


def test_blank_lines_in_code_are_cut_at_first(cut):
    function = "\n".join(f"pour_the_tea_into_cup_number({n})" for n in range(10))
    found = cut(f"```\n{function}\n\n{function}\n```\n")
    assert [text for _, text in sections(found)] == [f"```\n{function}", f"{function}\n```"]


def test_a_word_that_is_too_long_is_cut_anywhere(cut):
    found = cut("x" * 1000)
    assert [len(passage.text) for passage in found] == [512, 512, 232]


@pytest.mark.parametrize(
    ("heading", "fragment"),
    [
        ("How Long to Brew", "how-long-to-brew"),
        ("Tea & milk", "tea--milk"),
        ("`pour_tea`, hot!", "pour_tea-hot"),
        ("🫖 Pots", "pots"),
        ("Café-au-lait", "caf-au-lait"),
        ("Pots[[tea-pots]]", "potstea-pots"),
        ("🫖", ""),
    ],
)
def test_the_fragment_of_a_heading(cut, heading, fragment):
    assert slug(heading) == fragment
    (passage,) = cut(f"# Tea\n## {heading}\nSip.\n")
    assert passage.url == f"{SITE}/tea/" + (f"#{fragment}" if fragment else "")


def test_the_title_is_the_first_heading_or_the_page(cut):
    with_title, deeper = cut("Sip.\n# All of tea[[tea]]\n## Pots [[pots]]\nIron.\n")
    assert (with_title.title, with_title.headings) == ("All of tea", ())
    assert (deeper.title, deeper.headings) == ("All of tea", ("Pots",))
    (without,) = cut(**{"green_tea.md": "Sip.\n"})
    assert (without.title, without.headings) == ("Green tea", ())


def test_documents_are_counted_though_empty_and_linked_by_their_paths(cut):
    found = cut(**{"a.md": "Sip.", "b.md": "\n", "pots/iron pot.v2.md": "Pour."})
    numbers = {passage.chunk_id.split("_")[0] for passage in found}
    assert len(found) == 2
    assert numbers < {"0", "1", "2"}
    assert found[-1].chunk_id == "2_0_0"
    assert found[-1].url == f"{SITE}/pots/iron%20pot.v2/"


def test_own_files_come_before_subfolders_whatever_order_they_are_given_in(tmp_path):
    names = ["a.md", "b/a.md", "b/b.md", "b/c/a.md", "c.md", "d/a.md"]
    files = [tmp_path / name for name in names]
    ordered = table_order(tmp_path, files)
    assert ordered == table_order(tmp_path, files[::-1])
    assert sorted(ordered) == files
    places = [str(file.relative_to(tmp_path)) for file in ordered]
    assert {*places[:2]} == {"a.md", "c.md"}
    assert places.index("b/c/a.md") == max(places.index(name) for name in names[1:4])


def test_the_order_minds_neither_case_nor_composition(tmp_path):
    """Two spellings of a name share their hash, so they stand together."""
    for one, other in [("TEA.md", "tea.md"), ("caf\u00e9.md", "cafe\u0301.md")]:
        files = [tmp_path / name for name in (one, "pot.md", "cup.md", "lid.md", "rim.md", other)]
        ordered = table_order(tmp_path, files)
        assert abs(ordered.index(files[0]) - ordered.index(files[-1])) == 1


def test_what_is_no_text_is_named(tmp_path):
    file = tmp_path / "tea.md"
    file.write_bytes(b"caf\xe9")
    with pytest.raises(FootnoteError, match=r"tea\.md: not UTF-8 \(byte 0xe9 at 3\)"):
        list(passages(tmp_path, [file], SITE))
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(FootnoteError, match="no file with text"):
        list(passages(tmp_path, [file], SITE))


PIECES = st.sampled_from(["# ", "## ", "### ", "```", "~~~", "\n", "\n\n", " ", "\t", "\x00", "[["])


@given(st.lists(PIECES | st.text(max_size=300), max_size=30).map("".join))
def test_any_markdown_is_cut_into_short_chunks(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "any.md"
    file.write_text(text, encoding="utf-8", newline="")
    found = list(passages(file.parent, [file], SITE))
    assert all(0 < len(passage.text) <= LONGEST for passage in found)
    assert len({passage.chunk_id for passage in found}) == len(found)


WORDS = st.lists(st.text("abcdefgh", min_size=1, max_size=30), min_size=1, max_size=400)


@given(WORDS, st.data())
def test_no_word_of_plain_text_is_lost(tmp_path_factory, words, data):
    between = st.sampled_from([" ", " ", "\n", "\n\n"])
    text = "".join(word + data.draw(between) for word in words[:40]) + " ".join(words[40:])
    file = tmp_path_factory.getbasetemp() / "plain.md"
    file.write_text(text, encoding="utf-8")
    found = iter(passages(file.parent, [file], SITE))
    rest = words
    for passage in found:
        chunk = passage.text.split()
        # A chunk begins with words that ended the one before, then goes on where that stopped.
        start = next(n for n in range(len(chunk) + 1) if chunk[n:] == rest[: len(chunk) - n])
        rest = rest[len(chunk) - start :]
    assert not rest


@pytest.fixture(scope="module")
def docs(shared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    with tarfile.open(shared / "corpus" / "docs_en.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "docs_en"


def test_every_row_of_the_published_table_comes_out(shared, docs):
    files = sorted(docs.rglob("*.md"))
    ours = [(p.url, p.text, p.chunk_id) for p in passages(docs, files, CORPUS_SITE)]
    table = pq.read_table(shared / "corpus" / "transformers_docs_newlines.parquet").to_pylist()
    assert len(table) == 21_533
    assert ours == [(row["url"], row["chunk"], row["chunk_id"]) for row in table]
    collapsed = pq.read_table(shared / "corpus" / "transformers_docs.parquet").to_pylist()
    assert [" ".join(text.split()) for _, text, _ in ours] == [row["chunk"] for row in collapsed]


def test_the_order_of_the_published_table(shared, docs):
    table = pq.read_table(shared / "corpus" / "transformers_docs.parquet", columns=["source"])
    numbered = [
        PurePosixPath(source.partition("/docs/source/en/")[2])
        for source in dict.fromkeys(table["source"].to_pylist())
    ]
    ordered = table_order(docs, sorted(docs.rglob("*.md"), reverse=True))
    assert [PurePosixPath(file.relative_to(docs).as_posix()) for file in ordered] == numbered
