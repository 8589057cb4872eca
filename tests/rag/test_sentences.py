"""Spans of sentences and code, each a piece of the text as it stands."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.sentences import passage_spans, spans


def pieces(text: str) -> list[tuple[str, bool]]:
    return [(text[span.start : span.end], span.is_code) for span in spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One is here. Two follows! Three?", ["One is here.", "Two follows!", "Three?"]),
        ("Use e.g. Harbor. Then stop.", ["Use e.g. Harbor.", "Then stop."]),
        ("Version 2.1 is out. `x` is new.", ["Version 2.1 is out.", "`x` is new."]),
        ("Title\n\nBody text", ["Title", "Body text"]),
        ("Two kinds:\n- the first\n- the second", ["Two kinds:", "- the first", "- the second"]),
        ("One is here. ## A title Two follows.", ["One is here.", "## A title Two follows."]),
        ("One is here. </Tip> <Tip> Two.", ["One is here.", "</Tip> <Tip> Two."]),
        ("<p>One is here.</p> </div> Two.", ["<p>One is here.</p>", "</div> Two."]),
        ("Both: a ([`int`]): the one. b (`str`): the other.",
         ["Both:", "a ([`int`]): the one.", "b (`str`): the other."]),
        ("NO (`(4, 'No')`):\n    OK (`(2, 'Yes')`):", ["NO (`(4, 'No')`):", "OK (`(2, 'Yes')`):"]),
        ("Args:\n    a (int): the one\n    b: the other,\n        at length",
         ["Args:", "a (int): the one", "b: the other,\n        at length"]),
    ],
)  # fmt: skip
def test_sentences(text, expected):
    assert pieces(text) == [(piece, False) for piece in expected]


def test_code_is_one_span_whatever_is_in_it():
    text = "Run this. ```py\na = 1. B = 2\n\nc()\n``` Then that."
    assert pieces(text) == [
        ("Run this.", False),
        ("```py\na = 1. B = 2\n\nc()\n```", True),
        ("Then that.", False),
    ]


def test_code_that_the_end_cuts_off():
    assert pieces("So: ```py\nx = 1") == [("So:", False), ("```py\nx = 1", True)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x = 1\n```\n\nThen that.", ["x = 1\n```"]),
        ("x = 1 ``` Then: ```py y = 2", ["x = 1 ```", "```py y = 2"]),
        ("x = 1 ``` Then: ```py y = 2 ``` And that.", ["x = 1 ```", "```py y = 2 ```"]),
        ("``` Then that.", ["```"]),
        ("That prints: ``` x = 1", ["``` x = 1"]),
        ("x = 1 ``` It prints: ``` 1 ```", ["x = 1 ```", "``` 1 ```"]),
        ("This: ```py x = 1", ["```py x = 1"]),
        ("This: ``` x = 1 ``` Then that.", ["``` x = 1 ```"]),
        ("This: ```py x = 1 ``` gives ``` 1 ```", ["```py x = 1 ```", "``` 1 ```"]),
    ],
)
def test_a_passage_may_begin_in_the_middle_of_code(text, code):
    assert [text[s.start : s.end] for s in passage_spans(text) if s.is_code] == code


@pytest.mark.parametrize("read", [spans, passage_spans])
@given(text=st.text(alphabet="aB .!?\n-`~:#|(1", max_size=120))
def test_nothing_is_lost_and_order_is_kept(read, text):
    found = read(text)
    assert all(a.end <= b.start for a, b in pairwise(found))
    between = [0, *(edge for span in found for edge in (span.start, span.end)), len(text)]
    gaps = [text[a:b] for a, b in zip(between[::2], between[1::2], strict=True)]
    assert not "".join(gaps).strip()
