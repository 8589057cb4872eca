"""Questions proposed from an index: their form, their gold, and what no question is made of."""

import pytest

from eval.gold import find_gold
from eval.propose import propose, write_questions
from eval.reading import read_questions
from ingest.build import build
from ingest.reading import Options, read
from rag.data import FootnoteError
from rag.index import Index

GUIDE = """# Guide

## Retries

A failed task is retried three times, unless you set max_retries on its decorator to another number.
Between two retries it waits for as many seconds as backoff says, doubled each time.

## Short

Hardly a word.

## Workers

A worker is started with lantern worker and runs eight tasks at a time, which the option threads
changes. On SIGTERM it finishes the tasks that it is running and takes no new ones from the queue.
"""


@pytest.fixture(scope="module")
def guide(tmp_path_factory):
    """An index of a Markdown folder with two sections that can be asked about."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "docs").mkdir()
    (folder / "docs" / "guide.md").write_text(GUIDE)
    options = Options(base_url="https://host/docs")
    build(read(str(folder / "docs"), options), folder / "index")
    return Index.open(folder / "index")


class Asking:
    """A chat model that replies with the same to any passage."""

    name = "asking"
    room = 10_000

    def __init__(self, said):
        self.said = said

    def count(self, messages):
        return 1

    def stream(self, messages, stop):
        yield self.said


def test_headings_become_questions_that_a_run_can_read(guide, tmp_path):
    rows = propose(guide, 10, 0)
    assert len(rows) == 2
    assert {row["kind"] for row in rows} == {"synthetic"}
    assert {row["gold_pages"][0].removesuffix(".md") for row in rows} == {"guide"}
    assert any("Retries" in row["question"] for row in rows)
    write_questions(rows, tmp_path / "new" / "set.jsonl")
    questions = read_questions(tmp_path / "new" / "set.jsonl")
    assert find_gold(guide, questions).missing == {}


def test_the_seed_decides(guide):
    assert propose(guide, 1, 3) == propose(guide, 1, 3)
    assert len({propose(guide, 1, seed)[0]["question"] for seed in range(8)}) == 2


def test_a_generators_question_needs_a_fact_of_the_passage(guide):
    said = "QUESTION: How often does it try again?\nFACT: “retried  three times”"
    [row] = propose(guide, 5, 0, Asking(said.replace("“", '"').replace("”", '"')))
    assert row["question"] == "How often does it try again?"
    assert row["nuggets"] == [
        {"text": "retried  three times", "vital": True, "aliases": ["retried  three times"]}
    ]
    assert row["made_by"] == "asking"


@pytest.mark.parametrize(
    "said",
    [
        "QUESTION: How often?\nFACT: retried four times",
        "How often is it retried?",
        "QUESTION: How often?\nFACT: " + " ".join(GUIDE.split()[:13]),
        "",
    ],
)
def test_other_replies_make_no_question(guide, said):
    with pytest.raises(FootnoteError, match="no reply of 'asking' had the form"):
        propose(guide, 5, 0, Asking(said))


def test_a_file_that_is_there_is_left_alone(tmp_path):
    (tmp_path / "set.jsonl").write_text("mine")
    with pytest.raises(FootnoteError, match="is there already"):
        write_questions([{"question": "x"}], tmp_path / "set.jsonl")
    assert (tmp_path / "set.jsonl").read_text() == "mine"
