"""The web chat as people and programs meet it: a real server, a real browser, a real client."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from conftest import missing
from lantern import CHUNKS, SITE
from playwright.sync_api import expect, sync_playwright

from ingest.build import build
from ingest.reading import read

CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-background-networking", "--disable-sync", "--no-first-run",
]  # fmt: skip
HOSTILE = (
    "The marvellous frobnicator is turned on by default <script>window.hacked=1</script>. "
    "Turn the marvellous frobnicator off with frobnicate=False. "
    "<img src='http://evil.test/a.png' onerror='window.hacked=1'> See "
    "[the manual](javascript:window.hacked=1) or ![a picture](http://evil.test/b.png)."
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(command: list[str], port: int):
    """Starts a server process and waits until it answers."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
            return process
        except OSError:
            time.sleep(0.2)
    process.kill()
    raise RuntimeError(process.communicate()[0])


def stopped(process) -> str:
    process.terminate()
    return process.communicate(timeout=30)[0]


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def address(index):
    port = free_port()
    command = [str(Path(sys.executable).parent / "footnote"), "chat"]
    process = serve([*command, "--index", str(index), "--port", str(port)], port)
    yield f"http://127.0.0.1:{port}"
    assert "Traceback" not in stopped(process)


@pytest.fixture(scope="module")
def slow(lantern, tmp_path_factory):
    port = free_port()
    notes = tmp_path_factory.mktemp("slow") / "notes"
    script = Path(__file__).with_name("slow_server.py")
    process = serve([sys.executable, str(script), str(lantern), str(port), str(notes)], port)
    yield f"http://127.0.0.1:{port}", notes
    assert "Traceback" not in stopped(process)


@pytest.fixture(scope="module")
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
    page = browser.new_page()
    page.requested = []
    page.on("request", lambda request: page.requested.append(request.url))
    yield page
    page.close()


def ask(page, address, question):
    page.goto(address)
    page.get_by_role("textbox").fill(question)
    page.keyboard.press("Enter")
    return page.locator("[data-testid=bot]").last


def test_a_question_gets_a_cited_answer(page, address):
    answer = ask(page, address, "Which port does the dashboard use?")
    expect(answer).to_contain_text("5580", timeout=30_000)
    expect(answer).to_contain_text("Footnotes")
    link = answer.get_by_role("link", name="[1]", exact=True).first
    assert link.get_attribute("href") == SITE + "monitoring/#dashboard"
    assert link.get_attribute("target") == "_blank"
    page.get_by_text("Passages found").click()
    passages = page.locator(".passages details")
    expect(passages).to_have_count(10)
    passages.first.locator("summary").click(position={"x": 5, "y": 5})
    expect(passages.first.locator("pre")).to_have_text(CHUNKS[10][2])


def test_what_the_corpus_is(page, address):
    page.goto(address)
    expect(page.get_by_text(re.compile(r"Answers from lantern.*pages"))).to_be_visible()


def test_nothing_found_offers_the_nearest(page, address):
    answer = ask(page, address, "Who won the football cup in 1990?")
    expect(answer).to_contain_text("Not found in this documentation.", timeout=30_000)
    expect(answer).to_contain_text("The nearest pages")


def test_a_follow_up(page, address):
    ask(page, address, "How do I start the dashboard?")
    expect(page.locator("[data-testid=bot]").last).to_contain_text("Footnotes", timeout=30_000)
    page.get_by_role("textbox").fill("and on which port?")
    page.keyboard.press("Enter")
    expect(page.locator("[data-testid=bot]")).to_have_count(2, timeout=30_000)
    expect(page.locator("[data-testid=bot]").last).to_contain_text("5580", timeout=30_000)


def test_an_overlong_question_is_refused_in_words(page, address):
    answer = ask(page, address, "x" * 5000)
    expect(answer).to_contain_text("5,000 characters", timeout=30_000)


def test_hostile_passages_stay_text_and_nothing_leaves(page, address):
    answer = ask(page, address, "Is the marvellous frobnicator turned on by default?")
    expect(answer).to_contain_text("Footnotes", timeout=30_000)
    page.get_by_text("Passages found").click()
    expect(page.locator(".passages")).to_contain_text("window.hacked=1")
    assert page.evaluate("window.hacked") is None
    links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
    assert not [link for link in links if "evil.test" in link or link.startswith("javascript")]
    assert page.locator("[data-testid=bot] img, .passages img").count() == 0
    hosts = {url.split("/")[2] for url in page.requested if "://" in url}
    assert hosts == {address.split("/")[2]}


def test_the_answer_streams_and_stop_stops_it(page, slow):
    address, notes = slow
    answer = ask(page, address, "How many tasks run at once?")
    expect(answer).to_contain_text("word3", timeout=30_000)
    seen = answer.inner_text()
    assert "word400" not in seen
    page.locator("button.stop-button, button[aria-label='Stop']").first.click()
    pressed = time.time()
    deadline = pressed + 20
    while not notes.exists() and time.time() < deadline:
        page.wait_for_timeout(50)
    written, ended = notes.read_text().split()
    assert int(written) < 500
    assert float(ended) - pressed < 5
    notes.unlink()


def test_leaving_the_page_ends_the_answer(browser, slow):
    address, notes = slow
    page = browser.new_page()
    expect(ask(page, address, "How many tasks run at once?")).to_contain_text(
        "word3", timeout=30_000
    )
    page.close()
    deadline = time.time() + 20
    while not notes.exists() and time.time() < deadline:
        time.sleep(0.1)
    assert int(notes.read_text().split()[0]) < 500
    notes.unlink()


def test_endpoints_for_programs(address):
    from gradio_client import Client

    client = Client(address, verbose=False)
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {"/ask", "/search"}
    answer = client.predict("Which port does the dashboard use?", api_name="/ask")
    assert "5580" in answer["answer"]
    assert answer["citations"][0]["url"] == SITE + "monitoring/#dashboard"
    assert answer["citations"][0]["quote"] in answer["hits"][0]["text"]
    history = [{"role": "user", "content": "How do I start the dashboard?"}]
    followed = client.predict("and on which port?", history, api_name="/ask")
    assert "5580" in followed["answer"]
    hits = client.predict("signed messages", 3, api_name="/search")
    assert hits[0]["url"] == SITE + "security/#signing"
    assert len(hits) == 3


def test_endpoints_say_what_is_wrong(address):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    client = Client(address, verbose=False)
    with pytest.raises(AppError, match="question is empty"):
        client.predict("", api_name="/ask")
    with pytest.raises(AppError, match="k is 0"):
        client.predict("x", 0, api_name="/search")


def test_only_known_users_get_in(lantern, tmp_path):
    port = free_port()
    users = tmp_path / "users"
    users.write_text("ada:lovelace\n")
    command = [str(Path(sys.executable).parent / "footnote"), "chat", "--auth", str(users)]
    process = serve([*command, "--index", str(lantern), "--port", str(port)], port)
    try:
        from gradio_client import Client

        address = f"http://127.0.0.1:{port}"
        with pytest.raises(Exception, match=r"(?i)auth|log ?in|credentials|401"):
            Client(address, verbose=False).predict("x", api_name="/search")
        with pytest.raises(Exception, match=r"(?i)auth|log ?in|credentials|400"):
            Client(address, auth=("ada", "wrong"), verbose=False)
        known = Client(address, auth=("ada", "lovelace"), verbose=False)
        assert len(known.predict("signed", 2, api_name="/search")) == 2
    finally:
        stopped(process)


def test_a_port_in_use_is_said(footnote, lantern):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = footnote("chat", "--port", port, "--index", lantern)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
