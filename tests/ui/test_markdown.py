"""What the page shows of hostile text: no link but citations, no HTML at all."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rag.data import Answer, Citation, Hit, Passage
from ui.markdown import answer_markdown, passages_html, text_markdown

NOTE = Citation(1, "https://docs.test/a?x=(1)#b c", "1", "quote")
HIT = Hit(Passage("1", NOTE.url, "<script>alert(1)</script> & text", "A [title](x)", ("<b>",)), 0.5)
RENDER = MarkdownIt("gfm-like", {"linkify": False})


def links(markdown: str) -> list[str]:
    return re.findall(r"<\w[^<>]*(?:href|src)=[\"']([^\"']*)", RENDER.render(markdown))


def test_markers_become_links():
    shown = text_markdown("It is so. [1] Not [2].", [NOTE])
    assert links(shown) == ["https://docs.test/a?x=%281%29#b%20c"]
    assert ">[1]</a>" in RENDER.render(shown)
    assert "[2]" in RENDER.render(shown)


def test_code_is_shown_as_it_stands():
    shown = RENDER.render(
        text_markdown('So:\n```py\nx = a[1]\n\n\ny = "<b>"\n```\nand `a[1]`.', [NOTE])
    )
    assert '<code class="language-py">x = a[1]\n\n\ny = &quot;&lt;b&gt;&quot;\n</code>' in shown
    assert "<code>a[1]</code>" in shown


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<a href='//evil.test'>x</a>",
        "[x](javascript:alert(1))", "![x](http://evil.test/p.png)", "<http://evil.test>",
        "[x]: http://evil.test\n\n[x]", "```\n</code><script>alert(1)</script>\n```",
        "``` [x](http://evil.test)", "a ` b [x](http://evil.test) ` c `", "~~~\n```\n[x](y)",
        "\\[x](http://evil.test)", "&lt;script&gt;", "| a |\n|---|\n| <b>x</b> |",
        "[1](http://evil.test)", "[![x](http://evil.test/a)](http://evil.test/b)",
    ],
)  # fmt: skip
def test_nothing_hostile_comes_alive(text):
    shown = RENDER.render(text_markdown(text, [NOTE]))
    assert set(links(text_markdown(text, [NOTE]))) <= {"https://docs.test/a?x=%281%29#b%20c"}
    assert not re.search(r"<(?!/?(p|code|pre|a|table|thead|tbody|tr|th|td|ul|ol|li|hr|em|strong|br|"
                         r"blockquote|h\d|s)\b)", shown)  # fmt: skip


PARTS = ["[", "]", "(", ")", "`", "```", "~~~", "\n", "\n\n", " ", "x", "\\", "<a href=y>", "!",
         "http://e.test", "[1]", ":", ">", "- ", "    ", "|"]  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=24).map("".join))
def test_no_text_makes_a_link(text):
    assert links(text_markdown(text)) == []


def test_footnotes_and_passages():
    answer = Answer("So. [1]", (NOTE,), hits=(HIT,))
    shown = RENDER.render(answer_markdown(answer))
    assert set(links(answer_markdown(answer))) == {"https://docs.test/a?x=%281%29#b%20c"}
    assert "A [title](x) › &lt;b&gt;" in shown
    panel = passages_html([HIT])
    assert "&lt;script&gt;" in panel
    assert "<script" not in panel


def test_an_abstention_offers_the_nearest_pages():
    answer = Answer("Not found in this documentation.", abstained=True, hits=(HIT,))
    assert "The nearest pages" in answer_markdown(answer)
    assert len(links(answer_markdown(answer))) == 1
