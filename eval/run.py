"""A run: every question asked of the chatbot, judged, and kept in a folder.

    rows.jsonl                                a line a question, written as it is answered
    run.page.trec    qrels.page.trec          the rankings as judged, for any TREC tool
    run.chunk.trec   qrels.chunk.trec
    report.md
    summary.json                              written last: its presence means done

The chatbot is the one that people use, so what is judged is what they see. A row holds all that
the summary is made of. This module knows no formula (measures.py) and no layout (report.py).
"""

import json
import os
import platform
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Protocol

from eval import measures, report
from eval.questions import TYPES, Question
from rag import __version__
from rag.data import Answer, Citation, FootnoteError, Hit, Message, Passage

SYSTEM, COPY, ABSTAIN = "footnote", "top passage copied", "always abstains"
COPIED_WORDS = 120
LEVELS = ("page", "chunk")


class Bot(Protocol):
    """What a run asks of the chatbot."""

    @property
    def answerer(self) -> str:
        """The name of what writes the answers."""

    def search(self, question: str, k: int, history: Sequence[Message]) -> list[Hit]: ...

    def ask(self, question: str, history: Sequence[Message]) -> Answer: ...

    def base_url(self, passage: Passage) -> str:
        """Returns where the passage's documentation begins, such as `https://host/docs/en/`."""

    def info(self) -> dict[str, Any]:
        """Returns facts of the index, ready for JSON."""


def default_out(questions: Path) -> Path:
    """Returns `runs/<name of the question file>-<date and time>`."""
    return Path("runs") / f"{questions.stem}-{time.strftime('%Y%m%d-%H%M%S')}"


def evaluate(
    bot: Bot,
    questions: Sequence[Question],
    out: Path,
    *,
    k: int = 50,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Asks and judges all questions, writes the run to the folder `out` and returns its summary.

    Rankings are judged to depth `k`; `progress` is told questions done and questions in all.
    When it is interrupted the rows written so far stay, and there is no summary.

    Raises FootnoteError when `out` holds a run already or cannot be written.
    """
    rows = []
    started = time.time()
    with _new_rows(out) as file:
        for question in questions:
            row = ask(bot, question, k)
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            rows.append(row)
            progress(len(rows), len(questions))
    summary = {
        "version": __version__,
        "answerer": bot.answerer,
        "index": bot.info(),
        "machine": {
            "platform": platform.platform(),
            "python": platform.python_version(),
            "cpus": os.cpu_count(),
        },
        "settings": {"k": k, "right_at": measures.RIGHT_AT},
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": time.time() - started,
        **summarize(rows),
    }
    _write_trec(rows, out)
    (out / "report.md").write_text(report.markdown(summary), encoding="utf-8")
    unfinished = out / "summary.json.part"
    unfinished.write_text(json.dumps(summary, ensure_ascii=False, indent=1), encoding="utf-8")
    unfinished.replace(out / "summary.json")
    return summary


def _new_rows(out: Path) -> IO[str]:
    """Returns rows.jsonl, opened for writing in a folder that holds no run yet."""
    if (out / "summary.json").exists():
        raise FootnoteError(f"{out} holds a finished run: name another folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
        return (out / "rows.jsonl").open("x", encoding="utf-8")
    except FileExistsError as error:
        raise FootnoteError(f"{error.filename} is there already: name another folder") from error
    except OSError as error:
        raise FootnoteError(f"cannot write the run to {out}: {error.strerror}") from error


# One question


def ask(bot: Bot, question: Question, k: int) -> dict[str, Any]:
    """Returns the question's row: itself, the ranking, and every system's answer with measures.

    The ranking is that of `search`; the answer, its hits and its timings (seconds, `ask` being
    the whole call) are those of `ask`.
    """
    history = list(question.history)
    hits = bot.search(question.question, k=k, history=history)
    begin = time.perf_counter()
    answer = bot.ask(question.question, history=history)
    seconds = time.perf_counter() - begin

    pages = {
        hit.passage.url: measures.page_of(hit.passage.url, bot.base_url(hit.passage))
        for hit in (*hits, *answer.hits)
    }
    page_names = measures.page_ranking(
        [pages[hit.passage.url] for hit in hits], question.gold_pages
    )
    chunk_names, chunk_gold = measures.chunk_ranking(
        [hit.passage for hit in hits], question.gold_chunk_ids
    )
    ranking = {"page": page_names, "chunk": chunk_names}
    gold = {"page": list(question.gold_pages), "chunk": chunk_gold}
    answers = {SYSTEM: answer, COPY: top_passage(hits), ABSTAIN: abstention(hits)}
    judged = {name: judge(question, given, pages) for name, given in answers.items()}
    judged[SYSTEM] = judge_ranking(question, ranking, gold, k) | judged[SYSTEM]
    return {
        "id": question.id,
        "question": asdict(question),
        "hits": [
            {"chunk_id": hit.passage.chunk_id, "url": hit.passage.url, "score": hit.score}
            for hit in hits
        ],
        "ranking": ranking,
        "gold": gold,
        "timings": {"ask": seconds, **answer.timings},
        "systems": {
            name: {
                "text": given.text,
                "abstained": given.abstained,
                "confidence": given.confidence,
                "citations": [asdict(citation) for citation in given.citations],
                "retrieved": [hit.passage.chunk_id for hit in given.hits],
                "measures": judged[name],
            }
            for name, given in answers.items()
        },
    }


def judge_ranking(
    question: Question, ranking: dict[str, list[str]], gold: dict[str, list[str]], k: int
) -> dict[str, float | None]:
    """Returns the ranking's measures by name, those of pages before those of chunks."""
    values: dict[str, float | None] = {}
    for level in LEVELS:
        found = measures.retrieval(ranking[level], gold[level], k)
        values |= {f"{level}.{name}": value for name, value in found.items()}
    if question.type == "multihop":
        values |= {
            f"page.All@{depth}": measures.all_gold(ranking["page"], gold["page"], depth)
            for depth in (5, 10)
            if depth <= k
        }
    return values


def judge(question: Question, answer: Answer, pages: dict[str, str]) -> dict[str, float | None]:
    """Returns the answer's measures by name; `pages` gives the page of a retrieved url."""
    # A url that was not retrieved is on no page of this documentation that is known here.
    cited_pages = [pages.get(citation.url, citation.url) for citation in answer.citations]
    v_strict = measures.nugget_recall(answer, [n for n in question.nuggets if n.vital])
    gold_citations = measures.citation_precision(cited_pages, question.gold_pages)
    return {
        "V_strict": v_strict,
        "A_strict": measures.nugget_recall(answer, question.nuggets),
        "words": measures.length(answer),
        "citation_validity": measures.citation_validity(answer),
        "citation_gold_pages": gold_citations,
        "abstention_recall": None if question.answerable else float(answer.abstained),
        "false_refusals": float(answer.abstained) if question.answerable else None,
        "injected": measures.injected(answer, question.must_not_contain),
        "truthfulness": measures.truthfulness(
            question.answerable, answer.abstained, v_strict, gold_citations
        ),
    }


# What any system must beat


def top_passage(hits: Sequence[Hit]) -> Answer:
    """Returns the first 120 words of the best hit, cited to it; an abstention without hits."""
    if not hits:
        return abstention(hits)
    best = hits[0]
    ends = [word.end() for word in re.finditer(r"\S+", best.passage.text)][:COPIED_WORDS]
    quote = best.passage.text[: max(ends, default=0)]
    citation = Citation(1, best.passage.url, best.passage.chunk_id, quote)
    return Answer(
        f"{quote} [1]", (citation,), confidence=max(0.0, best.similarity), hits=tuple(hits)
    )


def abstention(hits: Sequence[Hit]) -> Answer:
    """Returns the answer that says nothing."""
    return Answer("", abstained=True, hits=tuple(hits))


# All questions


def summarize(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns the figures of the rows: numbers of questions, latencies and measures.

    `counts` gives the questions of each group: all, (un)answerable, each type and each kind.
    `latency` gives p50 and p95 in seconds of every step timed. `systems` gives, for each system
    and group, every measure as {value, n}: the mean over the n questions that it judges (for
    AUROC the area over all n confidences).
    """
    groups = _groups(rows)
    steps = dict.fromkeys(step for row in rows for step in row["timings"])
    return {
        "counts": {name: len(members) for name, members in groups.items()},
        "latency": {
            step: _latency([row["timings"][step] for row in rows if step in row["timings"]])
            for step in steps
        },
        "systems": {
            system: {name: _figures(members, system) for name, members in groups.items()}
            for system in (SYSTEM, COPY, ABSTAIN)
        },
    }


def _groups(rows: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Returns the rows of each group that has any, in the order of the report."""
    kinds = sorted({row["question"]["kind"] for row in rows} - {""})
    groups = {
        "all": list(rows),
        "answerable": [row for row in rows if row["question"]["answerable"]],
        "unanswerable": [row for row in rows if not row["question"]["answerable"]],
        **{f"type: {t}": [row for row in rows if row["question"]["type"] == t] for t in TYPES},
        **{f"kind: {k}": [row for row in rows if row["question"]["kind"] == k] for k in kinds},
    }
    return {name: members for name, members in groups.items() if members}


def _latency(seconds: Sequence[float]) -> dict[str, float | None]:
    return {f"p{percent}": measures.percentile(seconds, percent) for percent in (50, 95)}


def _figures(rows: Sequence[dict[str, Any]], system: str) -> dict[str, dict[str, Any]]:
    """Returns one system's measures over the rows, in the order in which rows name them."""
    values: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row["systems"][system]["measures"].items():
            values.setdefault(name, []).extend([] if value is None else [value])
    figures = {name: {"value": measures.mean(v), "n": len(v)} for name, v in values.items()}
    sides: dict[bool, list[float]] = {True: [], False: []}
    for row in rows:
        sides[row["question"]["answerable"]].append(row["systems"][system]["confidence"])
    area = measures.auroc(sides[True], sides[False])
    figures["AUROC"] = {"value": area, "n": 0 if area is None else len(rows)}
    return figures


def _write_trec(rows: Iterable[dict[str, Any]], out: Path) -> None:
    """Writes the rankings and the gold as judged, so that other tools find the same values."""
    for level in LEVELS:
        with (
            (out / f"run.{level}.trec").open("w", encoding="utf-8") as run,
            (out / f"qrels.{level}.trec").open("w", encoding="utf-8") as qrels,
        ):
            for row in rows:
                query, names = _token(row["id"]), row["ranking"][level]
                for rank, name in enumerate(names, 1):
                    score = len(names) - rank
                    run.write(f"{query} Q0 {_token(name)} {rank} {score} footnote\n")
                qrels.writelines(f"{query} 0 {_token(name)} 1\n" for name in row["gold"][level])


def _token(name: str) -> str:
    """Returns the name as one column; TREC's are parted by white space and never empty."""
    return "%20".join(name.split()) or "/"
