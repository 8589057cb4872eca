"""Question sets in the forms that people have them: tables, BEIR folders, the chat's feedback."""

import csv
import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.questions import BadQuestions, Question
from eval.reading import is_beir, page_in_repository, read_questions
from rag.data import Answer, Citation, FootnoteError, Hit, Passage
from ui.feedback import Feedback

SOURCE = "org/name/blob/main/docs/source/en/tasks/asr.md"
EXPECTED = [
    Question("q1", "How?", gold_pages=("tasks/asr",), reference_answer="So, that way."),
    Question("q2", "Where?", gold_urls=("https://host/docs/x",)),
]


def faults(path):
    with pytest.raises(BadQuestions) as caught:
        read_questions(path)
    return caught.value.faults


# Tables


def test_a_csv_with_answers_and_sources(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text(
        f'question,answer,source_doc,stars\r\nHow?,"So, that way.",{SOURCE},5\r\n'
        "Where?,,https://host/docs/x,\r\n",
        encoding="utf-8-sig",
    )
    first, second = read_questions(path)
    # Named after their lines, which the header is one of.
    assert [replace(first, id="q1"), replace(second, id="q2")] == EXPECTED
    assert (first.id, second.id) == ("q2", "q3")


def test_a_parquet_file_says_the_same(tmp_path):
    path = tmp_path / "set.parquet"
    columns = {
        "question": ["How?", "Where?"],
        "answer": ["So, that way.", None],
        "source_doc": [SOURCE, "https://host/docs/x"],
        "embedding": [[0.1], [0.2]],
    }
    pq.write_table(pa.table(columns), path)
    assert read_questions(path) == EXPECTED


def test_every_fault_of_a_csv_has_its_line(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text('question,type\n"two\nlines",single\nx,hard\nx\n,single\n')
    found = faults(path)
    assert [fault.split(":")[0] for fault in found] == ["line 4", "line 5", "line 6"]
    assert "cells" not in found[0]
    assert found[1].endswith("cells: 1, in the header 2")
    assert "question is missing" in found[2]


def test_a_quote_that_never_ends_is_a_fault(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text('question\nsound?\n"never\nends')
    assert "not CSV" in faults(path)[0]


@pytest.mark.parametrize("name", ["set.csv", "set.parquet"])
def test_a_table_without_questions_is_said(tmp_path, name):
    path = tmp_path / name
    if name.endswith("csv"):
        path.write_text("prompt,answer\nx,y\n")
    else:
        pq.write_table(pa.table({"prompt": ["x"]}), path)
    with pytest.raises(FootnoteError, match=r"prompt.*needs one called question"):
        read_questions(path)


def test_what_is_no_parquet_is_said_in_one_line(tmp_path):
    path = tmp_path / "set.parquet"
    path.write_text("question\n")
    with pytest.raises(FootnoteError, match="as Parquet") as caught:
        read_questions(path)
    assert "\n" not in str(caught.value)


CELLS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1
).filter(str.strip)


@given(questions=st.lists(CELLS, min_size=1, max_size=5))
def test_what_a_csv_writer_writes_is_read(tmp_path_factory, questions):
    path = tmp_path_factory.mktemp("csv") / "set.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["question"], *([text] for text in questions)])
    assert [question.question for question in read_questions(path)] == questions


@pytest.mark.parametrize(
    ("path", "page"),
    [
        (SOURCE, "tasks/asr"),
        ("docs/source/en/index.mdx", "index"),
        ("docs/source/quicktour.mdx", "quicktour"),
        ("tasks/asr", "tasks/asr"),
        ("org/name/blob/v1.2/README.md", "README"),
        ("model_doc/t5v1.1.md", "model_doc/t5v1.1"),
    ],
)
def test_the_page_that_a_file_becomes(path, page):
    assert page_in_repository(path) == page


# BEIR


def beir(folder, queries, qrels, corpus=None):
    (folder / "qrels").mkdir(parents=True)
    for name, rows in (("queries", queries), ("corpus", corpus)):
        if rows is not None:
            lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
            (folder / f"{name}.jsonl").write_text("\n".join(lines))
    for name, rows in qrels.items():
        lines = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, row)) for row in rows)]
        (folder / "qrels" / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    return folder


QUERIES = [{"_id": "1", "text": "one?"}, {"_id": "2", "text": "two?"}, {"_id": "3", "text": "3?"}]


def test_the_judged_queries_of_a_beir_folder(tmp_path):
    qrels = {"test": [(1, "d1", 1), (1, "d2", 2), (1, "d3", 0), (2, "d1", 0)]}
    folder = beir(tmp_path / "set", QUERIES, {**qrels, "train": [(3, "d9", 1)]})
    assert is_beir(folder)
    assert read_questions(folder) == [Question("1", "one?", gold_chunk_ids=("d1", "d2"))]


def test_without_a_test_split_all_judgements_count(tmp_path):
    folder = beir(tmp_path, QUERIES, {"dev": [(2, "d1", 1)], "train": [(3, "d9", 1)]})
    assert [question.id for question in read_questions(folder)] == ["2", "3"]


def test_every_fault_of_a_beir_folder_has_its_file_and_line(tmp_path):
    folder = beir(
        tmp_path,
        [*QUERIES, {"text": "no id"}, "{"],
        {"test": [(1, "d1", 1), (7, "d1", 1), (1, "d8", 1), (1, "d1", "high"), (1, "d1")]},
        corpus=[{"_id": "d1", "text": "x"}, {"_id": ""}],
    )
    assert [fault.split(": ")[0] for fault in faults(folder)] == [
        "corpus.jsonl line 2",
        "queries.jsonl line 4",
        "queries.jsonl line 5",
        "qrels/test.tsv line 3",
        "qrels/test.tsv line 4",
        "qrels/test.tsv line 5",
        "qrels/test.tsv line 6",
    ]


# Feedback


def test_what_people_called_good_becomes_gold(tmp_path):
    """The file that the web chat writes is a question set as it is."""
    passage = Passage("1_0_0", "https://host/docs/tasks/asr", "Use fp16.")
    cited = Citation(1, passage.url, passage.chunk_id, passage.text)
    given_answer = Answer("Use fp16. [1]", (cited,), hits=(Hit(passage, 1.0),))
    feedback = Feedback(tmp_path / "feedback.jsonl", {"docs": "1.0"})
    history = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hello."}]
    for asked, before, rating in (("How?", [], "up"), ("And why?", history, "down")):
        name = feedback.remember(asked, before, given_answer, "extractive")
        feedback.add(name, rating, "a comment")
    good, bad = read_questions(tmp_path / "feedback.jsonl")
    assert (good.question, good.type, good.kind) == ("How?", "single", "feedback-up")
    assert good.gold_urls == (passage.url,)
    assert good.gold_chunk_ids == ("1_0_0",)
    assert (bad.type, bad.kind, bad.history) == ("followup", "feedback-down", tuple(history))
    assert bad.gold_urls == bad.gold_chunk_ids == ()
