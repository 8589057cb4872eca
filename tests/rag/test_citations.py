"""Markers become footnotes on passages that say it; nothing the answerer wrote becomes a link."""

import re
import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.citations import Footnotes
from rag.data import Hit, Passage
from rag.lexical import LexicalIndex
from rag.support import Evidence

HITS = [
    Hit(Passage("1_0", "https://docs.test/cats", "Cats purr. Dogs bark loudly at night."), 0.9),
    Hit(
        Passage("2_0", "https://docs.test/birds", "Birds sing, see https://birds.test daily."), 0.8
    ),
    Hit(Passage("3_0", "https://docs.test/fish", "Fish swim. Frogs jump."), 0.7),
]


_FOLDER = tempfile.TemporaryDirectory()
WORDS = LexicalIndex(Path(_FOLDER.name))
WORDS.change((hit.passage.chunk_id, hit.passage.text) for hit in HITS)


def footnotes(strict: bool = False) -> Footnotes:
    return Footnotes(HITS, Evidence("What do animals do?", HITS, WORDS), strict)


def written(raw: str, cuts: list[int] | None = None, strict: bool = False):
    notes = footnotes(strict)
    edges = [0, *sorted(cuts or []), len(raw)]
    pieces = [notes.feed(raw[a:b]) for a, b in pairwise(edges)]
    return "".join(pieces) + notes.close(), notes.citations


# "A" says nothing, so that any passage may be cited for it.
@pytest.mark.parametrize(
    ("raw", "text", "cited"),
    [
        ("Fish swim [3].", "Fish swim [1].", ["3_0"]),
        ("Fish swim. [3] Cats purr. [1]", "Fish swim. [1] Cats purr. [2]", ["3_0", "1_0"]),
        ("A [2]. A [1]. A [2].", "A [1]. A [2]. A [1].", ["2_0", "1_0"]),
        ("A [1][2].", "A [1][2].", ["1_0", "2_0"]),
        ("A [1] [2].", "A [1][2].", ["1_0", "2_0"]),
        ("A [1, 3].", "A [1][2].", ["1_0", "3_0"]),
        ("A [1-3].", "A [1][2][3].", ["1_0", "2_0", "3_0"]),
        ("A 【2】.", "A [1].", ["2_0"]),
        ("A 【2†source】.", "A [1].", ["2_0"]),
        ("A [^1].", "A [1].", ["1_0"]),
        ("Elks [9] b.", "Elks b.", []),
        ("Elks [0].", "Elks.", []),
        ("A [4, 2].", "A [1].", ["2_0"]),
        ("In code `x[1]` stays.", "In code `x[1]` stays.", []),
        ("```py\nfish.swim(frogs[1])\n```\n[3]", "```py\nfish.swim(frogs[1])\n```\n[1]", ["3_0"]),
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
    ("raw", "text", "cited"),
    [
        ("Frogs jump [1].", "Frogs jump [1].", ["3_0"]),
        ("Frogs jump [9].", "Frogs jump [1].", ["3_0"]),
        ("Elks roar [1].", "Elks roar.", []),
        ("Dogs bark, birds sing [1].", "Dogs bark, birds sing [1].", ["1_0"]),
        ("Dogs bark [2] and fish swim [2].", "Dogs bark [1] and fish swim [2].", ["1_0", "3_0"]),
    ],
)
def test_a_marker_stands_on_a_passage_that_says_it(raw, text, cited):
    shown, citations = written(raw)
    assert shown == text
    assert [c.chunk_id for c in citations] == cited


def test_claims_are_the_sentences_with_what_they_rest_on():
    notes = footnotes()
    raw = "# Animals\nThis is so:\n\n- Fish swim [3].\n- Elks roar [1].\n\nDogs bark. [1] Cats purr [1]."
    text = notes.feed(raw) + notes.close()
    claims = [
        (text[c.start : c.end], [(n.marker, n.quote) for n in c.citations], c.supported)
        for c in notes.claims
    ]
    assert claims == [
        ("- Fish swim [1].", [(1, "Fish swim.")], True),
        ("- Elks roar.", [], False),
        ("Dogs bark.", [(2, "Dogs bark loudly at night.")], True),
        ("Cats purr [2].", [(2, "Cats purr.")], True),
    ]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Elks roar. Fish swim [3]. Elks roar [3].", "Fish swim [1]."),
        ("Fish swim [3].\n\nElks roar.\n\nCats purr [1].", "Fish swim [1].\n\nCats purr [2]."),
        ("Fish swim [3]. Frogs jump [3].", "Fish swim [1]. Frogs jump [1]."),
        ("Cats [1], dogs [1] and frogs [3].", "Cats [1], dogs [1] and frogs [2]."),
        ("Elks roar.", ""),
        ("Look:\n\n```py\nfish.swim()\n```\n[3]\n\nSo.", "```py\nfish.swim()\n```\n[1]"),
    ],
)
def test_strict_says_only_what_is_supported(raw, text):
    assert written(raw, strict=True)[0] == text
    assert written(raw, list(range(len(raw))), strict=True)[0] == text


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


# The second is no claim, and has its quote all the same.
@pytest.mark.parametrize("raw", ["At night dogs bark [1].", "At night dogs bark: [1]"])
def test_quote_is_the_supporting_span(raw):
    _, (citation,) = written(raw)
    assert citation.quote == "Dogs bark loudly at night."
    assert citation.url == "https://docs.test/cats"


def test_text_is_released_as_soon_as_it_is_certain():
    notes = footnotes()
    pieces = [notes.feed(p) for p in ["Fish", " swim", " [", "3", "]", " and", " jump", " "]]
    assert pieces == ["", "Fish", " swim", "", "", " [1]", " and", " jump"]


PARTS = ["[", "]", "(", ")", "1", "2", "9", "`", "```", "~~~", "\n", " ", "a", "b.", "!", "<", ">",
         "【", "】", "†", ",", "-", "http://", "www.", "x:", "https://birds.test", "[1]", "[2](u)", "fish swim", "cats",
         ". "]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=40).map("".join), st.booleans(), st.data())
def test_the_cuts_of_the_stream_change_nothing(raw, strict, data):
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=30))
    whole = written(raw, strict=strict)
    assert written(raw, cuts, strict) == written(raw, range(len(raw)), strict) == whole


def test_a_cut_inside_an_address_in_angle_brackets():
    assert written("<www.[[", [6]) == written("<www.[[")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([*PARTS, " [3]", " [1]"]), max_size=40), st.booleans())
def test_a_footnote_is_known_with_its_first_marker(pieces, strict):
    notes, known = footnotes(strict), []
    for piece in pieces:
        shown = notes.feed(piece)
        fresh = notes.fresh()
        assert all(f"[{note.marker}]" in shown for note in fresh)
        known += fresh
    notes.close()
    known += notes.fresh()
    assert [replace(note, quote="") for note in known] == [
        replace(note, quote="") for note in notes.citations
    ]
    by_id = {hit.passage.chunk_id: hit.passage.text for hit in HITS}
    assert all(note.quote in by_id[note.chunk_id] for note in known)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=40).map("".join))
def test_citations_always_come_from_the_hits(raw):
    text, citations = written(raw)
    assert {c.url for c in citations} <= {h.passage.url for h in HITS}
    by_id = {h.passage.chunk_id: h.passage.text for h in HITS}
    assert all(c.quote in by_id[c.chunk_id] for c in citations)
    outside_code = re.sub(r"```.*?(```|$)|~~~.*?(~~~|$)|`[^`\n]*`", "…", text, flags=re.DOTALL)
    assert "](" not in outside_code
    assert not re.search(r"(?<!\w)http://", outside_code)
