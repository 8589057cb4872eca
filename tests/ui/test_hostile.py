"""Documents, questions and answers that mean harm, on the real page: nothing runs, nothing leaves."""

import json
import shutil
from urllib.parse import quote

import pytest
from asking import answered, ask_more
from lantern import SITE
from serving import chat

from ingest.build import build
from ingest.reading import Options, read

ATTACKS = [
    "<script>window.hacked=1</script>",
    "<img src='http://evil.test/a.png' onerror='window.hacked=1'>",
    "<svg onload=window.hacked=1>",
    "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "<a href='javascript:window.hacked=1'>press</a>",
    "[press](javascript:window.hacked=1)",
    "[press](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "![p](http://evil.test/b.png)",
    "<style>@import 'http://evil.test/c.css'; body{background:url(http://evil.test/d)}</style>",
    "<link rel=stylesheet href=http://evil.test/e.css><base href=http://evil.test/>",
    "<form action=http://evil.test/><button>press</button></form>",
    "<meta http-equiv=refresh content='0;url=http://evil.test/'>",
    "</script><script>window.hacked=1</script>",
    "</textarea></title><script>window.hacked=1</script>",
    "'\"><script>window.hacked=1</script>",
    "{{constructor.constructor('window.hacked=1')()}}${window.hacked=1}",
    "<details open ontoggle=window.hacked=1>",
    "<math><mi//xlink:href='javascript:window.hacked=1'>press",
    "`<script>window.hacked=1</script>`",
]


@pytest.fixture(scope="module")
def wicked(lantern, tmp_path_factory):
    """A web chat whose documents attack: texts, titles, headings and addresses."""
    folder = tmp_path_factory.mktemp("wicked")
    copy = shutil.copytree(lantern, folder / "index")
    docs = folder / "docs"
    docs.mkdir()
    for at, attack in enumerate(ATTACKS):
        (docs / f"wobble{at}.md").write_text(
            f"# Wobble {at} {attack}\n\n## Wobbling {attack}\n\n"
            f"The wobble number {at} is set with wobble_{at}=True, see {attack} for wobble {at}.\n\n"
            f"```python\nwobble({at})  # {attack}\n```\n"
        )
    build(read(str(docs), Options(base_url=SITE)), copy)
    rows = [
        {
            "url": f"https://lantern.test/docs/'\"><script>window.hacked=1</script>{at}/#x",
            "chunk": f"The jiggle number {at} is turned on with jiggle_{at}=True. {attack}",
            "chunk_id": f"jiggle{at}",
            "source": f"{attack}.md",
            "file_type": ".md",
        }
        for at, attack in enumerate(ATTACKS)
    ]
    table = folder / "<img src=x onerror=window.hacked=1>.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    build(read(str(table)), copy)
    with chat(copy, folder, "--rate", "10000") as server:
        server.folder = folder
        yield server


def harmless(page, address: str) -> None:
    """Fails where something ran, a foreign host was asked, or a link leads elsewhere."""
    assert page.evaluate("window.hacked") is None
    hosts = {url.split("/")[2] for url in page.requested if url.startswith("http")}
    assert hosts == {address.split("/")[2]}
    links = page.eval_on_selector_all(
        "[href], [src], [action]", "all => all.map(a => a.href || a.src || a.action || '')"
    )
    for link in links:
        if isinstance(link, str) and link:
            assert link.startswith((address, SITE, "https://lantern.test/")), link
    assert page.locator("img, iframe, object, embed, base, meta[http-equiv]").count() == 0
    assert (
        page.locator("main style, main script, main form:not(.comment):not(.editing)").count() == 0
    )


def test_documents_that_attack(page, wicked):
    page.goto(wicked.address)
    for at in range(len(ATTACKS)):
        word = "wobble" if at % 2 else "jiggle"
        turn = answered(ask_more(page, f"How do I turn on {word} number {at}, in code?"))
        turn.locator(".step summary").first.click()
        for passage in turn.locator(".found > li > details > summary").all()[:3]:
            passage.click()
        for note in turn.locator("a.note").all()[:2]:
            note.hover()
        harmless(page, wicked.address)
    assert page.get_by_text("window.hacked=1").count() > len(ATTACKS)


def test_questions_that_attack(page, wicked):
    page.goto(wicked.address)
    for attack in ATTACKS:
        answered(ask_more(page, f"What of jiggle {attack}?"))
    harmless(page, wicked.address)
    page.reload()
    page.locator(".turn").last.wait_for()
    page.get_by_role("button", name="Rename").first.click()
    page.get_by_role("textbox", name="Name of the conversation").fill(ATTACKS[0])
    page.keyboard.press("Enter")
    harmless(page, wicked.address)
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Export the conversation as Markdown").click()
    text = downloading.value.path().read_text()
    exported_is_harmless(page, text)


def exported_is_harmless(page, text: str) -> None:
    """The exported file shown as a Markdown reader that lets HTML through would show it."""
    from markdown_it import MarkdownIt

    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    page.requested.clear()
    page.set_content(html)
    assert page.evaluate("window.hacked") is None
    assert not [url for url in page.requested if "evil" in url]
    links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href'))")
    assert all(link.startswith("http") and "evil.test" not in link for link in links), links
    assert page.locator("script, img, iframe, svg, style, form").count() == 0


def test_links_with_attacks_in_them(page, wicked):
    for attack in ATTACKS:
        page.goto(f"{wicked.address}/?q={quote(attack)}")
        answered(page.locator(".turn"))
        harmless(page, wicked.address)


def test_answers_that_attack(page, lantern, tmp_path):
    """What a model writes, by a server of its own kind that writes nothing but attacks."""
    from wicked_model import serving

    with (
        serving(ATTACKS) as model,
        chat(lantern, tmp_path, "--generator", model, "--rate", "1000") as server,
    ):
        page.goto(server.address)
        for at in range(len(ATTACKS)):
            answered(ask_more(page, f"Which port does the dashboard use? {at}"))
        harmless(page, server.address)
        page.reload()
        page.locator(".turn").last.wait_for()
        harmless(page, server.address)
