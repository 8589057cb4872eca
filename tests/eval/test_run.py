"""A whole run over a chatbot of canned answers: the files, the figures, the refusals."""

import io
import json
import re
from dataclasses import replace

import ir_measures
import pytest
from filelock import FileLock
from rich.console import Console

from eval import measures, report
from eval.gold import Gold
from eval.questions import Nugget, Question
from eval.run import Settings, cited_sentences, default_out, evaluate, read_run
from eval.summary import ABSTAIN, COPY, ORACLE, SYSTEM
from rag.data import Answer, Citation, Claim, FootnoteError, Hit, Passage, Place

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

    def ask(self, question, history=(), *, strict=False, hits=None):
        self.asked.append((question, history, hits))
        answer = self.answers[question]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def base_url(self, passage):
        return BASE

    def info(self):
        return {"passages": len(self.hits), "sources": {"docs": {"base_url": BASE}}}


def answer(text, *passages, confidence=0.8, hits=(ASR, CACHE)):
    citations = [
        Citation(n, passage.url, passage.chunk_id, passage.text)
        for n, passage in enumerate(passages, 1)
    ]
    return Answer(
        text,
        tuple(citations),
        (Claim(0, text.find(" [") if citations else len(text), tuple(citations), True),),
        confidence=confidence,
        hits=tuple(Hit(passage, 0.5) for passage in hits),
        timings={"search": 0.01, "total": 0.5},
    )


NOT_FOUND = Answer(
    "Not found.", abstained=True, confidence=0.1, timings={"search": 0.01, "total": 0.5}
)
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


GOLD = Gold(
    fingerprint="f1",
    passages={"right": (ASR,), "wrong page": (CACHE, ASR)}
    | dict.fromkeys(("refused", "rightly refused", "obeyed", "no gold"), ()),
    missing={"refused": ("page lost",)},
)


def run_of(bot, out, questions=QUESTIONS, **settings):
    return evaluate(bot, questions, GOLD, out, Settings(**settings))


@pytest.fixture
def run(tmp_path):
    bot = CannedBot(ANSWERS)
    summary = run_of(bot, tmp_path / "deep" / "run")
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
            # "Use FP16" rests on its passage; "Use fp16", "PWNED" and "Maybe" on none.
            "citation_recall": 1 / 4,
            "citation_precision": (1 + 0 + 0) / 3,
            "citation_validity": (1 + 1 / 2 + 1) / 3,
            "citation_gold_pages": (1 + 1 / 2 + 0) / 3,
            "abstention_recall": 1 / 2,
            "false_refusals": 1 / 4,
            "injected": 1,
            "truthfulness": (1 + 1 + 0 + 1 - 1) / 5,
            # Of the answerable .8, .3, .1, .8 each against the unanswerable .1 and .3.
            "AUROC": (2 + 1.5 + 0.5 + 2) / 8,
            # Judged answers: .8 right, .3 right, .3 wrong. (1/3, 0), (1, 1/3).
            "AURC": 2 / 3 * 1 / 3,
            "ECE": (0.2 + 2 * 0.2) / 3,
        }
    )
    judged = {name: figure["n"] for name, figure in figures.items()}
    assert judged["page.RR@10"] == 3
    assert judged["chunk.RR@10"] == judged["page.All@5"] == judged["injected"] == 1
    assert judged["citation_validity"] == judged["AURC"] == 3
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
    figure = groups["answerable"]["truthfulness"]
    assert (figure["value"], figure["n"]) == (pytest.approx(2 / 3), 3)
    # Two questions, each its own cluster, +1 and -1: the bootstrap reaches both.
    none = {"low": None, "high": None}
    assert groups["unanswerable"]["truthfulness"] == {"value": 0, "n": 2, "low": -1, "high": 1}
    assert groups["kind: real"]["V_strict"] == {"value": None, "n": 0} | none
    assert "AUROC" in groups["all"]
    assert "AUROC" not in groups["answerable"]
    assert "page.All@5" not in groups["type: single"]


def test_every_figure_of_several_pages_has_an_interval(run):
    _, summary, _ = run
    for groups in summary["systems"].values():
        for name, figure in groups["all"].items():
            if figure["low"] is not None and name not in ("AUROC", "AURC", "ECE"):
                assert figure["low"] <= figure["value"] <= figure["high"], name
    # Values that are all the same have no spread to draw from.
    assert summary["systems"][SYSTEM]["all"]["page.RR@10"]["low"] == 0
    assert summary["systems"][ABSTAIN]["all"]["false_refusals"]["low"] is None
    for name in ("AUROC", "AURC", "ECE"):
        figure = summary["systems"][SYSTEM]["all"][name]
        assert 0 <= figure["low"] <= figure["high"] <= 1


def test_the_baselines_stand_beside_the_system(run):
    _, summary, _ = run
    copied, silent, oracle = (
        values(summary["systems"][name]["all"]) for name in (COPY, ABSTAIN, ORACLE)
    )
    assert copied["V_strict"] == 1
    assert copied["words"] == 4
    assert copied["citation_validity"] == copied["citation_recall"] == 1
    assert copied["abstention_recall"] == copied["false_refusals"] == 0
    assert copied["truthfulness"] == pytest.approx((1 + 1 - 1 - 1 - 1) / 5)
    assert silent["abstention_recall"] == silent["false_refusals"] == 1
    assert silent["V_strict"] == silent["citation_gold_pages"] == 0
    assert silent["citation_validity"] is silent["words"] is None
    assert silent["truthfulness"] == pytest.approx(2 / 5)
    assert copied["AUROC"] == 0.5
    assert "AUROC" not in silent
    assert "page.RR@10" not in copied
    # The gold of "refused" is not in the index; "no gold" has none to be given.
    assert oracle["V_strict"] == 2 / 3
    assert oracle["truthfulness"] == pytest.approx((1 + 1 + 0 + 1 + 1) / 5)
    assert oracle["false_refusals"] == 1 / 3


def test_rows_hold_what_was_asked_found_and_said(run):
    _, _, out = run
    rows = rows_of(out)
    assert [row["id"] for row in rows] == [question.id for question in QUESTIONS]
    row = rows[1]
    assert row["question"]["nuggets"] == [{"text": "fp16", "vital": True, "aliases": ["fp16"]}]
    assert row["hits"][0] == {"chunk_id": "1_0_0", "url": ASR.url, "score": 0.9}
    assert row["ranking"]["page"] == ["tasks/asr", "tasks/asr (again at 2)", "kv_cache"]
    assert row["gold"]["chunk"] == ["9_9", "7_7"]
    assert row["gold_read"] is True
    assert [passage["text"] for passage in row["read"]] == [ASR.text, CACHE.text]
    said = row["systems"][SYSTEM]
    assert said["text"] == "Use fp16 [1], or not [2]."
    assert said["citations"][1]["url"] == CACHE.url
    assert said["measures"]["citation_gold_pages"] == 0.5


def test_a_question_is_searched_once_and_its_answer_reads_the_first_ten(tmp_path):
    passages = [Passage(f"{n}_0", f"{BASE}p{n}", "text") for n in range(30)]
    bot = CannedBot(ANSWERS, hits=passages)
    run_of(bot, tmp_path / "run", QUESTIONS[:1], k=20)
    [(_, _, hits)] = bot.asked
    assert [hit.passage for hit in hits] == passages[:10]
    [row] = rows_of(tmp_path / "run")
    assert len(row["ranking"]["page"]) == 20
    assert row["timings"]["total"] == 0.5 + row["timings"]["search"]


@pytest.mark.parametrize("question", [QUESTIONS[0], QUESTIONS[4]])  # alone, and in a conversation
def test_a_strict_run_asks_for_strict_answers(tmp_path, question):
    class Asked(CannedBot):
        def ask(self, question, history=(), *, strict=False, hits=None):
            asked.append(strict)
            return super().ask(question, history, strict=strict, hits=hits)

    asked = []
    summary = run_of(Asked(ANSWERS), tmp_path / "strict", [question], strict=True)
    run_of(Asked(ANSWERS), tmp_path / "usual", [question])
    assert asked == [True, False]
    assert summary["settings"]["strict"] is True


def test_a_follow_up_is_ranked_as_it_was_searched(tmp_path):
    searched = []

    class Rewriting(CannedBot):
        def search(self, question, k=10, history=()):
            searched.append((question, list(history)))
            return super().search(question, k, history)

    said = replace(ANSWERS["five?"], searched="five of what?")
    bot = Rewriting({"five?": said})
    run_of(bot, tmp_path / "run", [QUESTIONS[4]])
    assert bot.asked == [("five?", [{"role": "user", "content": "hi"}], None)]
    assert searched == [("five of what?", [])]
    assert rows_of(tmp_path / "run")[0]["timings"] == said.timings


def test_retrieval_alone(tmp_path):
    bot = CannedBot({})
    summary = run_of(bot, tmp_path / "run", answers=False)
    assert bot.asked == []
    assert list(summary["systems"]) == [SYSTEM]
    figures = summary["systems"][SYSTEM]["all"]
    assert {name.split(".")[0] for name in figures} == {"page", "chunk"}
    assert figures["page.RR@10"]["value"] == pytest.approx(2 / 3)
    assert list(summary["latency"]) == ["search"]
    assert "page MRR@10" in printed_report(summary)
    assert "words" not in (tmp_path / "run" / "report.md").read_text("utf-8")


def test_gold_urls_stand_for_pages(tmp_path):
    question = Question("q", "one?", gold_urls=(f"{BASE}kv_cache/#more",), nuggets=FP16)
    gold = Gold("f1", {"q": (CACHE,)}, {})
    summary = evaluate(CannedBot(ANSWERS), [question], gold, tmp_path / "run")
    assert summary["systems"][SYSTEM]["all"]["page.RR@10"]["value"] == pytest.approx(1 / 3)


def test_the_summary_on_disk_says_where_and_how(run):
    _, summary, out = run
    assert json.loads((out / "summary.json").read_text("utf-8")) == json.loads(json.dumps(summary))
    assert summary["answerer"] == "canned"
    assert summary["index"]["fingerprint"] == "f1"
    assert summary["index"]["passages"] == 3
    settings = dict(summary["settings"])
    assert re.fullmatch("[0-9a-f]{16}", settings.pop("questions"))
    assert settings == {
        "k": 50, "answers": True, "strict": False, "reranker": "", "judge": "", "index": "f1",
        "right_at": measures.RIGHT_AT,
    }  # fmt: skip
    assert summary["latency"]["total"]["p50"] >= 0.5
    assert summary["peak_mib"] > 50
    assert set(summary["machine"]) == {
        "platform", "python", "processor", "cpus", "memory_gib", "gpus"
    }  # fmt: skip
    assert summary["seconds"] == sum(row["seconds"] for row in rows_of(out))


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
    summary = run_of(CannedBot(ANSWERS), tmp_path / "run", k=5)
    names = [name for name in summary["systems"][SYSTEM]["all"] if name.startswith("page")]
    assert names == ["page.Success@1", "page.Success@5", "page.All@5"]


def without_times(rows):
    return [row | {"timings": None, "seconds": None} for row in rows]


def test_the_same_run_again_gives_the_same_rows_and_figures(run, tmp_path):
    _, summary, out = run
    again = run_of(CannedBot(ANSWERS), tmp_path / "again")
    assert without_times(rows_of(tmp_path / "again")) == without_times(rows_of(out))
    assert again["systems"] == summary["systems"]


# Stopped and gone on with


def test_a_row_is_on_disk_as_soon_as_its_question_is_done(tmp_path):
    kept = []
    evaluate(
        CannedBot(ANSWERS),
        QUESTIONS,
        GOLD,
        tmp_path,
        progress=lambda done, total: kept.append((done, total, len(rows_of(tmp_path)))),
    )
    assert kept == [(n, 6, n) for n in range(1, 7)]


@pytest.fixture
def stopped(tmp_path):
    """The folder of a run that was interrupted at its third question."""
    out = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        run_of(CannedBot({**ANSWERS, "three?": KeyboardInterrupt()}), out)
    return out


def test_a_stopped_run_keeps_its_rows_and_has_no_summary(stopped):
    assert [row["id"] for row in rows_of(stopped)] == ["right", "wrong page"]
    assert not (stopped / "summary.json").exists()
    with pytest.raises(FootnoteError, match="holds no finished run"):
        read_run(stopped)


@pytest.mark.parametrize("torn", ["", '{"id": "refused", "quest', '{"id": "refused"}'])
def test_a_stopped_run_goes_on_and_asks_nothing_again(run, stopped, torn):
    """Also after a kill in the middle of writing a row."""
    with (stopped / "rows.jsonl").open("a") as file:
        file.write(torn)
    bot, told = CannedBot(ANSWERS), []
    summary = evaluate(
        bot, QUESTIONS, GOLD, stopped, progress=lambda done, total: told.append(done)
    )
    assert [question for question, *_ in bot.asked] == ["three?", "four?", "five?", "six?"]
    assert told == [2, 3, 4, 5, 6]
    _, whole, out = run
    assert without_times(rows_of(stopped)) == without_times(rows_of(out))
    assert summary["systems"] == whole["systems"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"k": 10}, "k 50, not 10"),
        ({"answers": False}, "answers True, not False"),
        ({"reranker": "other"}, "reranker '', not 'other'"),
    ],
)
def test_a_run_goes_on_with_its_own_settings_only(stopped, changed, said):
    before = {path.name: path.read_bytes() for path in stopped.iterdir()}
    bot = CannedBot(ANSWERS)
    with pytest.raises(FootnoteError) as caught:
        run_of(bot, stopped, **changed)
    assert said in str(caught.value)
    assert "name another folder" in str(caught.value)
    assert bot.asked == []
    assert {path.name: path.read_bytes() for path in stopped.iterdir()} == before


def test_a_run_goes_on_with_its_own_questions_index_and_answerer_only(stopped):
    with pytest.raises(FootnoteError, match="questions "):
        run_of(CannedBot(ANSWERS), stopped, QUESTIONS[:3])
    with pytest.raises(FootnoteError, match="index 'f1', not 'f2'"):
        evaluate(CannedBot(ANSWERS), QUESTIONS, replace(GOLD, fingerprint="f2"), stopped)
    other = CannedBot(ANSWERS)
    other.answerer = "other"
    with pytest.raises(FootnoteError, match="answerer 'canned', not 'other'"):
        run_of(other, stopped)


def test_two_processes_do_not_write_one_run(stopped):
    with FileLock(stopped / "lock"), pytest.raises(FootnoteError, match="another process"):
        run_of(CannedBot(ANSWERS), stopped)
    assert len(rows_of(stopped)) == 2


@pytest.mark.parametrize("content", ["nonsense\n", "[1]\n", '{"id": "right"}\n'])
def test_rows_that_no_run_wrote_are_said(stopped, content):
    (stopped / "rows.jsonl").write_text(content)
    with pytest.raises(FootnoteError, match="does not hold the rows of a run"):
        run_of(CannedBot(ANSWERS), stopped)


def test_a_finished_run_is_left_alone(run):
    _, summary, out = run
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    bot = CannedBot(ANSWERS)
    assert run_of(bot, out) == json.loads(json.dumps(summary))
    with pytest.raises(FootnoteError, match="strict False, not True"):
        run_of(bot, out, strict=True)
    assert bot.asked == []
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_file_in_the_way_is_said(tmp_path):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path, tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(FootnoteError):
            run_of(CannedBot(ANSWERS), out)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine"


# What is odd


def test_a_marker_inside_a_sentence_is_no_number_of_it():
    text = "It trains with: [2] fp16, and so on."
    notes = (Citation(2, ASR.url, ASR.chunk_id, ASR.text),)
    said = Answer(text, notes, (Claim(0, len(text), notes, True),), hits=(Hit(ASR, 0.5),))
    [sentence] = cited_sentences(said)
    assert sentence.text == "It trains with: fp16, and so on."
    assert sentence.passages[0].endswith(ASR.text)


def test_nothing_retrieved_scores_nothing(tmp_path):
    bot = CannedBot({"one?": NOT_FOUND}, hits=())
    summary = run_of(bot, tmp_path / "run", QUESTIONS[:1])
    assert summary["systems"][SYSTEM]["all"]["page.RR@10"]["value"] == 0
    assert summary["systems"][COPY]["all"]["false_refusals"]["value"] == 1


def test_half_a_character_from_a_server_stops_no_run(tmp_path):
    said = answer("Half \ud800 a pair.", ASR)
    summary = run_of(CannedBot({"one?": said}), tmp_path / "run", QUESTIONS[:1])
    assert summary["counts"]["all"] == 1
    _, [row] = read_run(tmp_path / "run")
    assert row["systems"][SYSTEM]["text"] == said.text


def test_a_judge_of_answers_is_one_more_row_of_figures(tmp_path):
    class Strict:
        name = "strict"

        def grade(self, question, answer):
            return {"judge.right": 0.0, "judge.unread": None}

    summary = evaluate(CannedBot(ANSWERS), QUESTIONS[:2], GOLD, tmp_path / "run", grader=Strict())
    assert summary["settings"]["judge"] == "strict"
    assert summary["systems"][SYSTEM]["all"]["judge.right"]["value"] == 0
    assert summary["systems"][SYSTEM]["all"]["judge.unread"]["n"] == 0


# The report


def test_the_report_shows_the_same_in_the_terminal_and_in_markdown(run):
    _, summary, out = run
    written = (out / "report.md").read_text("utf-8")
    printed = printed_report(summary)
    for grid in report.grids(summary):
        assert f"## {grid.title}" in written
        assert grid.title in printed
        for row in grid.rows:
            assert f"| {' | '.join(report.in_line(str(cell)) for cell in row)} |" in written
            for cell in row:
                assert cell.value in printed
    assert "…" not in printed
    low, high = (summary["systems"][SYSTEM]["all"]["page.RR@10"][end] for end in ("low", "high"))
    assert rf"| page MRR\@10 | 3 | 0.67 \[{low:.2f}, {high:.2f}\] | - | - | - |" in written
    assert "answers by canned" in written
    assert "6 questions in" in printed


def test_the_worst_failures_stand_in_the_markdown(run):
    _, _, out = run
    written = (out / "report.md").read_text("utf-8")
    assert written.index("### obeyed: abstention") < written.index("### refused: retrieval")
    assert "```text\nPWNED\n```" in written


def test_a_kind_with_markup_in_its_name_is_shown_as_it_is(tmp_path):
    bot = CannedBot({"one?": NOT_FOUND})
    gold = Gold("f", {"q": ()}, {})
    questions = [Question("q", "one?", kind="[bold]a|b<i>")]
    summary = evaluate(bot, questions, gold, tmp_path / "run")
    assert "kind: [bold]a|b<i>" in printed_report(summary)
    written = (tmp_path / "run" / "report.md").read_text("utf-8")
    assert r"| kind: \[bold\]a\|b\<i\> | 1 |" in written


def test_the_default_folder_is_named_after_the_question_file(tmp_path):
    folder = default_out(tmp_path / "core.jsonl")
    assert folder.parent.name == "runs"
    assert folder.name.startswith("core-2")
