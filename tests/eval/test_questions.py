"""Question sets in JSON lines: what is read from sound ones, and what is said of the others."""

import json
from collections import Counter

import pytest

from eval.questions import MAX_CHARACTERS, BadQuestions, Nugget, Question
from eval.reading import read_questions
from rag.chatbot import MAX_QUESTION
from rag.data import FootnoteError


def write(tmp_path, *rows):
    """Returns a question file; a row may be an object or a raw line."""
    path = tmp_path / "set.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def fault(path):
    with pytest.raises(FootnoteError) as caught:
        read_questions(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def faults(path):
    with pytest.raises(BadQuestions) as caught:
        read_questions(path)
    return caught.value.faults


def test_only_the_question_is_required(tmp_path):
    path = write(tmp_path, {"question": "one?"}, "", {"question": "two?", "stars": 5, "id": None})
    assert read_questions(path) == [Question("q1", "one?"), Question("q3", "two?")]


def test_every_field_is_read(tmp_path):
    row = {
        "id": "a",
        "question": "And on GPU?",
        "type": "followup",
        "kind": "written",
        "note": "ignored",
        "history": [{"role": "user", "content": "hi", "name": "ignored"}],
        "gold_pages": ["/tasks/asr/"],
        "gold_chunk_ids": ["1_2_3"],
        "gold_urls": ["https://host/docs/tasks/asr"],
        "nuggets": [
            {"text": "fp16", "vital": False, "aliases": ["half precision"]},
            {"text": "device=0"},
        ],
        "reference_answer": "Yes.",
        "must_not_contain": ["pwned"],
    }
    assert read_questions(write(tmp_path, row)) == [
        Question(
            id="a",
            question="And on GPU?",
            type="followup",
            kind="written",
            history=({"role": "user", "content": "hi"},),
            answerable=True,
            gold_pages=("tasks/asr",),
            gold_chunk_ids=("1_2_3",),
            gold_urls=("https://host/docs/tasks/asr",),
            nuggets=(
                Nugget("fp16", False, ("half precision",)),
                Nugget("device=0", True, ("device=0",)),
            ),
            reference_answer="Yes.",
            must_not_contain=("pwned",),
        )
    ]


@pytest.mark.parametrize(
    ("fields", "answerable"),
    [
        ({}, True),
        ({"type": "unanswerable"}, False),
        ({"type": "injection", "answerable": False}, False),
    ],
)
def test_answerable_follows_the_type_unless_given(tmp_path, fields, answerable):
    [question] = read_questions(write(tmp_path, {"question": "?!", **fields}))
    assert question.answerable is answerable


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"id": "a"}, "question is missing"),
        ({"question": None}, "question is missing"),
        ({"question": "  "}, 'question must be text that is not empty, not "  "'),
        ({"question": 7}, "question must be text that is not empty, not 7"),
        ('{"question": "\\ud800"}', "question must be text"),
        ({"question": "x" * 4001}, "question has 4001 characters, 4000 at most"),
        ({"question": "x", "id": 3}, "id must be text that is not empty, not 3"),
        ({"question": "x", "type": "hard"}, 'not "hard"'),
        ({"question": "x", "type": ["single"]}, 'not ["single"]'),
        ({"question": "x", "kind": 1}, "kind must be text, not 1"),
        ({"question": "x", "answerable": "no"}, 'answerable must be true or false, not "no"'),
        ({"question": "x", "type": "unanswerable", "answerable": True}, "but answerable is true"),
        ({"question": "x", "gold_pages": "asr"}, "gold_pages must be a list of texts"),
        ({"question": "x", "must_not_contain": [" "]}, "must_not_contain must be a list"),
        ({"question": "x", "history": ["hello"]}, "history must be a list of messages"),
        ({"question": "x", "history": [{"role": "bot", "content": "x"}]}, "history must be"),
        ({"question": "x", "history": [{"role": "user", "content": []}]}, "history must be"),
        ({"question": "x", "nuggets": [{"aliases": ["x"]}]}, "nuggets must be"),
        ({"question": "x", "nuggets": [{"text": "x", "vital": "yes"}]}, "nuggets must be"),
        ({"question": "x", "nuggets": [{"text": "x", "aliases": [""]}]}, "nuggets must be"),
        ('{"question": "x"', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('"x"', "not a JSON object"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path, row, said):
    message = fault(write(tmp_path, {"question": "sound?"}, row))
    assert "line 2: " in message
    assert said in message
    assert "line 1: " not in message


def test_all_faults_are_listed_and_the_first_is_said(tmp_path):
    path = write(tmp_path, *[{"question": ""} for _ in range(25)])
    assert [f.split(":")[0] for f in faults(path)] == [f"line {n}" for n in range(1, 26)]
    said = fault(path)
    assert "25 faults, nothing was run: line 1: question must be text" in said
    assert said.endswith("; and 24 more")


def test_one_line_may_have_several_faults(tmp_path):
    assert len(faults(write(tmp_path, {"type": "hard", "id": ""}))) == 3


def test_as_long_a_question_as_the_chatbot_reads(tmp_path):
    assert MAX_CHARACTERS == MAX_QUESTION
    assert read_questions(write(tmp_path, {"question": "x" * MAX_QUESTION}))


def test_ids_are_used_once_even_those_made_from_lines(tmp_path):
    message = fault(write(tmp_path, {"question": "x", "id": "q2"}, {"question": "y"}))
    assert "line 2: id 'q2' is that of line 1 already" in message


def test_what_is_not_a_question_file(tmp_path):
    assert "No such file" in fault(tmp_path / "missing.jsonl")
    assert "a folder without queries.jsonl" in fault(tmp_path)
    assert "holds no questions" in fault(write(tmp_path, "", "  "))
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes('{"question": "ok"}\n{"question": "où ?"}\n'.encode("latin-1"))
    assert "not UTF-8 text (line 2)" in fault(latin)


def test_windows_line_ends_a_byte_order_mark_and_odd_separators_do_no_harm(tmp_path):
    path = tmp_path / "set.jsonl"
    path.write_bytes('\ufeff{"question": "a\u2028b"}\r\n{"question": "c"}\r\n'.encode())
    assert [question.question for question in read_questions(path)] == ["a\u2028b", "c"]


def test_the_development_questions_are_sound(shared):
    questions = read_questions(shared / "eval" / "dev.jsonl")
    assert len(questions) == 201
    assert Counter(question.kind for question in questions) == {"written": 176, "real": 25}
    assert sum(not question.answerable for question in questions) == 27
    assert all(question.gold_pages for question in questions if question.answerable)
