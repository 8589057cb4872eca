"""Markers become footnotes; nothing the answerer wrote itself becomes a link."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.citations import Footnotes, best_quote
from rag.data import Hit, Passage

HITS = [
    Hit(Passage("1_0", "https://docs.test/cats", "Cats purr. Dogs bark loudly at night."), 0.9),
    Hit(
        Passage("2_0", "https://docs.test/birds", "Birds sing, see https://birds.test daily."), 0.8
    ),
    Hit(Passage("3_0", "https://docs.test/fish", "Fish swim. Frogs jump."), 0.7),
]


def written(raw: str, cuts: list[int] | None = None):
    notes = Footnotes(HITS)
    edges = [0, *sorted(cuts or []), len(raw)]
    pieces = [notes.feed(raw[a:b]) for a, b in pairwise(edges)]
    return "".join(pieces) + notes.close(), notes.citations


@pytest.mark.parametrize(
    ("raw", "text", "cited"),
    [
        ("Fish swim [3].", "Fish swim [1].", ["3_0"]),
        ("A [2]. B [1]. C [2].", "A [1]. B [2]. C [1].", ["2_0", "1_0"]),
        ("A [1][2].", "A [1][2].", ["1_0", "2_0"]),
        ("A [1, 3].", "A [1][2].", ["1_0", "3_0"]),
        ("A [1-3].", "A [1][2][3].", ["1_0", "2_0", "3_0"]),
        ("A 【2】.", "A [1].", ["2_0"]),
        ("A 【2†source】.", "A [1].", ["2_0"]),
        ("A [^1].", "A [1].", ["1_0"]),
        ("A [9] b.", "A b.", []),
        ("A [0].", "A.", []),
        ("A [4, 2].", "A [1].", ["2_0"]),
        ("In code `x[1]` stays.", "In code `x[1]` stays.", []),
        ("```py\nx[1] = y[2]\n```\n[2]", "```py\nx[1] = y[2]\n```\n[1]", ["2_0"]),
        ("An open one [1", "An open one [1", []),
        ("A list [a] and [b, 1].", "A list [a] and [b, 1].", []),
    ],
)
def test_marker_forms(raw, text, cited):
    shown, citations = written(raw)
    assert shown == text
    assert [c.chunk_id for c in citations] == cited
    assert [c.marker for c in citations] == list(range(1, len(cited) + 1))


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("See [the site](http://evil.test/a(b)) now.", "See the site now."),
        ("![pixel](http://evil.test/p.png)", "pixel"),
        ("Go to http://evil.test/login.", "Go to ‹link removed›."),
        ("Go to <http://evil.test>", "Go to ‹link removed›"),
        ("www.evil.test, too", "‹link removed›, too"),
        ("[x](javascript:alert(1))", "x"),
        ("The page https://birds.test is real.", "The page `https://birds.test` is real."),
        ("[[a](b)](http://evil.test)", "[a] (‹link removed›)"),
        ("[1](http://evil.test)", "1"),
    ],
)
def test_no_link_but_citations(raw, text):
    assert written(raw)[0] == text


def test_quote_is_the_supporting_span():
    _, (citation,) = written("At night dogs bark [1].")
    assert citation.quote == "Dogs bark loudly at night."
    assert citation.url == "https://docs.test/cats"


def test_text_is_released_as_soon_as_it_is_certain():
    notes = Footnotes(HITS)
    pieces = [notes.feed(p) for p in ["Fish", " swim", " [", "3", "]", " and", " jump", " "]]
    assert pieces == ["", "Fish", " swim", "", "", " [1]", " and", " jump"]


PARTS = ["[", "]", "(", ")", "1", "2", "9", "`", "```", "~~~", "\n", " ", "a", "b.", "!", "<", ">",
         "【", "】", "†", ",", "-", "http://", "www.", "x:", "https://birds.test", "[1]", "[2](u)"]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=40).map("".join), st.data())
def test_the_cuts_of_the_stream_change_nothing(raw, data):
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=30))
    assert written(raw, cuts) == written(raw, range(len(raw))) == written(raw)


def test_a_cut_inside_an_address_in_angle_brackets():
    assert written("<www.[[", [6]) == written("<www.[[")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=40).map("".join))
def test_citations_always_come_from_the_hits(raw):
    text, citations = written(raw)
    assert {c.url for c in citations} <= {h.passage.url for h in HITS}
    by_id = {h.passage.chunk_id: h.passage.text for h in HITS}
    assert all(c.quote in by_id[c.chunk_id] for c in citations)
    outside_code = re.sub(r"```.*?(```|$)|~~~.*?(~~~|$)|`[^`\n]*`", "", text, flags=re.DOTALL)
    assert "](" not in outside_code
    assert not re.search(r"(?<!\w)http://", outside_code)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.text(max_size=200))
def test_a_quote_is_found_again(claim, text):
    assert best_quote(claim, text) in text
