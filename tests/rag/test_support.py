"""A sentence rests on the passages that say it, names and numbers included."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.data import Hit, Passage
from rag.lexical import LexicalIndex
from rag.support import Evidence

TEXTS = [
    "Set `max_length=512` to cut long inputs. The tokenizer warns about the rest.",
    "A `DataLoader` reads batches in the background. Give it num_workers for more processes.",
    "The trainer saves a checkpoint every 500 steps.\n\n```py\ntrainer.save(path)\n```",
]
HITS = [Hit(Passage(str(n), f"https://d.test/{n}", text), 1.0) for n, text in enumerate(TEXTS)]


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> LexicalIndex:
    index = LexicalIndex(tmp_path_factory.mktemp("words"))
    index.change((hit.passage.chunk_id, hit.passage.text) for hit in HITS)
    return index


@pytest.fixture(scope="module")
def evidence(words) -> Evidence:
    return Evidence("What is warmup_ratio for?", HITS, words)


@pytest.mark.parametrize(
    ("claim", "cited", "supported"),
    [
        ("Long inputs are cut with max_length.", [0], True),
        ("Long inputs are cut with max_length.", [1], False),
        ("Long inputs are cut with min_length.", [0], False),
        ("Long inputs are cut by max_length=256.", [0], False),
        ("- Long inputs are cut by `max_length=512`.", [0], True),
        ("1. The trainer saves checkpoints.", [2], True),
        ("The data loader reads batches with --num-workers processes.", [1], True),
        ("A data.DataLoader reads batches in the background.", [1], True),
        ("The tokenizer warns, and the trainer saves a checkpoint.", [0], False),
        ("The tokenizer warns, and the trainer saves a checkpoint.", [0, 2], True),
        (
            "With warmup_ratio the trainer saves a checkpoint every 500 steps.",
            [2],
            True,
        ),  # was asked
        ("Elephants never forget anything.", [0, 1, 2], False),
        ("```py\nmy_trainer = trainer\nmy_trainer.save(path)\n```", [2], True),
        ("Anything at all.", [], False),
        ("The trainer saves a checkpoint every 500 steps or save_steps.", [2], False),
        ("So it is.", [0], True),  # says nothing
    ],
)
def test_supports(claim, cited, supported, evidence):
    assert evidence.supports(claim, cited) is supported


def test_the_best_passage_says_it_alone(evidence):
    assert evidence.best("Batches are read in the background.") == 1
    assert evidence.best("Elephants never forget anything.") is None


def test_a_quote_is_the_sentence_that_says_it(evidence):
    assert evidence.quote("More processes with num_workers", 1) == (
        "Give it num_workers for more processes."
    )
    assert evidence.quote("Call trainer.save(path).", 2) == "```py\ntrainer.save(path)\n```"


@settings(max_examples=200, deadline=None)
@given(claim=st.text(max_size=60), text=st.text(max_size=200))
def test_a_quote_is_found_again(claim, text, words):
    hit = Hit(Passage("1", "https://d.test/", text), 1.0)
    assert Evidence("", [hit], words).quote(claim, 0) in text
