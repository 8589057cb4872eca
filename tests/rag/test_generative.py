"""A language model's answers on a real index, held against their passages."""

import threading

import pytest
import tiny_models
from lantern import SITE

from rag import Chatbot, FootnoteError, Found, Thought
from rag.local import LocalModel


def test_models_that_always_think(lantern, tiny_llama, tmp_path):
    thinking = tiny_models.TEMPLATE + "{% if add_generation_prompt %}<think>{% endif %}"
    folder = tiny_models.variant(tiny_llama, tmp_path / "model", template=thinking)
    asked = [{"role": "user", "content": "How often is a task retried?"}]
    first, *others = LocalModel(str(folder)).stream(asked, threading.Event())
    assert first == "<think>"
    assert others
    # This one never ends its thought.
    events = Chatbot.open(lantern, str(folder)).events("How often is a task retried?")
    assert isinstance(next(events), Found)
    assert isinstance(next(events), Thought)
    with pytest.raises(FootnoteError, match="thought until its tokens were used up"):
        list(events)


def test_a_follow_up_is_searched_in_words_of_its_own(lantern, tiny_llama):
    history = [
        {"role": "user", "content": "What is a task?"},
        {"role": "assistant", "content": "A function that the queue runs."},
    ]
    found, *_, answer = Chatbot.open(lantern, str(tiny_llama)).events("How often again?", history)
    assert found.question == answer.searched == tiny_models.SAID
    assert answer.hits[0].passage.url == SITE + "tasks/#retries"


def test_a_chatbot_with_a_language_model(lantern, tiny_llama):
    bot = Chatbot.open(lantern, str(tiny_llama))
    *pieces, answer = bot.stream("How often is a task retried?")
    assert "".join(pieces) == answer.text
    # [9] names a passage too, the ninth of the ten retrieved, but not one that says so.
    assert answer.text == tiny_models.SAID.replace(" [9]", "")
    assert [claim.supported for claim in answer.claims] == [True, False]
    (first,) = answer.citations
    assert first.url == SITE + "tasks/#retries" == answer.hits[0].passage.url
    assert first.quote == "A failed task is retried three times by default."
    assert not answer.abstained
    assert answer.unread == 0
    strict = bot.ask("How often is a task retried?", strict=True)
    assert strict.text == tiny_models.SAID.partition("]")[0] + "]."
    assert [claim.supported for claim in strict.claims] == [True]


def test_a_marker_that_names_no_passage_is_dropped(lantern, tiny_llama, tmp_path):
    # In a context this short only a few of the ten passages have room, and [9] names none.
    folder = tiny_models.variant(tiny_llama, tmp_path / "short", context=900)
    answer = Chatbot.open(lantern, str(folder)).ask("How often is a task retried?")
    assert 0 < answer.unread < 10
    assert answer.text == tiny_models.SAID.replace(" [9]", "")
    assert len(answer.citations) == 1


def test_an_answer_without_footnotes_says_so(lantern, tiny_qwen3):
    answer = Chatbot.open(lantern, str(tiny_qwen3)).ask("How often is a task retried?")
    if not answer.citations:  # random weights might write a marker
        assert answer.abstained
        assert answer.text.endswith("do not rely on it.)")
