"""Markup goes, text stays, and what only looks like markup is text."""

import time

import pytest

from ingest.inline import clean


@pytest.mark.parametrize(
    ("paragraph", "text"),
    [
        ("A cup of <b>hot</b> tea.", "A cup of hot tea."),
        ("<Tip warning={true}>\nMind the pot.\n</Tip>", "Mind the pot."),
        ('<hfoption id="green">\nSteep.', "Steep."),
        ('<Video id="x" style={{width: "3"}}/>', ""),
        ('<div class="a"\n     id="b">tea</div>', "tea"),
        ("one<br>two", "one two"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("a <!-- secret --> b", "a  b"),
        ("a <!-- never closed", "a  never closed"),
        ("<script>pour()</script>tea", "tea"),
        ("{/* secret */}tea", "tea"),
        ("&lt;cup&gt; &amp; saucer", "<cup> & saucer"),
    ],
)
def test_markup_goes_and_its_text_stays(paragraph, text):
    assert clean(paragraph) == text


@pytest.mark.parametrize(
    "text",
    [
        "`<b>` and ``a ` <Tip>`` stay",
        "a List<int>, a Map<String, Cup> and a Box<Cup>",
        "1 < 2 and 3 > 2, <- and <>",
        "put <mask> or <your-name> between <s> and </s>",
        "see <https://tea.example/a?b=1> or <pot@tea.example>",
        "an open ` tick and * star, [brackets] and [^1]",
        "cups[0](1) and \\[not\\](a link)",
        "?a=1&copy=2 & so on",
        "x [`n`]: and x[`n`]",
    ],
)
def test_what_is_no_markup_stays(text):
    # A bracket with a target after it is a link, whatever it was meant as.
    assert clean(text) == text.replace("[0](1)", "0")


@pytest.mark.parametrize(
    ("paragraph", "text"),
    [
        ("[pots](https://tea.example/pots)", "[pots](https://tea.example/pots)"),
        ("[pots](../pots.md) and [here](#here)", "pots and here"),
        ('[pots](pots.md "All of them")', "pots"),
        ("[pots](pots_(green).md)", "pots"),
        ("[the `pour` rule](rule.md)", "the `pour` rule"),
        ("[`Pot`] and [`~brew.Pot.pour`]", "`Pot` and `brew.Pot.pour`"),
        ("![logo](a.png) ![A cup being filled](b.png)", " A cup being filled"),
        ("[![build](a.svg)](https://ci.example) tea", " tea"),
        ('<img alt="steam over a cup" src="c.png"> <img alt="logo">', "steam over a cup"),
        ("[a [b] c](x.md)", "a [b] c"),
    ],
)
def test_links_and_images(paragraph, text):
    assert clean(paragraph) == text


def test_a_row_of_a_table_stays_one_line():
    row = "| a<br>b | <ul><li>c</li></ul> |"
    assert "\n" not in clean(row)


# fmt: off
MARKS = [
    "[", "<", "`", "*", "|", "![", "](", "[a](b)", "<a ", '<a b="', "<a b={", "<!--", "{/*", "`` ` ",
    "[[[]](u)", "![![a](b)](c)", "<script>", "<a b='<a b=\"", "&", "\\", "<b>", "[`a`]", "<a\n",
]
# fmt: on


@pytest.mark.parametrize("mark", MARKS)
def test_a_megabyte_of_marks_takes_no_more_than_a_moment(mark):
    start = time.monotonic()
    clean((mark * 1_000_000)[:1_000_000])
    assert time.monotonic() - start < 10
