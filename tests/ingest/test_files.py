"""Folders and files: what is read, in which order, under which address; what is left out and why."""

import json
import os
from pathlib import PurePosixPath

import pytest

from ingest.files import address, read
from ingest.reading import Options
from ingest.reading import read as read_source
from rag.data import FootnoteError

BASE = "https://tea.example/docs"
OPTIONS = Options(base_url=BASE)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "tea-docs"
    for name, text in {
        "b.md": "# B\n\n## Part\n\nText of b.",
        "a.mdx": "Text of a.",
        "guide/index.md": "Text of the guide.",
        "guide/pour it.md": "Text of pouring.",
        "api.html": "<h2 id='pot'>Pot</h2><p>Text of the api.",
        "brew.ipynb": json.dumps(
            {"cells": [{"cell_type": "markdown", "source": "Text of brewing."}]}
        ),
        "notes.txt": "Not read.",
        ".hidden/c.md": "Not read.",
    }.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def found(path, options=OPTIONS):
    reading = read(path, options)
    return list(reading.passages), dict(reading.left_out)


def urls(path):
    return [passage.url for passage in found(path)[0]]


def test_a_folders_own_files_come_first_in_the_order_of_their_names(folder):
    assert urls(folder) == [
        f"{BASE}/a",
        f"{BASE}/api.html#pot",
        f"{BASE}/b#part",
        f"{BASE}/brew",
        f"{BASE}/guide/",
        f"{BASE}/guide/pour%20it",
    ]


def test_passages_say_where_they_stand(folder):
    passages, left_out = found(folder)
    assert [p.text for p in passages][:3] == ["Text of a.", "Text of the api.", "Text of b."]
    assert passages[2].chunk_id == "b.md#part:0"
    assert (passages[2].title, passages[2].headings) == ("B", ("Part",))
    assert left_out == {}


def test_the_reading_is_named_after_its_path(folder):
    reading = read(folder, OPTIONS)
    assert (reading.name, reading.title, reading.total) == (folder.as_posix(), "tea-docs", None)


def test_one_file_is_read(folder):
    assert urls(folder / "b.md") == [f"{BASE}/b#part"]


def test_the_seam_chooses_this_reader(folder):
    assert read_source(str(folder), OPTIONS).title == "tea-docs"


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("a.md", "/a"),
        ("a.b.MDX", "/a.b"),
        ("x/y.markdown", "/x/y"),
        ("x/y.ipynb", "/x/y"),
        ("README.md", "/"),
        ("x/Readme.md", "/x/"),
        ("x/index.html", "/x/"),
        ("x/readme.html", "/x/readme.html"),
        ("x/y.htm", "/x/y.htm"),
        ("50%/ü #1.md", "/50%25/%C3%BC%20%231"),
    ],
)
def test_the_address_of_a_file(name, url):
    assert address(PurePosixPath(name), BASE) == BASE + url


@pytest.mark.parametrize("base", [f"{BASE}/", f"{BASE}///"])
def test_a_slash_at_the_bases_end_is_not_doubled(folder, base):
    assert found(folder / "a.mdx", Options(base_url=base))[0][0].url == f"{BASE}/a"


@pytest.mark.parametrize(
    ("base", "fault"),
    [
        (None, "--base-url https://"),
        ("", "--base-url https://"),
        ("tea.example", "'tea.example' does not begin with http"),
        (f"{BASE}?v=1", "holds a query"),
        (f"{BASE}#x", "holds a query or a fragment"),
        ("https://tea example", "holds a space"),
    ],
)
def test_a_site_must_be_given(folder, base, fault):
    with pytest.raises(FootnoteError, match=fault.replace("?", r"\?")):
        read(folder, Options(base_url=base))


def test_an_unknown_chunking_is_refused(folder):
    with pytest.raises(FootnoteError, match="'words'; there are own, table"):
        read(folder, Options(base_url=BASE, chunking="words"))


def test_the_cut_of_the_table_reads_markdown_only(folder):
    passages, left_out = found(folder, Options(base_url=BASE, chunking="table"))
    assert sorted(p.text for p in passages) == [
        "Text of a.",
        "Text of b.",
        "Text of pouring.",
        "Text of the guide.",
    ]
    assert left_out == {"file that is not Markdown": 2}


def test_a_path_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FootnoteError, match="no such file or folder"):
        read(tmp_path / "nowhere.md", OPTIONS)


def test_a_file_of_another_kind_is_refused(folder):
    with pytest.raises(FootnoteError, match=r"notes\.txt: no reader.*\.ipynb"):
        read(folder / "notes.txt", OPTIONS)


def test_a_folder_with_nothing_to_read_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("Not read.")
    with pytest.raises(FootnoteError, match="holds nothing that can be read"):
        read(tmp_path, OPTIONS)


def test_a_folder_in_which_nothing_could_be_read_is_refused_at_the_end(tmp_path):
    (tmp_path / "a.md").write_bytes(b"\xff")
    reading = read(tmp_path, OPTIONS)
    with pytest.raises(FootnoteError, match=r"\(1 file that is not UTF-8\)"):
        list(reading.passages)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    (tmp_path / "a.md").write_bytes(b"\xef\xbb\xbf# Tea\n\nHot.")
    assert urls(tmp_path) == [f"{BASE}/a#tea"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x.md", b"caf\xe9", "file that is not UTF-8"),
        ("x.html", "<p>tea".encode("utf-16"), "file that is not UTF-8"),
        ("x.md", b"a" * 20_000_001, "file of more than 20 MB"),
        ("x.ipynb", b"{", "notebook that is damaged"),
        ("x.ipynb", b"[" * 100_000, "notebook that is damaged"),
        ("x.html", b"<div>" * 100_000 + b"tea", "HTML file that is damaged"),
        ("x.md", b"[[autodoc]] nothing.of.that.Name", "[[autodoc]] not expanded"),
    ],
)
def test_what_cannot_be_read_is_counted_and_the_rest_is_read(folder, name, content, reason):
    (folder / name).write_bytes(content)
    passages, left_out = found(folder)
    assert len(passages) == 6
    assert left_out == {reason: 1}


def test_links_out_of_the_folder_and_in_circles_are_not_followed(folder, tmp_path):
    (tmp_path / "secret.md").write_text("Not ours.")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "d.md").write_text("Not ours.")
    (folder / "out.md").symlink_to(tmp_path / "secret.md")
    (folder / "out").symlink_to(tmp_path / "elsewhere")
    (folder / "guide" / "up").symlink_to(folder)
    (folder / "gone.md").symlink_to(tmp_path / "gone.md")
    (folder / "one.md").symlink_to(folder / "two.md")
    (folder / "two.md").symlink_to(folder / "one.md")
    (folder / "same.md").symlink_to(folder / "b.md")
    passages, left_out = found(folder)
    assert not any("Not ours" in passage.text for passage in passages)
    assert [p.url for p in passages if "same" in p.url] == [f"{BASE}/same#part"]
    assert len(passages) == 7
    assert left_out == {
        "link that leads outside the folder": 2,
        "link that leads nowhere": 3,
        "link to a folder": 1,
    }


def test_a_folder_reached_by_a_link_is_read(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    assert len(urls(tmp_path / "link")) == 6


def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "pipe.md")
    assert found(folder)[1] == {"file that cannot be opened": 1}


def test_a_folder_named_like_a_file_is_a_folder(folder):
    (folder / "c.md").mkdir()
    (folder / "c.md" / "d.md").write_text("Text of d.")
    assert f"{BASE}/c.md/d" in urls(folder)
