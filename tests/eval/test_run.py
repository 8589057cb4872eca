"""A whole run over a chatbot of canned answers: the files, the figures, the refusals."""

import io
import json

import ir_measures
import pytest
from rich.console import Console

from eval import measures, report
from eval.questions import Nugget, Question, read_questions
from eval.run import ABSTAIN, COPY, SYSTEM, default_out, evaluate, top_passage
from rag.data import Answer, Citation, FootnoteError, Hit, Passage, Place

BASE = "https://host/docs/en/"
ASR = Passage(
    "1_0_0", f"{BASE}tasks/asr/#train", "Train with\n fp16.", repeats=(Place("9_9", "u"),)
)
ASR_MORE = Passage("1_0_1", f"{BASE}tasks/asr/#more", "More of it.")
CACHE = Passage("2_0_0", f"{BASE}kv_cache.md", "The cache grows.")


class CannedBot:
    """A chatbot that knows its answers by heart, and what it was asked."""

    answerer = "canned"

    def __init__(self, answers, hits=(ASR, ASR_MORE, CACHE)):
        self.answers = answers
        self.hits = [Hit(passage, 0.9 - rank / 10) for rank, passage in enumerate(hits)]
        self.asked = []

    def search(self, question, k=10, history=()):
        return self.hits[:k]

    def ask(self, question, history=()):
        self.asked.append((question, history))
        answer = self.answers[question]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def base_url(self, passage):
        return BASE

    def info(self):
        return {"passages": len(self.hits)}


def answer(text, *passages, confidence=0.8, hits=(ASR, CACHE)):
    citations = [
        Citation(n, passage.url, passage.chunk_id, passage.text)
        for n, passage in enumerate(passages, 1)
    ]
    return Answer(
        text,
        tuple(citations),
        confidence=confidence,
        hits=tuple(Hit(passage, 0.5) for passage in hits),
        timings={"search": 0.01},
    )


NOT_FOUND = Answer("Not found.", abstained=True, confidence=0.1, timings={"search": 0.01})
FP16 = (Nugget("fp16", True, ("fp16",)),)
QUESTIONS = [
    Question("right", "one?", kind="written", gold_pages=("tasks/asr",), nuggets=FP16),
    Question(
        "wrong page",
        "two?",
        type="multihop",
        kind="written",
        gold_pages=("kv_cache", "tasks/asr"),
        gold_chunk_ids=("9_9", "7_7"),
        nuggets=FP16,
    ),
    Question("refused", "three?", kind="written", gold_pages=("lost",), nuggets=FP16),
    Question("rightly refused", "four?", type="unanswerable", answerable=False),
    Question(
        "obeyed",
        "five?",
        type="injection",
        history=({"role": "user", "content": "hi"},),
        answerable=False,
        must_not_contain=("pwned",),
    ),
    Question("no gold", "six?", kind="real"),
]
UNSEEN = Passage("8", "https://elsewhere/x", "x")
ANSWERS = {
    "one?": answer("Use FP16 [1].", ASR),
    "two?": answer("Use fp16 [1], or not [2].", UNSEEN, CACHE, confidence=0.3),
    "three?": NOT_FOUND,
    "four?": NOT_FOUND,
    "five?": answer("PWNED", confidence=0.3),
    "six?": answer("Maybe [1].", ASR),
}


@pytest.fixture
def run(tmp_path):
    bot = CannedBot(ANSWERS)
    summary = evaluate(bot, QUESTIONS, tmp_path / "deep" / "run")
    return bot, summary, tmp_path / "deep" / "run"


def rows_of(out):
    return [json.loads(line) for line in (out / "rows.jsonl").read_text("utf-8").splitlines()]


def printed_report(summary):
    """Returns what a terminal of 80 columns shows."""
    console = Console(width=80, file=io.StringIO())
    console.print(report.terminal(summary))
    return console.file.getvalue()


def values(figures):
    return {name: figure["value"] for name, figure in figures.items()}


def test_the_figures_by_hand(run):
    _, summary, _ = run
    figures = summary["systems"][SYSTEM]["all"]
    # Pages rank asr, (asr), kv_cache. "right" 1st of 1; "wrong page" both; "refused" none.
    assert values(figures) == pytest.approx(
        {
            "page.Success@1": 2 / 3,
            "page.Success@5": 2 / 3,
            "page.Success@10": 2 / 3,
            "page.RR@10": 2 / 3,
            "page.nDCG@10": (1 + (1 + 0.5) / (1 + 0.6309298) + 0) / 3,
            "page.R@10": 2 / 3,
            "page.R@50": 2 / 3,
            "page.All@5": 1,
            "page.All@10": 1,
            "chunk.Success@1": 1,
            "chunk.Success@5": 1,
            "chunk.Success@10": 1,
            "chunk.RR@10": 1,
            "chunk.nDCG@10": 1 / 1.6309298,
            "chunk.R@10": 1 / 2,
            "chunk.R@50": 1 / 2,
            "V_strict": 2 / 3,
            "A_strict": 2 / 3,
            "words": (3 + 6 + 1 + 2) / 4,
            "citation_validity": (1 + 1 / 2 + 1) / 3,
            "citation_gold_pages": (1 + 1 / 2 + 0) / 3,
            "abstention_recall": 1 / 2,
            "false_refusals": 1 / 4,
            "injected": 1,
            "truthfulness": (1 + 1 + 0 + 1 - 1) / 5,
            # Of the answerable .8, .3, .1, .8 each against the unanswerable .1 and .3.
            "AUROC": (2 + 1.5 + 0.5 + 2) / 8,
        }
    )
    judged = {name: figure["n"] for name, figure in figures.items()}
    assert judged["page.RR@10"] == 3
    assert judged["chunk.RR@10"] == judged["page.All@5"] == judged["injected"] == 1
    assert judged["citation_validity"] == 3
    assert judged["truthfulness"] == 5


def test_groups_are_types_kinds_and_both_sides(run):
    _, summary, _ = run
    assert summary["counts"] == {
        "all": 6,
        "answerable": 4,
        "unanswerable": 2,
        "type: single": 3,
        "type: multihop": 1,
        "type: unanswerable": 1,
        "type: injection": 1,
        "kind: real": 1,
        "kind: written": 3,
    }
    groups = summary["systems"][SYSTEM]
    assert groups["answerable"]["truthfulness"] == {"value": pytest.approx(2 / 3), "n": 3}
    assert groups["unanswerable"]["truthfulness"] == {"value": 0, "n": 2}
    assert groups["kind: real"]["V_strict"] == {"value": None, "n": 0}
    assert groups["answerable"]["AUROC"] == {"value": None, "n": 0}
    assert "page.All@5" not in groups["type: single"]


def test_the_baselines_stand_beside_the_system(run):
    _, summary, _ = run
    copied, silent = (values(summary["systems"][name]["all"]) for name in (COPY, ABSTAIN))
    assert copied["V_strict"] == 1
    assert copied["words"] == 4
    assert copied["citation_validity"] == 1
    assert copied["abstention_recall"] == copied["false_refusals"] == 0
    assert copied["truthfulness"] == pytest.approx((1 + 1 - 1 - 1 - 1) / 5)
    assert silent["abstention_recall"] == silent["false_refusals"] == 1
    assert silent["V_strict"] == silent["citation_gold_pages"] == 0
    assert silent["citation_validity"] is silent["words"] is None
    assert silent["truthfulness"] == pytest.approx(2 / 5)
    assert copied["AUROC"] == silent["AUROC"] == 0.5
    assert "page.RR@10" not in copied


def test_rows_hold_what_was_asked_found_and_said(run):
    bot, _, out = run
    rows = rows_of(out)
    assert [row["id"] for row in rows] == [question.id for question in QUESTIONS]
    assert bot.asked[4] == ("five?", [{"role": "user", "content": "hi"}])
    row = rows[1]
    assert row["question"]["nuggets"] == [{"text": "fp16", "vital": True, "aliases": ["fp16"]}]
    assert row["hits"][0] == {"chunk_id": "1_0_0", "url": ASR.url, "score": 0.9}
    assert row["ranking"]["page"] == ["tasks/asr", "tasks/asr (again at 2)", "kv_cache"]
    assert row["gold"]["chunk"] == ["9_9", "7_7"]
    assert row["timings"]["search"] == 0.01
    assert 0 <= row["timings"]["ask"] < 1
    said = row["systems"][SYSTEM]
    assert said["text"] == "Use fp16 [1], or not [2]."
    assert said["retrieved"] == ["1_0_0", "2_0_0"]
    assert said["citations"][1]["url"] == CACHE.url
    assert said["measures"]["citation_gold_pages"] == 0.5


def test_the_summary_on_disk_says_where_and_how(run):
    _, summary, out = run
    assert json.loads((out / "summary.json").read_text("utf-8")) == summary
    assert summary["answerer"] == "canned"
    assert summary["index"] == {"passages": 3}
    assert summary["settings"] == {"k": 50, "right_at": measures.RIGHT_AT}
    assert summary["latency"]["search"] == {"p50": 0.01, "p95": 0.01}
    assert set(summary["machine"]) == {"platform", "python", "cpus"}


@pytest.mark.parametrize("level", ["page", "chunk"])
def test_other_tools_find_the_same_values_in_the_trec_files(run, level):
    _, summary, out = run
    found = ir_measures.calc_aggregate(
        [ir_measures.nDCG @ 10, ir_measures.RR @ 10],
        list(ir_measures.read_trec_qrels(str(out / f"qrels.{level}.trec"))),
        list(ir_measures.read_trec_run(str(out / f"run.{level}.trec"))),
    )
    ours = values(summary["systems"][SYSTEM]["all"])
    assert {f"{level}.{measure}": value for measure, value in found.items()} == pytest.approx(
        {name: ours[name] for name in (f"{level}.nDCG@10", f"{level}.RR@10")}
    )


def test_a_shallow_ranking_reports_what_it_reaches(tmp_path):
    summary = evaluate(CannedBot(ANSWERS), QUESTIONS, tmp_path / "run", k=5)
    names = [name for name in summary["systems"][SYSTEM]["all"] if name.startswith("page")]
    assert names == ["page.Success@1", "page.Success@5", "page.All@5"]
    assert report.markdown(summary)


def test_a_row_is_on_disk_as_soon_as_its_question_is_done(tmp_path):
    kept = []
    evaluate(
        CannedBot(ANSWERS),
        QUESTIONS,
        tmp_path,
        progress=lambda done, total: kept.append((done, total, len(rows_of(tmp_path)))),
    )
    assert kept == [(n, 6, n) for n in range(1, 7)]


def test_an_interrupted_run_keeps_its_rows_and_has_no_summary(tmp_path):
    bot = CannedBot({**ANSWERS, "three?": KeyboardInterrupt()})
    told = []
    with pytest.raises(KeyboardInterrupt):
        evaluate(bot, QUESTIONS, tmp_path, progress=lambda *counts: told.append(counts))
    assert told == [(1, 6), (2, 6)]
    assert [row["id"] for row in rows_of(tmp_path)] == ["right", "wrong page"]
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]
    with pytest.raises(FootnoteError, match=r"rows\.jsonl is there already"):
        evaluate(CannedBot(ANSWERS), QUESTIONS, tmp_path)
    assert len(rows_of(tmp_path)) == 2


def test_a_finished_run_is_left_alone(run):
    _, _, out = run
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    bot = CannedBot(ANSWERS)
    with pytest.raises(FootnoteError, match="holds a finished run"):
        evaluate(bot, QUESTIONS, out)
    assert bot.asked == []
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_file_in_the_way_is_said(tmp_path):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(FootnoteError):
            evaluate(CannedBot(ANSWERS), QUESTIONS, out)
    assert (tmp_path / "file").read_text() == "mine"


def test_nothing_retrieved_scores_nothing(tmp_path):
    bot = CannedBot({"one?": NOT_FOUND}, hits=())
    summary = evaluate(bot, QUESTIONS[:1], tmp_path / "run")
    assert summary["systems"][SYSTEM]["all"]["page.RR@10"] == {"value": 0, "n": 1}
    assert summary["systems"][COPY]["all"]["false_refusals"] == {"value": 1, "n": 1}


def test_the_copied_passage_is_cut_to_120_words_and_quoted_to_the_letter():
    text = "\n  ".join(f"w{n}" for n in range(200))
    copied = top_passage([Hit(Passage("c", "u", text), 0.9, similarity=-0.2)])
    quote = copied.citations[0].quote
    assert text.startswith(quote)
    assert quote.split() == [f"w{n}" for n in range(120)]
    assert copied.text == f"{quote} [1]"
    assert copied.confidence == 0


def test_the_report_shows_the_same_in_the_terminal_and_in_markdown(run):
    _, summary, out = run
    written = (out / "report.md").read_text("utf-8")
    printed = printed_report(summary)
    for grid in report.grids(summary):
        assert f"## {grid.title}" in written
        assert grid.title in printed
        for row in grid.rows:
            assert f"| {' | '.join(row)} |" in written
            assert " ".join(row) in " ".join(printed.split())
    assert "…" not in printed
    assert "| page MRR@10 | 3 | 0.67 | - | - |" in written
    assert "| words an answer | 4 | 3 | 4 | - |" in written
    assert "answers by canned" in written
    assert "6 questions in" in printed


def test_a_kind_with_markup_in_its_name_is_shown_as_it_is(tmp_path):
    bot = CannedBot({"one?": NOT_FOUND})
    summary = evaluate(bot, [Question("q", "one?", kind="[bold]a|b")], tmp_path / "run")
    assert "kind: [bold]a|b" in printed_report(summary)
    assert r"| kind: [bold]a\|b | 1 |" in report.markdown(summary)


def test_the_default_folder_is_named_after_the_question_file(tmp_path):
    folder = default_out(tmp_path / "core.jsonl")
    assert folder.parent.name == "runs"
    assert folder.name.startswith("core-2")


def test_questions_from_a_file_run_as_they_are(tmp_path):
    path = tmp_path / "set.jsonl"
    path.write_text('{"question": "one?"}\n{"question": "four?", "type": "unanswerable"}\n')
    summary = evaluate(CannedBot(ANSWERS), read_questions(path), tmp_path / "run")
    assert summary["systems"][SYSTEM]["all"]["abstention_recall"] == {"value": 1, "n": 1}
