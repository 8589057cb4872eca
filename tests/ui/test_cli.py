"""The `footnote` command, run as a process of its own as people run it."""

import gzip
import json
import shutil

import pytest
from lantern import CHUNKS, SITE, rows


def one_line(done) -> str:
    """The error of a command that failed as promised: status 1, one line, no traceback."""
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert "Traceback" not in done.stderr
    assert lines[-1].startswith("footnote: ")
    assert done.stdout == ""
    return lines[-1]


def test_ingest_then_everything_else(footnote, lantern_table, tmp_path):
    index = tmp_path / "index"
    done = footnote("ingest", lantern_table, "--index", index)
    assert done.returncode == 0, done.stderr
    assert f"{len(rows())} read, {len(CHUNKS)} passages, 1 exact repeats left out" in done.stdout
    assert "embedding" in done.stderr

    again = footnote("ingest", lantern_table, "--index", index)
    assert "; 0 embedded\n" in again.stdout

    info = footnote("info", "--check", "--index", index)
    assert info.returncode == 0
    assert f"{len(CHUNKS)} passages" in info.stdout
    assert "found by its own vector and its words" in info.stdout

    found = footnote("search", "which port", "-k", "2", "--index", index)
    assert f"{SITE}monitoring/#dashboard" in found.stdout

    repeated = footnote("search", "a broker for unit tests", "-k", "1", "--index", index)
    assert f"The same text is at {SITE}testing/#brokers" in repeated.stdout

    answered = footnote("ask", "Which port does the dashboard use?", "--index", index)
    assert "5580. [1]" in answered.stdout
    assert f"[1] {SITE}monitoring/#dashboard" in answered.stdout


def test_ask_json(footnote, lantern):
    done = footnote("ask", "Which port does the dashboard use?", "--json", "--index", lantern)
    answer = json.loads(done.stdout)
    assert set(answer) == {
        "question", "answer", "abstained", "confidence", "claims", "citations", "hits",
        "generator", "timings",
    }  # fmt: skip
    assert answer["generator"] == "extractive"
    assert set(answer["citations"][0]) == {"marker", "url", "chunk_id", "quote"}
    (claim,) = [claim for claim in answer["claims"] if "5580" in claim["text"]]
    assert set(claim) == {"text", "start", "end", "citations", "supported"}
    assert claim["text"] == answer["answer"][claim["start"] : claim["end"]]
    assert claim["supported"] is True
    assert {note["url"] for note in claim["citations"]} <= {
        note["url"] for note in answer["citations"]
    }
    assert claim["citations"]
    assert 0 < answer["confidence"] <= 1
    assert set(answer["hits"][0]) == {"chunk_id", "url", "score", "text"}
    assert answer["citations"][0]["quote"] in answer["hits"][0]["text"]


def test_search_json(footnote, lantern):
    done = footnote("search", "signed messages", "-k", "3", "--json", "--index", lantern)
    found = json.loads(done.stdout)
    assert [set(hit) for hit in found["hits"]] == [{"chunk_id", "url", "score", "text"}] * 3


def test_what_is_not_there(footnote, lantern):
    done = footnote("ask", "Who won the football cup in 1990?", "--index", lantern)
    assert done.returncode == 0
    assert done.stdout.startswith("Not found in this documentation.")
    assert "Nearest: https://lantern.test/" in done.stdout


def test_eval(footnote, lantern, tmp_path):
    questions = tmp_path / "questions.jsonl"
    asked = [
        {"id": "a", "question": "Which port does the dashboard use?", "gold_pages": ["monitoring"],
         "gold_chunk_ids": ["10_0_0"],
         "nuggets": [{"text": "port", "vital": True, "aliases": ["5580"]}]},
        {"id": "b", "question": "Who won the football cup in 1990?", "type": "unanswerable"},
    ]  # fmt: skip
    questions.write_text("".join(json.dumps(row) + "\n" for row in asked))
    out = tmp_path / "run"
    done = footnote("eval", questions, "--index", lantern, "--out", out)
    assert done.returncode == 0, done.stderr
    summary = json.loads((out / "summary.json").read_text())
    measured = summary["systems"]["footnote"]["all"]
    for name in ["page.Success@1", "chunk.Success@1", "V_strict", "citation_validity"]:
        assert (measured[name]["value"], measured[name]["n"]) == (1.0, 1), name
    assert (measured["truthfulness"]["value"], measured["truthfulness"]["n"]) == (1.0, 2)
    assert len((out / "rows.jsonl").read_text().splitlines()) == 2
    again = footnote("eval", questions, "--index", lantern, "--out", out)
    assert again.stdout == done.stdout


def test_eval_lists_the_faults_of_a_question_file(footnote, lantern, tmp_path):
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "fine?"}\n{"question": ""}\nnonsense\n')
    error = footnote("eval", questions, "--index", lantern, "--out", tmp_path / "run")
    assert error.returncode == 1
    assert "line 2" in error.stderr
    assert "line 3" in error.stderr
    assert not (tmp_path / "run").exists()


BAD_TABLES = {
    "missing column": (".csv", b"url,chunk_id\nhttps://h.test/a,1\n", "chunk"),
    "malformed row": (".jsonl", b'{"url": "https://h.test/a", "chunk"', "1"),
    "empty file": (".csv", b"", "empty"),
    "not UTF-8": (".csv", b"url,chunk,chunk_id\nhttps://h.test/a,\xff\xfe,1\n", "UTF-8"),
    "empty chunk": (".csv", b"url,chunk,chunk_id\nhttps://h.test/a,  ,1\n", "2"),
    "bad URL": (".csv", b"url,chunk,chunk_id\njavascript:alert(1),text,1\n", "javascript:alert(1)"),
    "two texts of one id": (
        ".csv", b"url,chunk,chunk_id\nhttps://h.test/a,one,1\nhttps://h.test/a,two,1\n", "'1'"
    ),
    "not parquet": (".parquet", b"PAR1 not really", "parquet"),
    "not gzip": (".txt.gz", b"plain", "gzip"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_tables(footnote, tmp_path, case):
    ending, content, says = BAD_TABLES[case]
    table = tmp_path / f"table{ending}"
    table.write_bytes(content)
    index = tmp_path / "index"
    error = one_line(footnote("ingest", table, "--index", index))
    assert says.lower() in error.lower()
    assert f"table{ending}" in error
    assert not index.exists()


def test_bad_rows_can_be_skipped(footnote, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("url,chunk,chunk_id\nhttps://h.test/a,good,1\nhttps://h.test/a,,2\n")
    done = footnote("ingest", table, "--skip-bad-rows", "--index", tmp_path / "index")
    assert done.returncode == 0, done.stderr
    assert "1 malformed left out" in done.stdout


def test_viewer_copy(footnote, tmp_path):
    lines = ["source", "stringclasses", "3 values", "url", "stringlengths", "49", "167"]
    lines += ["file_type", "stringclasses", "1 value", "chunk", "stringlengths", "1", "512"]
    lines += ["chunk_id", "stringlengths", "5", "9"]
    for row in rows()[:3]:
        text = " ".join(row["chunk"].split())
        lines += [row["source"], row["url"], row["file_type"], text, row["chunk_id"]]
    copy = tmp_path / "rows.txt.gz"
    copy.write_bytes(gzip.compress("\n".join(lines).encode() + b"\n"))
    done = footnote("ingest", copy, "--index", tmp_path / "index")
    assert "3 read, 3 passages" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ask", "x", "--index", "{tmp}/nothing"], "no index"),
        (["ask", "x", "--index", "{tmp}/notes"], "not an index"),
        (["ask", "", "--index", "{lantern}"], "question is empty"),
        (["ask", "x" * 100_000, "--index", "{lantern}"], "100,000 characters"),
        (["ask", "x", "--generator", "{tmp}/no-model", "--index", "{lantern}"], "no-model"),
        (["ingest", "{tmp}/nothing.csv", "--index", "{tmp}/i"], "nothing.csv"),
        (["ingest", "python:no_such_package", "--index", "{tmp}/i"], "no_such_package"),
        (["ingest", "{table}", "--embedder", "{tmp}/no-model", "--index", "{tmp}/i"], "no-model"),
        (["ingest", "{table}", "--index", "{tmp}/notes"], "holds other files"),
        (["eval", "{tmp}/nothing.jsonl", "--index", "{lantern}"], "nothing.jsonl"),
        (["chat", "--auth", "{tmp}/nobody", "--index", "{lantern}"], "nobody"),
    ],
)
def test_bad_input_is_one_line(footnote, lantern, lantern_table, tmp_path, arguments, says):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    places = {"{tmp}": tmp_path, "{lantern}": lantern, "{table}": lantern_table}
    for name, path in places.items():
        arguments = [argument.replace(name, str(path)) for argument in arguments]
    assert says in one_line(footnote(*arguments))
    assert [path.name for path in (tmp_path / "notes").iterdir()] == ["mine.txt"]
    assert not (tmp_path / "i").exists()


def test_wrong_usage_is_status_2(footnote):
    assert footnote("ask").returncode == 2
    assert footnote("nonsense").returncode == 2
    assert footnote("search", "x", "-k", "0").returncode == 2


def test_a_lost_passage_is_noticed(footnote, lantern, tmp_path):
    from rag.index import Index

    copy = shutil.copytree(lantern, tmp_path / "index")
    index = Index.open(copy)
    index.remove(index.ids()[:1])
    assert "its manifest says" in footnote("info", "--check", "--index", copy).stderr
