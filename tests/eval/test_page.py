"""The HTML report as a browser shows it: whole, readable, and harmless whatever is in the rows."""

import re
import shutil

import pytest
from conftest import missing
from playwright.sync_api import sync_playwright
from serving import CHROMIUM_FLAGS

from eval.html_report import html
from eval.summary import summarize

EVIL = "http://evil.test/"
HOSTILE = (
    f"</title></style></script><script>window.hacked=1</script><img src='{EVIL}a.png' "
    f"onerror='window.hacked=1'> \"><svg onload=window.hacked=1> ]]> &lt;b&gt; [x](javascript:1) "
    f"<iframe src={EVIL}></iframe><link rel=stylesheet href={EVIL}c.css><style>*{{display:none}}"
    f"</style><meta http-equiv=refresh content='0;url={EVIL}'> \N{RIGHT-TO-LEFT OVERRIDE}"
)


def row(number, truthfulness, url="https://host.test/docs/x/#a", **hostile):
    """A row as a run writes it; `hostile` texts stand in the places of people's."""
    text = hostile.get("text", f"Answer number {number}.")
    answer = {
        "text": text,
        "abstained": truthfulness == 0,
        "confidence": number / 20,
        "citations": [{"marker": 1, "url": url, "chunk_id": "1", "quote": text}],
        "measures": {"V_strict": max(truthfulness, 0), "truthfulness": truthfulness},
    }
    ours = {"page.Success@5": number % 2, "citation_recall": 1.0}
    return {
        "id": hostile.get("id", f"q{number}"),
        "question": {
            "question": hostile.get("question", f"Question {number}?"), "type": "single",
            "kind": hostile.get("kind", "written"), "answerable": True,
            "history": [{"role": "user", "content": text}],
            "nuggets": [{"text": text, "vital": True, "aliases": [text]}],
            "reference_answer": text,
        },
        "hits": [{"chunk_id": "1", "url": url, "score": 0.5}],
        "read": [{"chunk_id": "1", "url": url, "headings": ["Title", text], "text": text}],
        "ranking": {"page": ["x", f"p{number}"], "chunk": ["c", "d"]},
        "gold": {"page": [hostile.get("page", f"p{number}")], "chunk": ["d"]},
        "gold_read": True,
        "timings": {"search": 0.01, "total": number / 10},
        "seconds": 0.5,
        "systems": {
            "footnote": answer | {"measures": ours | answer["measures"]},
            "top passage copied": answer,
        },
    }  # fmt: skip


def page_of(rows, name="canned"):
    summary = {
        "version": "1.2.3", "answerer": name, "started": "2026-11-23T07:13:06Z",
        "settings": {"k": 50}, "index": {"fingerprint": "c2e3af", "passages": 17606},
        "peak_mib": 640,
        "machine": {
            "platform": name, "python": "3.11.7", "cpus": 2, "processor": name, "memory_gib": 8,
            "gpus": [name],
        },
        **summarize(rows),
    }  # fmt: skip
    return html(summary, rows)


ROWS = [row(n, n % 3 - 1) for n in range(12)]


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
def opened(browser, tmp_path):
    """Opens a report from a file; gives the page and the addresses that it asked for."""
    contexts = []

    def open_page(content, **settings):
        path = tmp_path / "report.html"
        path.write_text(content, encoding="utf-8")
        contexts.append(browser.new_context(**settings))
        page = contexts[-1].new_page()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        return page, asked

    yield open_page
    for context in contexts:
        context.close()


def test_the_page_holds_tables_plots_and_failures(opened):
    page, asked = opened(page_of(ROWS))
    assert page.locator("h1").inner_text() == "12 questions, answered by canned"
    assert page.get_by_role("columnheader", name="top passage copied").count() == 1
    plots = [box.get_attribute("aria-label") for box in page.get_by_role("img").all()]
    assert plots == ["Retrieval", "Risk and coverage", "Calibration", "Latency"]
    # 4 of 12 were wrong and 4 refused; the surest wrong answer comes first.
    failures = page.locator("details.failure")
    assert failures.count() == 8
    assert "Question 9?" in failures.first.locator("> summary").inner_text()
    failures.first.locator("> summary").click()
    shown = failures.first.inner_text()
    assert "Answer number 9." in shown
    assert "p9" in shown
    links = {link.get_attribute("href") for link in failures.first.get_by_role("link").all()}
    assert links == {"https://host.test/docs/x/#a"}
    assert len(asked) == 1


def test_the_tables_show_their_intervals(opened):
    summary = summarize(ROWS)["systems"]["footnote"]["all"]["truthfulness"]
    page, _ = opened(page_of(ROWS))
    cells = page.get_by_role("row", name=re.compile("^truthfulness")).first.inner_text()
    assert f"{summary['value']:.2f}" in cells
    assert f"{summary['low']:.2f} to {summary['high']:.2f}" in cells


def test_hostile_text_runs_nothing_and_asks_for_nothing(opened):
    bad = row(
        11, -1, text=HOSTILE, question=HOSTILE, kind=HOSTILE, page=HOSTILE, id=HOSTILE,
        url="javascript:window.hacked=1",
    )  # fmt: skip
    page, asked = opened(page_of([*ROWS, bad], name=HOSTILE))
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert len(asked) == 1 and asked[0].startswith("file:")
    assert page.locator("script, img, iframe, link, [onload], [onerror]").count() == 0
    assert page.locator("style").count() == 1
    assert HOSTILE in page.locator(".failure .asked", has_text="hacked").text_content()
    assert HOSTILE in page.locator(".failure .text", has_text="hacked").text_content()


@pytest.mark.parametrize(
    "url",
    ["javascript:window.hacked=1", "data:text/html,<script>1</script>", " https://host.test/",
     "//evil.test/", "file:///etc/passwd", "HTTP:evil", "", "vbscript:1", "x\" onclick=\"1"],
)  # fmt: skip
def test_only_web_addresses_become_links(opened, url):
    page, _ = opened(page_of([row(3, -1, url=url)]))
    assert page.locator("a").count() == 0


def test_a_link_takes_nothing_along(opened):
    page, _ = opened(page_of([row(3, -1, url="https://host.test/?a=1&b=%22<>\"'")]))
    link = page.locator("a").first
    assert link.get_attribute("href") == "https://host.test/?a=1&b=%22<>\"'"
    assert set(link.get_attribute("rel").split()) == {"noopener", "noreferrer"}


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_on_wide_and_narrow_screens_in_light_and_dark(opened, width, scheme):
    viewport = {"width": width, "height": 900}
    page, _ = opened(page_of(ROWS), viewport=viewport, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # A name in the first column stands on two lines at most, not letter below letter.
    for name in page.locator("tbody th").all():
        assert name.bounding_box()["height"] < 70, name.inner_text()
    for plot in page.get_by_role("img").all():
        assert plot.bounding_box()["width"] > 250
    paper, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    brightness = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (paper, ink)]
    assert (brightness[0] > brightness[1]) is (scheme == "light")


def test_a_run_of_one_question_has_a_page(opened):
    page, _ = opened(page_of([row(1, 1)]))
    assert page.locator("h1").inner_text() == "1 question, answered by canned"
