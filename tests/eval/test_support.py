"""The judge of citations by letters, on sentences worked by hand and on development questions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.support import supports

PASSAGE = "Set max_retries on the decorator. A failed task is retried three times, since v2.0."


@pytest.mark.parametrize(
    ("sentence", "is_supported"),
    [
        ("A failed task is retried three times.", True),
        ("Tasks that failed are retried.", True),  # inflected
        ("1. Set max_retries on the decorator", True),  # the list's number is no claim
        ("Set max_tries on the decorator.", False),  # another name
        ("A failed task is retried 16 times.", False),  # a number from nowhere
        ("It came with v2.", False),  # 2 is not 2.0
        ("The dashboard shows queues in your browser.", False),
        ("Retried decorators appear inside.", True),  # half of its words
        ("Retried messages appear inside.", False),
        ("Yes.", True),  # says nothing that could be wrong
    ],
)
def test_sentences_by_hand(sentence, is_supported):
    assert supports(sentence, [PASSAGE]) is is_supported


def test_passages_support_together_what_none_does_alone():
    sentence = "Set max_retries and time_limit."
    halves = ["Set max_retries to retry.", "Set time_limit to stop."]
    assert supports(sentence, halves)
    assert not any(supports(sentence, [half]) for half in halves)


def test_no_passage_supports_nothing():
    assert not supports("Yes.", [])


def test_in_code_a_name_may_be_the_writers_own():
    assert supports(
        "```python\nmy_task = lantern.task(max_retries=3)\n```",
        ["lantern.task takes max_retries: 3 by default."],
    )
    assert not supports("```python\nmy_task = other.thing(name=4)\n```", [PASSAGE])


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_sentence_quoted_from_its_passage_is_supported(sentence, rest):
    """As a sentence of its own: letters that touch it would make another word of its ends."""
    assert supports(sentence, [f"{rest} {sentence} {rest}"])


@given(st.text(max_size=80), st.lists(st.text(max_size=60), max_size=3), st.text(max_size=60))
def test_more_passages_never_take_support_away(sentence, passages, more):
    assert supports(sentence, passages) <= supports(sentence, [*passages, more])
