"""A browser, and web chats on an index that has a hostile passage in it."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from conftest import missing
from playwright.sync_api import sync_playwright
from serving import CHROMIUM_FLAGS, Server, chat, free_port

from ingest.build import build
from ingest.reading import read

HOSTILE = (
    "The marvellous frobnicator is turned on by default <script>window.hacked=1</script>. "
    "Turn the marvellous frobnicator off with frobnicate=False. "
    "<img src='http://evil.test/a.png' onerror='window.hacked=1'> See "
    "[the manual](javascript:window.hacked=1) or ![a picture](http://evil.test/b.png)."
)


@pytest.fixture(scope="session")
def index(lantern, tmp_path_factory):
    """Lantern's index with a hostile passage beside it."""
    folder = tmp_path_factory.mktemp("web")
    copy = shutil.copytree(lantern, folder / "index")
    row = {"url": "https://lantern.test/docs/evil/#x", "chunk": HOSTILE, "chunk_id": "evil"}
    (folder / "hostile.jsonl").write_text(
        json.dumps(row | {"source": "evil.md", "file_type": ".md"}) + "\n"
    )
    build(read(str(folder / "hostile.jsonl")), copy)
    return copy


@pytest.fixture(scope="session")
def served(index, tmp_path_factory):
    """The web chat with the embedded answerer."""
    folder = tmp_path_factory.mktemp("served")
    with chat(index, folder, "--rate", "10000", "--mcp") as server:
        server.feedback = folder / "feedback.jsonl"
        yield server


@pytest.fixture
def address(served):
    return served.address


@pytest.fixture(scope="session")
def slow(lantern, tmp_path_factory):
    """The web chat with an answerer that takes its time; its notes say when it was ended."""
    folder = tmp_path_factory.mktemp("slow")
    port, notes = free_port(), folder / "notes"
    script = str(Path(__file__).with_name("slow_server.py"))
    command = [sys.executable, script, str(lantern), str(port), str(notes)]
    server = Server(command, port, folder / "output.txt")
    server.notes = notes
    server.until()
    yield server
    assert "Traceback" not in server.stop()


@pytest.fixture(scope="module")  # its event loop would be in the way of other modules' own
def browser():
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("no chromium on this machine (Debian's package chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A new browser window with nothing kept in it; nothing may have gone wrong in it."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.requested, page.wrong = [], []
    page.on("request", lambda request: page.requested.append(request.url))
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    yield page
    context.close()
    assert page.wrong == []
