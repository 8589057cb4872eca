"""Data sets of the hub and of the disk are read as tables are, and every fault is one line.

The hub is a small server of our own that speaks as much of its language as a reading needs.
"""

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import datasets
import huggingface_hub.constants
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest import reading, table
from ingest.dataset import read
from ingest.reading import Options
from rag.data import FootnoteError, Passage

GREEN, BLACK = "https://tea.example/green", "https://tea.example/black#time"
ROWS = [
    {"url": GREEN, "chunk": "Warm the pot.\n    Pour.", "chunk_id": "0"},
    {"url": BLACK, "chunk": "Four minutes.", "chunk_id": "1"},
]
PASSAGES = [
    Passage("0", GREEN, "Warm the pot.\n    Pour.", "Green", ()),
    Passage("1", BLACK, "Four minutes.", "Black", ("Time",)),
]
REVISION = "c0ffee" + "0" * 34


def saved(folder, **splits):
    """The rows of each split as save_to_disk writes them."""
    made = {name: datasets.Dataset.from_list(rows) for name, rows in splits.items()}
    datasets.DatasetDict(made).save_to_disk(folder)
    return str(folder)


def fault(name, **options):
    """The one line that reading ends with."""
    with pytest.raises(FootnoteError) as raised:
        list(read(name, Options(**options)).passages)
    message = str(raised.value)
    assert "\n" not in message
    assert len(message) < 600
    assert Path(name).name[:100] in message
    return message


def test_a_saved_data_set_is_read_like_a_table(tmp_path):
    found = read(saved(tmp_path / "docs", train=ROWS), Options())
    assert (found.name, found.title, found.version, found.total) == ("hf:docs", "docs", "", 2)
    assert list(found.passages) == PASSAGES


def test_a_saved_split_by_itself_is_the_training_split(tmp_path):
    datasets.Dataset.from_list(ROWS).save_to_disk(tmp_path / "docs")
    assert list(read(str(tmp_path / "docs"), Options()).passages) == PASSAGES


def test_a_folder_of_parquet_is_read(tmp_path):
    for number, row in enumerate(ROWS):
        pq.write_table(pa.Table.from_pylist([row]), tmp_path / f"part-{number}.parquet")
    assert list(read(str(tmp_path), Options()).passages) == PASSAGES


def test_a_folder_is_not_taken_for_a_kind_of_file(tmp_path, monkeypatch):
    """The library has readers called csv and parquet, which would search the working folder."""
    (tmp_path / "csv").mkdir()
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "csv" / "docs.parquet")
    monkeypatch.chdir(tmp_path)
    found = read("csv", Options())
    assert found.name == "hf:csv"
    assert list(found.passages) == PASSAGES


def test_the_reader_is_chosen_by_the_prefix(tmp_path):
    found = reading.read("hf:" + saved(tmp_path / "docs", train=ROWS))
    assert list(found.passages) == PASSAGES


def test_the_split_that_was_asked_for_is_read(tmp_path):
    folder = saved(tmp_path / "docs", train=ROWS[:1], test=ROWS[1:])
    assert list(read(folder, Options(split="test")).passages) == PASSAGES[1:]
    message = fault(folder, split="validation")
    assert "has no split 'validation'; give --split with one of train, test" in message


def test_columns_of_other_names_are_read_where_told(tmp_path):
    rows = [{"link": GREEN, "text": "Sip.", "page": "Tea", "path": ["Cups", "Rims"]}]
    columns = {"url": "link", "chunk": "text", "title": "page", "headings": "path"}
    (passage,) = read(saved(tmp_path / "docs", train=rows), Options(columns=columns)).passages
    assert passage == Passage(
        table.made_up_id(GREEN, "Sip."), GREEN, "Sip.", "Tea", ("Cups", "Rims")
    )


def test_missing_columns_are_named_before_anything_is_read(tmp_path):
    folder = saved(tmp_path / "docs", train=[{"link": GREEN, "text": "Sip."}])
    with pytest.raises(FootnoteError, match=r"lacks the column url, chunk \(it has 'link, text'\)"):
        read(folder, Options())
    with pytest.raises(FootnoteError, match=r"lacks the column txt \(it has 'link, text'\)"):
        read(folder, Options(columns={"url": "link", "chunk": "txt"}))


def test_other_columns_are_not_read(tmp_path):
    """A picture, for one, would be unpacked for nothing, here with a library we have not."""
    rows = datasets.Dataset.from_list([row | {"picture": {"bytes": b"no"}} for row in ROWS])
    rows.cast_column("picture", datasets.Image()).save_to_disk(tmp_path / "docs")
    assert list(read(str(tmp_path / "docs"), Options()).passages) == PASSAGES


def test_malformed_rows_are_named_or_counted(tmp_path):
    rows = [ROWS[0], {"url": "nowhere", "chunk": "Sip.", "chunk_id": "9"}, ROWS[1]]
    folder = saved(tmp_path / "docs", train=rows)
    assert "docs, row 2: url 'nowhere' does not begin with http" in fault(folder)
    found = read(folder, Options(skip_bad_rows=True))
    assert list(found.passages) == PASSAGES
    assert found.left_out == {"malformed": 1}


def test_folders_that_are_no_data_set(tmp_path):
    assert "cannot be read as a data set" in fault(str(tmp_path))
    (tmp_path / "docs.parquet").write_bytes(b"tea, not a table")
    assert "cannot be read as a data set" in fault(str(tmp_path))
    (tmp_path / "state.json").write_text("{}")
    assert "cannot be read as a data set" in fault(str(tmp_path))


def test_code_in_a_folder_is_not_run(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "docs.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert "cannot be read as a data set" in fault(str(folder))
    assert not (tmp_path / "ran").exists()


def test_a_stream_that_breaks_off(tmp_path):
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "part-0.parquet")
    (tmp_path / "part-1.parquet").write_bytes(b"tea, not a table")
    assert "after row 2: cannot be read on" in fault(str(tmp_path))


@pytest.mark.parametrize("name", ["", "csv", "parquet", "a/b/c", "/nowhere", "x" * 3000, "a\0b/c"])
def test_what_is_neither_folder_nor_name(name):
    assert "give hf:OWNER/NAME or the path of a folder" in fault(name)


def test_without_the_library(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert "pip install 'footnote[hub]'" in fault(str(tmp_path))


@pytest.fixture
def hub(tmp_path):
    """The address of a hub whose one data set is kettle/docs."""
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "docs.parquet")
    parquet = (tmp_path / "docs.parquet").read_bytes()
    entry = {"type": "file", "oid": "b" * 40, "size": len(parquet), "path": "docs.parquet"}
    about = {
        "id": "kettle/docs",
        "sha": REVISION,
        "private": False,
        "gated": False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "siblings": [{"rfilename": "docs.parquet"}],
        "lastModified": "2026-01-01T00:00:00.000Z",
    }

    class Hub(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            path = self.path.split("?")[0]
            asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not path.startswith(("/api/datasets/kettle/docs", "/datasets/kettle/docs")):
                self.reply(404, b"{}", {"X-Error-Code": "RepoNotFound"})
            elif path == "/api/datasets/kettle/docs" or path.endswith(f"/revision/{REVISION}"):
                self.reply(200, json.dumps(about).encode())
            elif path.endswith(f"/tree/{REVISION}"):
                self.reply(200, json.dumps([entry]).encode())
            elif "/paths-info/" in path:
                found = [entry] if b"docs.parquet" in asked else []
                self.reply(200, json.dumps(found).encode())
            elif path.endswith(f"/resolve/{REVISION}/docs.parquet"):
                first, last = re.findall(r"\d+", self.headers.get("Range", "")) or (0, len(parquet))
                part = parquet[int(first) : int(last) + 1]
                span = f"bytes {first}-{int(first) + len(part) - 1}/{len(parquet)}"
                self.reply(206, part, {"Content-Range": span, "ETag": '"tea"'})
            else:
                self.reply(404, b"{}", {"X-Error-Code": "EntryNotFound"})

        do_HEAD = do_POST = do_GET

        def reply(self, status, body, headers=None):
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


# In a process of its own, since the libraries look at HF_ENDPOINT only as they are imported.
READ_FROM_HUB = """
from ingest.dataset import read
from ingest.reading import Options
from rag.data import FootnoteError

found = read("kettle/docs", Options())
print([found.name, found.title, found.version, list(found.passages)])
try:
    read("kettle/docs", Options(split="test"))
except FootnoteError as fault:
    print(fault)
"""


def test_a_data_set_of_the_hub_is_read(hub, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", READ_FROM_HUB],
        env=os.environ | {"HF_ENDPOINT": hub, "HF_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == [
        repr(["hf:kettle/docs", "docs", REVISION[:7], PASSAGES]),
        "hf:kettle/docs has no split 'test'; give --split with one of train",
    ], done.stderr


def test_a_data_set_that_the_hub_lacks(hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub)
    assert "the hub has no such data set" in fault("kettle/none")


def test_where_the_hub_cannot_be_reached(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    message = fault("kettle/docs")
    assert "cannot be opened on the hub" in message
    assert "where there is no network, give a folder" in message


def test_where_the_hub_may_not_be_asked(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert "offline" in fault("kettle/docs")
