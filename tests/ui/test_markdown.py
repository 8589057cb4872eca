"""What the page shows of hostile text: no link but footnotes, no HTML but our own."""

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rag.data import Answer, Citation, Claim, Hit, Passage
from ui.markdown import (
    Growing,
    answer_html,
    line_markdown,
    place_name,
    safe_url,
    text_html,
    text_markdown,
)

NOTE = Citation(1, "https://docs.test/a?x=(1)#b c", "1", "quote")
ADDRESS = "https://docs.test/a?x=%281%29#b%20c"
HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<a href='//evil.test'>x</a>",
    "<svg/onload=alert(1)>", "<iframe src=javascript:alert(1)>", "<body onload=alert(1)>",
    "[x](javascript:alert(1))", "![x](http://evil.test/p.png)", "<http://evil.test>",
    "<javascript:alert(1)>", "[x](data:text/html,<script>alert(1)</script>)",
    "[x]: http://evil.test\n\n[x]", "```\n</code><script>alert(1)</script>\n```",
    "```\"><script>alert(1)</script>\nx\n```", "``` [x](http://evil.test)",
    "a ` b [x](http://evil.test) ` c `", "~~~\n```\n[x](y)", "    <script>alert(1)</script>",
    "\\[x](http://evil.test)", "&lt;script&gt;", "&#60;script&#62;alert(1)", "\x00<script>",
    "| a |\n|---|\n| <b onclick=alert(1)>x</b> |", "[1](http://evil.test)",
    "[![x](http://evil.test/a)](http://evil.test/b)", "\ue0001\ue0010\ue002<b>\ue003x\ue004",
    "<style>@import 'http://evil.test'</style>", "<math><mtext><script>alert(1)</script>",
]  # fmt: skip
ELEMENTS = {
    "p", "h3", "ul", "ol", "li", "blockquote", "hr", "br", "strong", "em", "code", "pre", "span",
    "sup", "a", "button", "figure", "figcaption", "div", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
ATTRIBUTES = {
    "class", "href", "target", "rel", "data-note", "aria-label", "type", "tabindex", "role",
    "start", "style",
}  # fmt: skip
RENDER = MarkdownIt("gfm-like", {"linkify": False})


class Seen(HTMLParser):
    """Every element and address of some HTML; fails on what is not ours to write."""

    def __init__(self, html: str):
        super().__init__()
        self.addresses: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        assert tag in ELEMENTS, tag
        for name, value in attrs:
            assert name in ATTRIBUTES, name
            if name == "style":  # of a table's cell
                assert value in ("text-align:left", "text-align:right", "text-align:center")
            if name == "href":
                self.addresses.append(value)

    def handle_comment(self, data):
        raise AssertionError(data)


def html_of(text: str, *claims: Claim) -> str:
    return answer_html(Answer(text, (NOTE,), claims))[0]


def test_markers_become_links_to_their_passages():
    html = html_of("It is so. [1] Not [2].")
    assert Seen(html).addresses == [ADDRESS]
    assert 'It is so.<sup><a class="note"' in html
    assert "Not [2]." in html


def test_each_marker_has_the_quote_of_its_own_claim():
    other = Citation(1, NOTE.url, "1", "another quote")
    text = "One. [1] Two. [1]"
    html, notes = answer_html(
        Answer(text, (NOTE,), (Claim(0, 4, (NOTE,), True), Claim(9, 13, (other,), True)))
    )
    assert [note.quote for note in notes] == ["quote", "another quote"]
    assert re.findall(r'data-note="(\d)"', html) == ["0", "1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Sure. [1] Not sure `at all` **here**.", "Not sure `at all` **here**."),
        ("- Sure. [1]\n- Not sure `at all` **here**.", "- Not sure `at all` **here**."),
        ("## Sure\n\n> Not sure `at all` **here**.", "> Not sure `at all` **here**."),
    ],
)
def test_unsupported_sentences_are_marked_where_they_stand(text, said):
    at = text.index(said)
    html = html_of(text, Claim(0, 5, (NOTE,), True), Claim(at, at + len(said), (), False))
    marked = re.findall(r'<span class="unsupported">(.*?)</span>', html)
    assert marked == ["Not sure ", "<code>at all</code>", "here", "."]
    assert html.count('class="doubt"') == 1
    assert ("<li>" in html) == said.startswith("- ")
    assert ("<blockquote>" in html) == said.startswith("> ")
    Seen(html)


def test_unsupported_code_is_marked_and_stays_code():
    text = "So: [1]\n\n```py\nx = a[1]\n```"
    html = html_of(text, Claim(9, len(text), (), False))
    assert "None of the passages found says this." in html
    assert re.sub("<.*?>", "", html).endswith("Copyx = a[1]\n\n")


def test_code_is_shown_as_it_stands_and_in_colours():
    html = html_of('So:\n```py\nx = a[1]\n\n\ny = "<b>"\n```\nand `a[1]`.')
    code = re.search(r"<pre.*?</pre>", html, re.DOTALL)
    assert unescape(re.sub("<.*?>", "", code[0])) == 'x = a[1]\n\n\ny = "<b>"\n'
    assert '<span class="c-mi">1</span>' in code[0]
    assert "<code>a[1]</code>" in html


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_comes_alive(text):
    assert set(Seen(html_of(text + " [1]", Claim(0, len(text), (), False))).addresses) <= {ADDRESS}
    assert Seen(text_html(text)).addresses == []
    grown = Growing()
    assert Seen("".join(part for piece in text for part in grown.feed(piece))).addresses == []


PARTS = ["[", "]", "(", ")", "`", "```", "~~~", "\n", "\n\n", " ", "x", "\\", "<a href=y>", "!",
         "http://e.test", "[1]", ":", ">", "- ", "    ", "|", "\n|-|\n", "<!--", "&lt;", "\ue000",
         "\ue003", "\ue004", "**", "#", "1. "]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=24).map("".join), st.data())
def test_no_text_makes_a_link_or_an_element(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    html = html_of(text, Claim(start, end, (NOTE,), data.draw(st.booleans())))
    assert set(Seen(html).addresses) <= {ADDRESS}
    assert Seen(text_html(text)).addresses == []


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["a ", "b.\n", "\n", "```py\n", "```\n", "- c\n"]), max_size=30))
def test_a_growing_answer_loses_nothing(pieces):
    growing, finished, rest = Growing(), "", ""
    for piece in pieces:
        done, rest = growing.feed(piece)
        finished += done
    letters = re.sub(r"<figcaption>.*?</figcaption>|<.*?>|[^abc]", "", finished + rest)
    assert letters == re.sub(r"```py|[^abc]", "", "".join(pieces))


def test_a_growing_answers_footnotes_are_links_once_they_are_known():
    growing = Growing()
    finished, rest = growing.feed("It does. [1]\n\nAnd `a[1]`. [2]")
    assert Seen(finished + rest).addresses == []
    growing.notes.append(NOTE)
    finished, rest = growing.feed(" More. [1]\n\n")
    assert Seen(finished + rest).addresses == [ADDRESS]
    assert 'data-note="0" aria-label="Footnote 1">1</a>' in finished
    assert '<sup class="note">2</sup>' in finished
    assert "<code>a[1]</code>" in finished


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://a.test/b#c", "https://a.test/b#c"),
        ("HTTP://a.test/", "HTTP://a.test/"),
        ("javascript:alert(1)", ""), ("JaVaScRiPt:alert(1)//https://", ""), ("data:text/html,x", ""),
        ("//evil.test/", ""), ("/etc/passwd", ""), ("file:///etc/passwd", ""), ("https://", ""),
        ("https://a.test/\"><script>'", "https://a.test/%22%3E%3Cscript%3E%27"),
    ],
)  # fmt: skip
def test_only_web_addresses_are_links(url, safe):
    assert safe_url(url) == safe


def test_a_footnote_without_a_web_address_is_no_link():
    note = Citation(1, "javascript:alert(1)", "1", "quote")
    html, _ = answer_html(Answer("So. [1]", (note,)))
    assert Seen(html).addresses == []
    assert "javascript" not in html


def test_places_are_named_once():
    passage = Passage("1", "https://a.test", "text", "Pipelines", ("Pipelines", "Batching"))
    assert place_name(passage) == "Pipelines › Batching"
    assert place_name(Hit(Passage("1", "https://a.test", ""), 1).passage) == "https://a.test"


@pytest.mark.parametrize("text", HOSTILE)
def test_exported_text_has_no_html_and_no_links(text):
    exported_is_safe(text)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=24).map("".join))
def test_no_exported_text_makes_a_link_or_an_element(text):
    exported_is_safe(text)


def exported_is_safe(text: str) -> None:
    for exported in (text_markdown(text, {1: "[^1-1]"}), line_markdown(text)):
        html = RENDER.render(exported)
        assert not re.search(r"<(?:a|img|script|svg|iframe|style|body|math|!)\b", html), exported
        assert "[^1-1]:" not in exported
