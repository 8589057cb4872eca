"""Pages and lists of pages on the web become passages that link to where a person reads them."""

import gzip
import time
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from site_server import HTML, MARKDOWN, TEXT, XML, Answer, moved, site

from ingest import web
from ingest.fetch import SILENT, Fetcher
from ingest.reading import Options
from ingest.weblists import NoSitemap, links_in, locations_in, pages_in
from rag.data import FootnoteError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of the test's own."""
    monkeypatch.setenv("FOOTNOTE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def page(title, text="Warm the pot."):
    return Answer(f"<html><body><main><h1>{title}</h1><p>{text}</p></main></body></html>", HTML)


def note(title, text="Warm the pot."):
    return Answer(f"# {title}\n\n{text}\n", MARKDOWN)


def sitemap(*urls, kind="urlset"):
    inner = "".join(f"<x><loc> {escape(url)} </loc></x>" for url in urls)
    return f'<?xml version="1.0"?><{kind} xmlns="http://maps.example/0.9">{inner}</{kind}>'


def read(url, **options):
    reading = web.open_with(Fetcher(url, pause=0.001), url, **options)
    return list(reading.passages), reading


def urls(found):
    return list(dict.fromkeys(passage.url.partition("#")[0] for passage in found))


def fault_of(url, **options):
    with pytest.raises(FootnoteError) as raised:
        read(url, **options)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(url)
    return str(raised.value)


# Single pages


def test_a_page_of_html():
    with site({"/pots/tea": page("Tea", "Steep it.")}) as tea:
        found, reading = read(f"{tea.url}/pots/tea")
    assert [(p.chunk_id, p.title, p.text) for p in found] == [("/pots/tea:0", "Tea", "Steep it.")]
    assert urls(found) == [f"{tea.url}/pots/tea"]
    assert (reading.name, reading.version, reading.total) == (f"{tea.url}/pots/tea", "", None)
    assert reading.title == f"{tea.url.removeprefix('http://')}/pots/tea"
    assert reading.left_out == {}


def test_sections_link_to_their_own_place():
    with site({"/tea.md": note("Tea", "Steep it.\n\n## Green tea\n\nNot too hot.")}) as tea:
        found, _ = read(f"{tea.url}/tea.md")
    assert found[-1].url == f"{tea.url}/tea.md#green-tea"
    assert found[-1].headings == ("Green tea",)


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/tea", "Text/HTML;charset=utf-8", "<h1>Tea</h1><p>Steep it.</p>"),
        ("/tea", "application/xhtml+xml", "<h1>Tea</h1><p>Steep it.</p>"),
        ("/tea.md", HTML, "<h1>Tea</h1><p>Steep it.</p>"),
        ("/tea", "text/markdown", "# Tea\n\nSteep it."),
        ("/tea", "text/x-markdown; charset=utf-8", "# Tea\n\nSteep it."),
        ("/tea.html", TEXT, "<h1>Tea</h1><p>Steep it.</p>"),
        ("/tea.md", TEXT, "# Tea\n\nSteep it."),
        ("/tea", TEXT, "# Tea\n\nSteep it."),
        ("/tea.txt", "application/octet-stream", "# Tea\n\nSteep it."),
        ("/tea.md", "", "# Tea\n\nSteep it."),
    ],
)
def test_type_and_suffix_tell_what_a_page_is(path, kind, body):
    with site({path: Answer(body, kind)}) as tea:
        found, _ = read(f"{tea.url}{path}")
    assert [(p.title, p.text) for p in found] == [("Tea", "Steep it.")]


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/tea", "", b"Steep it."),
        ("/tea", "application/octet-stream", b"Steep it."),
        ("/tea.png", "image/png", b"\x89PNG"),
        ("/tea.css", "text/css", b"tea {}"),
        ("/tea.txt", TEXT, b"Steep\0it."),
        ("/tea.json", "application/json", b"{}"),
    ],
)
def test_what_is_no_page(path, kind, body):
    with site({path: Answer(body, kind)}) as tea:
        assert "text" in fault_of(f"{tea.url}{path}")


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("text/html; charset=ISO-8859-1", "<p>Thé".encode("latin-1"), "Thé"),
        ('text/html; Charset="windows-1251"', "<p>Чай".encode("cp1251"), "Чай"),
        ("text/html", '<meta charset="shift_jis"><p>お茶'.encode("shift_jis"), "お茶"),
        ("text/html", "<p>Thé".encode("utf-8-sig"), "Thé"),
        (
            "text/markdown",
            '`<meta charset="latin-1">` Thé'.encode(),
            '`<meta charset="latin-1">` Thé',
        ),
        ("text/html; charset=tea", "<p>Thé".encode(), "Thé"),
        ("text/html; charset=base64", "<p>Thé".encode(), "Thé"),
        ("text/html; charset=punycode", "<p>Thé".encode(), "Thé"),
        ("text/html; charset=unicode_escape", rb"<p>\ud800", r"\ud800"),
        ("text/html; charset=utf-8", b"<p>Th\xe9", "Th\ufffd"),
    ],
)
def test_charsets(kind, body, text):
    with site({"/tea": Answer(body, kind)}) as tea:
        found, _ = read(f"{tea.url}/tea")
    assert [passage.text for passage in found] == [text]


def test_a_page_is_cited_where_it_was_found_in_the_end():
    with site({"/old": moved("/new#top"), "/new": page("Tea")}) as tea:
        found, reading = read(f"{tea.url}/old")
    assert urls(found) == [f"{tea.url}/new"]
    assert reading.name == f"{tea.url}/old"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://", "names no host"),
        ("ftp://tea.example/", "does not begin with http"),
        ("https://tea.example/a b", "holds a space"),
        ("https://user:pass@tea.example/", "is not the address of a page"),
        ("https://tea..example/", "no address"),
        (f"https://{'t' * 70}.example/", "no address"),
        ("https://docs.example.invalid/", "no address"),
        ("http://2130706433:9/", "127.0.0.1, which is not public"),
    ],
)
def test_addresses_that_cannot_be_read(url, says):
    with pytest.raises(FootnoteError) as raised:
        web.read(url, Options())
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_read_opens_an_address_as_a_person_types_it():
    with site({"/": page("Tea")}) as tea:
        reading = web.read(f"{tea.url.replace('http', 'HTTP')}#pot", Options())
        assert reading.name == f"{tea.url}/"
        assert urls(reading.passages) == [f"{tea.url}/"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(status=404), "answers 404; check the address"),
        (Answer(status=503), "answers 503; try again later"),
        (moved("https://tea.example/"), "leads to another host, https://tea.example/; give that"),
        (Answer("x" * 5_000_001), "is larger than 5 MB"),
        (page("", ""), "/tea holds no text"),
        (Answer("<p>" * 100_000 + "tea", HTML), None),
    ],
)
def test_a_start_that_cannot_be_read(answer, says):
    with site({"/tea": answer}) as tea:
        if says:
            assert says in fault_of(f"{tea.url}/tea")
        else:
            read(f"{tea.url}/tea")


# llms.txt


def test_the_pages_of_a_list_are_read_in_its_order():
    listed = (
        "# Tea house\n\n> All teas.\n\n- [Pot](/pot): warm\n- [Cup](cup.html)\n- <{host}/tray>\n"
    )
    with site({"/a/cup.html": page("Cup"), "/pot": note("Pot"), "/tray": page("Tray")}) as tea:
        tea.pages["/a/llms.txt"] = Answer(listed.replace("{host}", tea.url))
        found, reading = read(f"{tea.url}/a/llms.txt")
    assert [passage.title for passage in found] == ["Pot", "Cup", "Tray"]
    assert urls(found) == [f"{tea.url}{path}" for path in ("/pot", "/a/cup.html", "/tray")]
    assert reading.title == "Tea house"
    assert len({passage.chunk_id for passage in found}) == 3


def test_passages_come_as_the_pages_do():
    with site(
        {"/llms.txt": Answer("- [A](/a)\n- [B](/b)"), "/a": note("A"), "/b": note("B")}
    ) as tea:
        reading = web.open_with(Fetcher(tea.url), f"{tea.url}/llms.txt")
        assert next(reading.passages).title == "A"
        assert tea.paths() == ["/llms.txt", "/a"]


@pytest.mark.parametrize(
    ("linked", "page_at", "cited"),
    [
        ("/tea.md", "/tea", "/tea"),
        ("/tea.html.md", "/tea.html", "/tea.html"),
        ("/pots/index.md", "/pots/", "/pots/"),
        ("/pots/index.html.md", "/pots/index.html", "/pots/index.html"),
        ("/tea.md", None, "/tea.md"),
        ("/te%2Fa%20.md?b=c", "/te%2Fa%20?b=c", "/te%2Fa%20?b=c"),
        ("/tea", None, "/tea"),
    ],
)
def test_markdown_is_cited_by_the_page_that_a_person_would_open(linked, page_at, cited):
    with site({"/llms.txt": Answer(f"- [Tea]({linked})"), linked: note("Tea")}) as tea:
        if page_at:
            tea.pages[page_at] = page("Tea")
        found, _ = read(f"{tea.url}/llms.txt")
        assert urls(found) == [f"{tea.url}{cited}"]
        assert found[0].chunk_id == f"{cited}#tea:0"
        assert page_at not in tea.paths("GET")


def test_the_page_is_cited_where_it_has_moved_to():
    pages = {"/llms.txt": Answer("- [Tea](/tea.md)"), "/tea.md": note("Tea")}
    with site({**pages, "/tea": moved("/tea/"), "/tea/": page("Tea")}) as tea:
        assert urls(read(f"{tea.url}/llms.txt")[0]) == [f"{tea.url}/tea/"]


def test_a_page_listed_twice_is_read_once():
    listed = (
        "[1](/tea) [2](/tea#pot) [3](./tea) [4](/old) [5](/tea.md) [6](/TEA/../tea) [7](/llms.txt)"
    )
    pages = {"/tea": page("Tea"), "/old": moved("/tea"), "/tea.md": note("Tea")}
    with site({"/llms.txt": Answer(listed), **pages}) as tea:
        found, reading = read(f"{tea.url}/llms.txt")
        assert [passage.chunk_id for passage in found] == ["/tea:0"]
        assert tea.paths() == ["/llms.txt", "/tea", "/old", "/tea", "/tea.md"]
        assert reading.left_out == {}


def test_what_is_left_out_is_counted_by_its_reason():
    listed = [
        *("/tea", "/gone", "/gone2", "/pot.png", "/empty", "/long", "/private/tea", "/moved"),
        *("https://tea.example/", "//tea.example/2", "mailto:tea@tea.example"),
    ]
    pages = {
        "/tea": page("Tea"),
        "/pot.png": Answer(b"\x89PNG", "image/png"),
        "/empty": page("Empty", ""),
        "/long": Answer("x" * 5_000_001),
        "/private/tea": page("Private"),
        "/moved": moved("https://tea.example/3"),
        "/robots.txt": Answer("User-agent: *\nDisallow: /private"),
    }
    with site({"/llms.txt": Answer("".join(f"- [x]({url})\n" for url in listed)), **pages}) as tea:
        found, reading = read(f"{tea.url}/llms.txt")
        assert urls(found) == [f"{tea.url}/tea"]
        assert "/private/tea" not in tea.paths()
    assert reading.left_out == {
        "page that answers 404": 2,
        "page that is no text": 1,
        "page without text": 1,
        "page that is too large": 1,
        "page that robots.txt disallows": 1,
        "link to another host": 3,
        "link that is no web address": 1,
    }


def test_no_other_site_is_asked():
    with site({"/tea": page("Tea")}) as other:
        listed = Answer(f"[1]({other.url}/tea) [2](/moved) [3](/pot.md)")
        pages = {"/llms.txt": listed, "/moved": moved(f"{other.url}/tea")}
        with site({**pages, "/pot.md": note("Pot"), "/pot": moved(f"{other.url}/tea")}) as tea:
            found, _ = read(f"{tea.url}/llms.txt")
            assert urls(found) == [f"{tea.url}/pot.md"]
        assert other.asked == []


def test_when_nothing_can_be_read_the_first_reason_is_said():
    with site({"/llms.txt": Answer("- [1](/one)\n- [2](https://tea.example/)")}) as tea:
        fault = fault_of(f"{tea.url}/llms.txt")
        assert fault.endswith("nothing could be read; https://tea.example/ leads to another host")


def test_lists_of_lists_are_followed():
    pages = {
        "/llms.txt": Answer("[a](/a/llms.txt)"),
        "/a/llms.txt": Answer("[t](tea) [up](../llms.txt)"),
    }
    with site({**pages, "/a/tea": page("Tea")}) as tea:
        assert urls(read(f"{tea.url}/llms.txt")[0]) == [f"{tea.url}/a/tea"]


def test_the_full_text_beside_the_pages_is_not_read_again():
    full = Answer("# Tea\nSource: /tea\n\nSteep it.\n")
    with site({"/llms.txt": Answer("[f](/llms-full.txt) [t](/tea)"), "/tea": page("Tea")}) as tea:
        tea.pages["/llms-full.txt"] = full
        read(f"{tea.url}/llms.txt")
        assert "/llms-full.txt" not in tea.paths()
        tea.pages["/llms.txt"] = Answer("[f](/llms-full.txt)")
        assert [passage.text for passage in read(f"{tea.url}/llms.txt")[0]] == ["Steep it."]


def test_two_ways_to_one_list_are_one():
    pages = {"/1": moved("/a/llms-full.txt"), "/2": moved("/a/llms-full.txt")}
    pages["/a/llms-full.txt"] = Answer("# Tea\nSource: /tea\n\nSteep it.")
    with site({"/llms.txt": Answer("[1](/1) [2](/2)"), **pages}) as tea:
        assert [passage.text for passage in read(f"{tea.url}/llms.txt")[0]] == ["Steep it."]


def test_a_list_without_links_is_a_page():
    with site({"/llms.txt": Answer("# Tea\n\nSteep it.")}) as tea:
        assert [passage.text for passage in read(f"{tea.url}/llms.txt")[0]] == ["Steep it."]


def test_a_page_in_place_of_the_list_is_said_so():
    with site({"/llms.txt": page("Not found")}) as tea:
        assert "is no list but HTML; check the address" in fault_of(f"{tea.url}/llms.txt")


def test_there_is_an_end_to_the_pages():
    pages = {f"/{number}": note(f"Tea {number}") for number in range(7)}
    listed = Answer("".join(f"[x]({path})" for path in pages))
    with site({"/llms.txt": listed, **pages}) as tea:
        found, reading = read(f"{tea.url}/llms.txt", most_pages=5)
        assert len(found) == 5
        assert reading.left_out == {"page after the first 5": 2}
        assert len(read(f"{tea.url}/llms.txt", most_pages=7)[0]) == 7


def test_a_site_that_goes_down_leaves_no_half_of_itself():
    pages = {f"/{number}": Answer(status=503) for number in range(SILENT + 2)}
    listed = Answer("[t](/tea)" + "".join(f"[x]({path})" for path in pages))
    with (
        site({"/llms.txt": listed, "/tea": page("Tea"), **pages}) as tea,
        pytest.raises(FootnoteError, match="has stopped answering; try again later"),
    ):
        read(f"{tea.url}/llms.txt")


def test_a_second_run_fetches_only_what_has_changed():
    marked = {"ETag": '"1"'}
    pages = {f"/{name}": Answer(f"# {name}\n\nOld.", MARKDOWN, headers=marked) for name in "ab"}
    with site({"/llms.txt": Answer("[a](/a) [b](/b)", headers=marked), **pages}) as tea:
        first, _ = read(f"{tea.url}/llms.txt")
        tea.pages["/b"] = Answer("# b\n\nNew.", MARKDOWN, headers={"ETag": '"2"'})
        second, _ = read(f"{tea.url}/llms.txt")
    assert [passage.text for passage in first + second] == ["Old.", "Old.", "Old.", "New."]
    assert [headers.get("if-none-match") for headers in tea.headers[-3:]] == ['"1"'] * 3


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("- [Tea](https://tea.example/a): good", ["https://tea.example/a"]),
        ('[Tea](</a> "Tea") [Pot]( b )', ["/a", "b"]),
        ("[`pot[int]`](/a_(b)) x", ["/a_(b)"]),
        (
            "see https://tea.example/a. Or <https://tea.example/b>!",
            ["https://tea.example/a", "https://tea.example/b"],
        ),
        ("[1]: https://tea.example/a 'Tea'", ["https://tea.example/a"]),
        (
            "[https://tea.example/a](https://tea.example/b)",
            ["https://tea.example/a", "https://tea.example/b"],
        ),
        ("[a](http://[b/) [c](/d)", ["http://[b/", "/d"]),
        ("[here](#tea) [nowhere]() no(t) [one]", []),
    ],
)
def test_links(text, links):
    assert links_in(text) == links


# llms-full.txt

HOST = "https://tea.example"


@pytest.mark.parametrize(
    "head",
    [
        "# Pot\nSource: {url}\n",
        "# Pot\nURL: {url}\n",
        "# Pot\n\nurl: <{url}>\n",
        "# Pot\n**Source:** {url}\n",
        "# Pot\n> Source: {url}\n",
        "# Pot\nURL: {url}\nSource: https://code.example/pot.mdx\n",
        "# Pot ({url})\n",
        "### Pot\n{url}\n",
        "### Pot\n{url}\n\n# Pot\n",
        '---\ntitle: Pot\nurl: "{url}"\n---\n',
        "---\nurl: '{url}'\ntags:\n  - tea\n---\n\n# Pot\n",
    ],
)
def test_pages_within_a_long_text(head):
    text = f"# Tea\n\nAll of it.\n\n{head.format(url=f'{HOST}/pot')}\nWarm it.\n"
    pages = list(pages_in(text, HOST))
    assert [url for url, _ in pages] == ["", f"{HOST}/pot"]
    with site({"/llms-full.txt": Answer("")}) as tea:
        tea.pages["/llms-full.txt"] = Answer(text.replace(HOST, tea.url))
        found, reading = read(f"{tea.url}/llms-full.txt")
        assert [(p.title, p.text.splitlines()[-1]) for p in found] == [
            ("Tea", "All of it."),
            ("Pot", "Warm it."),
        ]
        assert urls(found) == [f"{tea.url}/llms-full.txt", f"{tea.url}/pot"]
        assert reading.title == "Tea"


@pytest.mark.parametrize(
    "text",
    [
        "# Tea\n\nSteep it.\n\n## Pot\n\nWarm it.",
        "# Tea\n\n```sh\n# Pot\nSource: https://tea.example/pot\n```\n",
        "# Tea\n\n````\n```\n# Pot\nSource: https://tea.example/pot\n````\n",
        "# Tea\n\n```\n```sh\n# Pot\nSource: https://tea.example/pot\n```\n",
        "# Tea\n\n## Endpoint\n\nURL: https://api.example/tea\n",
        "# Tea\n\n## See also\nhttps://elsewhere.example/tea\n",
        "# Tea\n\n---\n\n# Pot\n\n---\n",
        "# Tea\n\n---\ntitle: Pot\n---\n",
        "# Tea",
        "---",
        "",
    ],
)
def test_what_is_no_page_of_a_long_text(text):
    assert list(pages_in(text, HOST)) == [("", text)]


def test_a_long_text_without_pages_is_one():
    with site({"/llms-full.txt": Answer("# Tea\n\nSteep it.\n\n## Pot\n\nWarm it.")}) as tea:
        found, _ = read(f"{tea.url}/llms-full.txt")
    assert [p.url for p in found] == [f"{tea.url}/llms-full.txt{at}" for at in ("#tea", "#pot")]


def test_addresses_in_a_long_text():
    text = (
        "# A\nSource: /a\n\nOne.\n\n# A\nSource: /a\n\nTwo.\n\n# B\nURL: b.md\n\nThree.\n\n"
        "# C\nURL: /c.md\n\nFour.\n\n# D\nURL: https://elsewhere.example/d\n\nFive.\n"
    )
    with site({"/llms-full.txt": Answer(text), "/c": page("C")}) as tea:
        found, _ = read(f"{tea.url}/llms-full.txt")
    assert {
        passage.text.splitlines()[-1]: (passage.chunk_id, passage.url.partition("#")[0])
        for passage in found
    } == {
        "One.": ("/a#a:0", f"{tea.url}/a"),
        "Two.": ("/a (2)#a:0", f"{tea.url}/a"),
        "Three.": ("/a (2)#b:0", f"{tea.url}/a"),
        "Four.": ("/c#c:0", f"{tea.url}/c"),
        "Five.": ("https://elsewhere.example/d#d:0", "https://elsewhere.example/d"),
    }


def test_a_long_text_may_be_longer_than_a_page():
    text = "# Tea\n\n" + "Steep it.\n" * 600_000
    with site({"/llms-full.txt": Answer(text), "/llms.txt": Answer(text)}) as tea:
        reading = web.open_with(Fetcher(tea.url), f"{tea.url}/llms-full.txt")
        assert reading.title == "Tea"
        assert "is larger than 5 MB" in fault_of(f"{tea.url}/llms.txt")


# Sitemaps


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "kind", [XML, "application/xml", TEXT, "application/gzip", "application/octet-stream"]
)
def test_a_sitemap(packed, kind):
    path = "/sitemap.xml.gz" if packed else "/sitemap.xml"
    with site({"/a?b=1&c=2": page("A"), "/d": page("D")}) as tea:
        text = sitemap(
            f"{tea.url}/a?b=1&c=2", f"{tea.url}/d", f"{tea.url}/d", "https://tea.example/"
        )
        tea.pages[path] = Answer(gzip.compress(text.encode()) if packed else text, kind)
        found, reading = read(f"{tea.url}{path}")
    assert urls(found) == [f"{tea.url}/a?b=1&c=2", f"{tea.url}/d"]
    assert reading.left_out == {"link to another host": 1}


def test_a_sitemap_of_sitemaps():
    with site({"/tea": page("Tea"), "/pot": page("Pot"), "/3.xml": Answer("<a/>", XML)}) as tea:
        index = sitemap(
            *[f"{tea.url}/{name}" for name in ("1.xml", "2.xml.gz", "3.xml", "sitemap.xml")],
            kind="sitemapindex",
        )
        tea.pages["/sitemap.xml"] = Answer(index, XML)
        tea.pages["/1.xml"] = Answer(sitemap(f"{tea.url}/tea"), XML)
        tea.pages["/2.xml.gz"] = Answer(
            gzip.compress(sitemap(f"{tea.url}/pot").encode()), "application/gzip"
        )
        found, reading = read(f"{tea.url}/sitemap.xml")
    assert urls(found) == [f"{tea.url}/tea", f"{tea.url}/pot"]
    assert reading.left_out == {"XML that is no sitemap": 1}


def test_sitemaps_without_end_have_one():
    def more(handler):
        number = int(handler.path.strip("/x.ml"))
        handler.answer(Answer(sitemap(f"{tea.url}/{number + 1}.xml", kind="sitemapindex"), XML))

    with site({f"/{number}.xml": more for number in range(50)}) as tea:
        fault = fault_of(f"{tea.url}/0.xml", most_pages=10)
        assert len(tea.paths()) == 11
        assert "nothing could be read" in fault


BILLION = "".join(f'<!ENTITY t{n + 1} "{f"&t{n};" * 10}">' for n in range(9))


@pytest.mark.parametrize(
    ("xml", "says"),
    [
        (
            f'<!DOCTYPE u [<!ENTITY t0 "tea">{BILLION}]><urlset><url><loc>&t9;</loc></url></urlset>',
            "document type",
        ),
        ('<!DOCTYPE u SYSTEM "file:///etc/passwd"><urlset/>', "document type"),
        ("<urlset>&tea;</urlset>", "no sound XML"),
        ("<urlset><url>", "no sound XML"),
        ("", "no sound XML"),
        ('<?xml version="1.0" encoding="tea"?><urlset/>', "no sound XML"),
        ("<rss><channel/></rss>", "XML of the kind rss"),
        ("<urlset>" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_sitemap(xml, says):
    with site({"/sitemap.xml": Answer(xml, XML)}) as tea:
        assert says in fault_of(f"{tea.url}/sitemap.xml")


def test_a_packed_bomb_is_no_sitemap():
    bomb = gzip.compress(bytes(web.LIST_BYTES + 1), 9)
    with site({"/sitemap.xml.gz": Answer(bomb, "application/gzip")}) as tea:
        assert "larger than 50 MB" in fault_of(f"{tea.url}/sitemap.xml.gz")
        tea.pages["/sitemap.xml.gz"] = Answer(bomb[:100], "application/gzip")
        assert "cut off" in fault_of(f"{tea.url}/sitemap.xml.gz")


def test_an_empty_sitemap():
    with site({"/sitemap.xml": Answer(sitemap(), XML)}) as tea:
        assert "it lists no pages" in fault_of(f"{tea.url}/sitemap.xml")


def test_only_the_address_of_an_entry_counts():
    xml = (
        '<s:urlset xmlns:s="x" xmlns:i="y"><s:url><s:loc>/a</s:loc><i:image><i:loc>/b</i:loc></i:image>'
        "</s:url></s:urlset>"
    )
    assert locations_in(xml.encode()) == ["/a"]


# Anything at all

# fmt: off
PIECES = st.sampled_from([
    "# ", "### ", "---\n", "\n", "```", "````\n", "Source: ", "url: /a", "(", ")", "[", "](", "<", ">",
    "https://tea.example/", "/a", " ", "\r\n", "\x00", "\u2028", "<loc>", "</loc>", "<urlset>",
    "</urlset>", "<!DOCTYPE x>", "&amp;", "<url>", "</url>", "tea",
])
# fmt: on
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_lists_can_hold_anything(text):
    assert all(isinstance(link, str) and link for link in links_in(text))
    pages = list(pages_in(text, HOST))
    assert pages[0][0] == ""
    assert all(url.startswith(("/", "http")) for url, _ in pages[1:])
    if len(pages) == 1:
        assert pages == [("", text)]


@settings(max_examples=300, deadline=None)
@given(TEXTS.map(lambda text: text.encode(errors="replace")) | st.binary())
def test_sitemaps_can_hold_anything(xml):
    for document in (xml, b"<urlset><url>" + xml + b"</url></urlset>"):
        try:
            assert all(isinstance(location, str) for location in locations_in(document))
        except NoSitemap as fault:
            assert "\n" not in str(fault)


@settings(max_examples=60, deadline=None)
@given(
    body=TEXTS.map(lambda text: text.encode(errors="replace")) | st.binary(max_size=300),
    kind=st.sampled_from(
        [HTML, TEXT, MARKDOWN, XML, "", "application/gzip", "text/html;charset=utf-16"]
    )
    | st.text(alphabet="text/plain; charset=é\"'0", max_size=30),
    path=st.sampled_from(
        ["/llms.txt", "/llms-full.txt", "/sitemap.xml", "/s.xml.gz", "/a", "/a.md"]
    ),
)
def test_a_site_can_answer_anything(everything, body, kind, path):
    for page in ("/llms.txt", "/llms-full.txt", "/sitemap.xml", "/s.xml.gz", "/a", "/a.md"):
        everything.pages[page] = Answer(body, kind.encode("latin-1", "replace").decode("latin-1"))
    everything.pages["/robots.txt"] = Answer(body)
    url = f"{everything.url}{path}"
    try:
        reading = web.open_with(Fetcher(url, pause=0.001), url)
        for passage in reading.passages:
            assert passage.text.strip()
            assert passage.url.startswith(("http://", "https://"))
    except FootnoteError as fault:
        assert "\n" not in str(fault)


@pytest.fixture(scope="module")
def everything():
    with site({}) as anything:
        yield anything


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "](",
        "](a(",
        "(http://",
        "# a (/b",
        "# (",
        "**source:",
        "> ",
        "---\n",
        "`" * 3 + "\n",
        "<loc>",
    ],
)
def test_long_lists_take_no_time_to_speak_of(piece):
    text = piece * (200_000 // len(piece))
    began = time.monotonic()
    links_in(text)
    list(pages_in(text, HOST))
    list(pages_in(f"# a\n{text}", HOST))
    with pytest.raises(NoSitemap):
        locations_in(text.encode())
    assert time.monotonic() - began < 3
