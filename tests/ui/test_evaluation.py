"""`footnote eval`, run as people run it, and the choice of questions."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.questions import TYPES, Question
from rag.data import FootnoteError
from ui.evaluation import choose

SET = [
    {"id": "port", "question": "Which port does the dashboard use?", "gold_chunk_ids": ["10_0_0"]},
    {"id": "sign", "question": "How are messages signed?", "gold_chunk_ids": ["12_0_0"]},
    {"id": "none", "question": "Who wrote Hamlet?", "type": "unanswerable"},
]
QUESTIONS = st.lists(st.sampled_from(TYPES), min_size=1, max_size=30).map(
    lambda types: [Question(f"q{at}", "?", type=kind) for at, kind in enumerate(types)]
)


@pytest.fixture
def questions(tmp_path):
    path = tmp_path / "set.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in SET))
    return path


def one_line(done):
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def test_a_run_is_finished_later_and_compared(footnote, lantern, questions, tmp_path):
    run = tmp_path / "run"
    done = footnote("eval", questions, "--index", lantern, "--out", run)
    assert done.returncode == 0, done.stderr
    assert "chunk hit@1" in done.stdout
    assert (run / "report.html").is_file()

    again = footnote("eval", questions, "--index", lantern, "--out", run)
    assert again.stdout == done.stdout
    rows = (run / "rows.jsonl").read_text().splitlines(keepends=True)
    (run / "summary.json").unlink()
    (run / "rows.jsonl").write_text(rows[0] + rows[1][:50])  # as a kill leaves it
    assert "was begun with" in one_line(
        footnote("eval", questions, "--index", lantern, "--out", run, "--limit", "2")
    )
    again = footnote("eval", questions, "--index", lantern, "--out", run)
    assert again.returncode == 0, again.stderr
    finished = (run / "rows.jsonl").read_text().splitlines(keepends=True)
    assert finished[0] == rows[0]
    assert [json.loads(row)["id"] for row in finished] == ["port", "sign", "none"]

    compared = footnote("eval", "--compare", run, run)
    assert compared.returncode == 0, compared.stderr
    assert "3 questions that both runs asked" in compared.stdout


def test_a_sweep_runs_each_variant_once_and_only_with_its_own_settings(
    footnote, lantern, questions, tmp_path
):
    settings, out = tmp_path / "settings.toml", tmp_path / "sweep"
    settings.write_text("[as-it-is]\n[strict]\nstrict = true\n")
    sweep = ("eval", questions, "--index", lantern, "--sweep", settings, "--out", out)
    done = footnote(*sweep)
    assert done.returncode == 0, done.stderr
    made = {
        name: json.loads((out / name / "summary.json").read_text())
        for name in ("as-it-is", "strict")
    }
    assert [summary["settings"]["strict"] for summary in made.values()] == [False, True]

    before = {path: path.read_bytes() for path in out.rglob("*.json*")}
    again = footnote(*sweep)
    assert again.stdout == done.stdout
    said = one_line(footnote(*sweep, "--limit", "2"))
    assert str(out / "as-it-is") in said and "name another folder" in said
    settings.write_text("[as-it-is]\n[strict]\n")
    said = one_line(footnote(*sweep))
    assert f"{out / 'strict'} was begun with strict True, not False" in said
    assert {path: path.read_bytes() for path in out.rglob("*.json*")} == before


def test_every_fault_is_listed_and_nothing_is_run(footnote, lantern, tmp_path):
    path = tmp_path / "set.jsonl"
    path.write_text('{"question": ""}\n{"question": "x", "type": "hard"}\n')
    done = footnote("eval", path, "--index", lantern, "--out", tmp_path / "run")
    assert "2 faults, nothing was run" in one_line(done)
    assert [line.split(":")[0] for line in done.stderr.splitlines()[:2]] == ["line 1", "line 2"]
    assert not (tmp_path / "run").exists()


def test_gold_that_the_index_lacks_is_named(footnote, lantern, questions, tmp_path):
    whole = footnote("eval", questions, "--index", lantern, "--check-questions")
    assert "the gold of all 3 questions" in whole.stdout
    lost = tmp_path / "lost.jsonl"
    lost.write_text('{"id": "a", "question": "x", "gold_pages": ["p"], "gold_chunk_ids": ["7"]}\n')
    done = footnote("eval", lost, "--index", lantern, "--check-questions")
    assert done.stdout == "a: page p, chunk 7\n"
    assert "lacks gold of 1 of 1 questions" in one_line(done)


@given(QUESTIONS, st.integers(1, 40), st.integers())
def test_a_sample_is_even_over_the_types(questions, count, seed):
    drawn = choose(questions, None, count, seed, None)
    assert drawn == choose(questions, None, count, seed, None)
    assert len(drawn) == min(count, len(questions))
    assert drawn == [question for question in questions if question in drawn]
    there, taken = (Counter(question.type for question in part) for part in (questions, drawn))
    most = max(taken.values())
    assert all(taken[kind] >= min(there[kind], most - 1) for kind in there)


@given(QUESTIONS, st.integers(1, 40))
def test_a_limit_takes_the_first(questions, limit):
    assert choose(questions, None, None, 0, limit) == questions[:limit]


def test_types_are_chosen_by_name():
    asked = [Question("a", "?"), Question("b", "?", type="followup"), Question("c", "?")]
    assert choose(asked, "followup", None, 0, None) == asked[1:2]
    assert choose(asked, "single, followup", None, 0, None) == asked
    with pytest.raises(FootnoteError, match="no type of question is called 'hard'"):
        choose(asked, "hard", None, 0, None)
    with pytest.raises(FootnoteError, match="none of the 3 questions is of type multihop"):
        choose(asked, "multihop", None, 0, None)
