"""Words lead to the ids they stand under, a slip of the pen included."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.lexical import LexicalIndex
from rag.words import words

TEXTS = {
    "broker": "Harbor is the broker that keeps messages.",
    "schedule": "A periodic schedule is read in UTC.",
    "moon": "The moon has no schedule.",
}


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> LexicalIndex:
    made = LexicalIndex(tmp_path_factory.mktemp("words"))
    made.change(TEXTS.items())
    return made


def found(index: LexicalIndex, text: str) -> list[str]:
    return list(index.query(dict.fromkeys(index.terms(text), 1.0), 10))


def test_the_rarer_word_counts_for_more(index):
    assert found(index, "the schedule of the moon") == ["moon", "schedule"]
    assert found(index, "...") == []


@pytest.mark.parametrize("slip", ["brokr", "borker", "brokker", "brober"])
def test_one_slip_in_a_word_that_is_nowhere(index, slip):
    assert found(index, slip) == ["broker"]


@pytest.mark.parametrize("text", ["brkkr", "mon", "shedulle"])
def test_two_slips_or_a_short_word_are_another_word(index, text):
    assert found(index, text) == []


def test_a_word_that_some_passage_has_is_meant(tmp_path):
    both = LexicalIndex(tmp_path)
    both.change([("a", "a broker"), ("b", "it broke, brokee and brokes")])
    assert found(both, "brokee") == ["b"]


@given(st.text())
def test_each_term_with_the_word_that_it_stands_for(index, text):
    terms = index.terms(text)
    assert set(terms.values()) <= set(words(text))
    for term, word in terms.items():
        assert term in index.terms(word)


def test_what_is_taken_out_is_not_found(tmp_path):
    index = LexicalIndex(tmp_path)
    index.change(TEXTS.items())
    index.change([("broker", "now a kettle")], ["moon"])
    assert found(index, "broker moon") == []
    assert index.ids() == {"broker", "schedule"}
