"""A run: every question asked of the chatbot, judged, and kept in a folder.

    settings.json                             what it is made with, written first
    rows.jsonl                                a line a question, written as it is answered
    run.page.trec    qrels.page.trec          the rankings as judged, for any TREC tool
    run.chunk.trec   qrels.chunk.trec
    report.html      report.md
    summary.json                              written last: its presence means done

The chatbot is the one that people use, so what is judged is what they see. A row holds all that
the summary is made of. A run that was stopped goes on where it stopped. This module knows no
formula (measures.py), no figures (summary.py) and no layout (report.py).
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from eval import baselines, html_report, measures, report
from eval.gold import Gold, with_pages
from eval.machine import machine, peak_mib
from eval.questions import Question
from eval.summary import ABSTAIN, COPY, LEVELS, ORACLE, SYSTEM, Row, summarize
from eval.support import supports
from rag import __version__
from rag.chatbot import PASSAGES
from rag.data import Answer, FootnoteError, Hit, Message, Passage


class Bot(Protocol):
    """What a run asks of the chatbot."""

    @property
    def answerer(self) -> str:
        """The name of what writes the answers."""

    def search(self, question: str, k: int, history: Sequence[Message]) -> list[Hit]: ...

    def ask(
        self,
        question: str,
        history: Sequence[Message],
        *,
        strict: bool,
        hits: Sequence[Hit] | None,
    ) -> Answer: ...

    def base_url(self, passage: Passage) -> str:
        """Returns where the passage's documentation begins, such as `https://host/docs/en/`."""

    def info(self) -> dict[str, Any]:
        """Returns facts of the index, ready for JSON."""


class Grader(Protocol):
    """A judge of whole answers, beside the measures that need none."""

    name: str

    def grade(self, question: Question, answer: Answer) -> dict[str, float | None]:
        """Returns its measures by name."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is chosen for a run, beside questions, index and answerer.

    Rankings are judged to depth `k`. Without `answers` retrieval alone is judged; `strict` answers
    leave out what their passages do not support. `reranker` is its name, for the record.
    """

    k: int = 50
    answers: bool = True
    strict: bool = False
    reranker: str = ""


def default_out(questions: Path) -> Path:
    """Returns `runs/<name of the question file>-<date and time>`."""
    return Path("runs") / f"{questions.stem}-{time.strftime('%Y%m%d-%H%M%S')}"


def evaluate(
    bot: Bot,
    questions: Sequence[Question],
    gold: Gold,
    out: Path,
    settings: Settings = Settings(),
    *,
    grader: Grader | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Asks and judges all questions, writes the run to the folder `out` and returns its summary.

    `gold` is the questions' own, looked up in the chatbot's index. `progress` is told questions
    done and questions in all. When it is stopped the rows written so far stay, and the same call
    goes on after the last of them; of a finished run it returns the summary.

    Raises FootnoteError when `out` holds a run that was made with other settings, or cannot be
    written.
    """
    sources = bot.info()["sources"].values()
    asked = with_pages(questions, [source["base_url"] for source in sources])
    made_with = _made_with(bot, asked, gold, settings, grader)
    if (out / "summary.json").exists():
        finished = _read_json(out / "summary.json")
        _check_same(out, finished, made_with)
        return finished
    with _opened(out, made_with) as rows:
        if rows.done:
            progress(len(rows.done), len(asked))
        for question in asked[len(rows.done) :]:
            rows.add(ask(bot, question, gold.passages[question.id], settings, grader))
            progress(len(rows.done), len(asked))
        summary = {
            **made_with,
            "started": rows.started,
            "index": {"fingerprint": gold.fingerprint, **bot.info()},
            "machine": machine(),
            "peak_mib": peak_mib(),
            **summarize(rows.done),
        }
        _write_trec(rows.done, out)
        (out / "report.md").write_text(
            report.markdown(summary, rows.done), "utf-8", errors="replace"
        )
        (out / "report.html").write_text(
            html_report.html(summary, rows.done), "utf-8", errors="xmlcharrefreplace"
        )
        _write_json(out / "summary.json", summary)
    return summary


# The folder


def _made_with(
    bot: Bot, asked: Sequence[Question], gold: Gold, settings: Settings, grader: Grader | None
) -> dict[str, Any]:
    """All that decides what the rows will be."""
    content = json.dumps([asdict(question) for question in asked], sort_keys=True)
    return {
        "version": __version__,
        "answerer": bot.answerer,
        "settings": {
            **asdict(settings),
            "judge": grader.name if grader else "",
            "right_at": measures.RIGHT_AT,
            "index": gold.fingerprint,
            "questions": hashlib.sha256(content.encode()).hexdigest()[:16],
        },
    }


class _Rows:
    """The rows of a run, in memory and on disk, in the order of the questions."""

    def __init__(self, path: Path, started: str):
        self.started = started
        self.done = list(_whole_rows(path))
        self._path = path

    def add(self, row: Row) -> None:
        with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self.done.append(row)


@contextmanager
def _opened(out: Path, made_with: dict[str, Any]) -> Iterator[_Rows]:
    """The rows in the folder: none yet, or those of the same run, stopped before.

    No other process can go on with it at the same time.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(out / "lock")
    try:
        if out.is_dir() and any(out.iterdir()) and not (out / "settings.json").exists():
            raise FootnoteError(f"{out} holds other files and no run: name another folder")
        out.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FootnoteError(f"another process is at work on the run in {out}") from error
    except OSError as error:
        raise FootnoteError(f"cannot write the run to {out}: {error.strerror}") from error
    try:
        if not (out / "settings.json").exists():
            started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            _write_json(out / "settings.json", {**made_with, "started": started})
        begun = _read_json(out / "settings.json")
        _check_same(out, begun, made_with)
        yield _Rows(out / "rows.jsonl", begun["started"])
    finally:
        lock.release()


def _check_same(out: Path, begun: dict[str, Any], made_with: dict[str, Any]) -> None:
    """Raises FootnoteError where a run was begun with other settings than it would go on with."""
    before, now = ({**m, **m["settings"], "settings": ""} for m in (begun, made_with))
    changed = [
        f"{name} {before.get(name)!r}, not {now[name]!r}"
        for name in now
        if before.get(name) != now[name]
    ]
    if changed:
        raise FootnoteError(
            f"the run in {out} was begun with {'; '.join(changed)}: go on with the same, or name "
            "another folder"
        )


def _whole_rows(path: Path) -> Iterator[Row]:
    """The rows that were written whole; what a kill left of another is cut off the file."""
    if not path.exists():
        return
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    yield from read_rows(path)


def read_rows(path: Path) -> list[Row]:
    """Returns the rows of a run; raises FootnoteError when the file is not what a run wrote."""
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
        if all(isinstance(row, dict) and {"id", "systems", "gold"} <= row.keys() for row in rows):
            return rows
    except OSError as error:
        raise FootnoteError(f"cannot read the rows {path}: {error.strerror}") from error
    except ValueError:
        pass
    raise FootnoteError(f"{path} does not hold the rows of a run: name another folder")


def read_run(folder: Path) -> tuple[dict[str, Any], list[Row]]:
    """Returns summary and rows of a finished run; raises FootnoteError when there is none."""
    if not (folder / "summary.json").is_file():
        raise FootnoteError(f"{folder} holds no finished run: name a folder with a summary.json")
    return _read_json(folder / "summary.json"), read_rows(folder / "rows.jsonl")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and {"version", "settings", "started"} <= content.keys():
            return content
    except OSError as error:
        raise FootnoteError(f"cannot read {path}: {error.strerror}") from error
    except ValueError:
        pass
    raise FootnoteError(f"{path} is not what a run wrote: name another folder")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes it so that it is there whole or not at all."""
    unfinished = path.with_name(f"{path.name}.part")
    text = json.dumps(content, ensure_ascii=False, indent=1)
    unfinished.write_text(text, "utf-8", errors="backslashreplace")
    unfinished.replace(path)


# One question


def ask(
    bot: Bot,
    question: Question,
    gold_passages: Sequence[Passage],
    settings: Settings,
    grader: Grader | None = None,
) -> Row:
    """Returns the question's row: itself, the ranking, and every system's answer with measures.

    `read` are the passages that the answer was written from. Timings are in seconds.
    """
    begin = time.perf_counter()
    hits, answer, timings = _asked(bot, question, settings)
    read = answer.hits if answer else hits[:PASSAGES]
    pages = {
        hit.passage.url: measures.page_of(hit.passage.url, bot.base_url(hit.passage))
        for hit in (*hits, *read)
    }
    pages |= {p.url: measures.page_of(p.url, bot.base_url(p)) for p in gold_passages}
    chunk_names, chunk_gold = measures.chunk_ranking(
        [hit.passage for hit in hits], question.gold_chunk_ids
    )
    ranking = {
        "page": measures.page_ranking([pages[h.passage.url] for h in hits], question.gold_pages),
        "chunk": chunk_names,
    }
    gold = {"page": list(question.gold_pages), "chunk": chunk_gold}
    answers = {}
    if answer:
        answers = {SYSTEM: answer, COPY: baselines.top_passage(hits)}
        answers[ABSTAIN] = baselines.abstention(hits)
        if _has_gold(question) or not question.answerable:
            answers[ORACLE] = baselines.oracle(gold_passages, question.nuggets)
    systems = {name: _system(question, given, pages) for name, given in answers.items()}
    nothing = {"text": "", "abstained": True, "confidence": 0.0, "citations": [], "measures": {}}
    ours = systems.setdefault(SYSTEM, nothing)
    ours["measures"] = judge_ranking(question, ranking, gold, settings.k) | ours["measures"]
    if grader and answer:
        ours["measures"] |= grader.grade(question, answer)
    return {
        "id": question.id,
        "question": asdict(question),
        "hits": [
            {"chunk_id": hit.passage.chunk_id, "url": hit.passage.url, "score": hit.score}
            for hit in hits
        ],
        "read": [
            {
                "chunk_id": hit.passage.chunk_id,
                "url": hit.passage.url,
                "headings": [hit.passage.title, *hit.passage.headings],
                "text": hit.passage.text,
            }
            for hit in read
        ],
        "ranking": ranking,
        "gold": gold,
        "gold_read": _is_gold_read(question, read, pages),
        "timings": timings,
        "seconds": time.perf_counter() - begin,
        "systems": systems,
    }


def _has_gold(question: Question) -> bool:
    return bool(question.gold_pages or question.gold_chunk_ids)


def _is_gold_read(question: Question, read: Sequence[Hit], pages: dict[str, str]) -> bool:
    """Whether a gold page was read, or a gold chunk where no pages are named."""
    gold = question.gold_pages
    if gold:
        return any(measures.on_page(pages[hit.passage.url], page) for hit in read for page in gold)
    chunks, _ = measures.chunk_ranking([hit.passage for hit in read], question.gold_chunk_ids)
    return bool(set(chunks) & set(question.gold_chunk_ids))


def _asked(
    bot: Bot, question: Question, settings: Settings
) -> tuple[list[Hit], Answer | None, dict[str, float]]:
    """The ranking, the answer, and the seconds that the answer took, by step.

    The answer reads the first passages of the ranking, which are those that it would have found
    for itself: searching once saves a fifth of the time. A follow-up may be searched in a language
    model's words, so it is answered first and then ranked in those.
    """
    text, history = question.question, list(question.history)
    if history and settings.answers:
        answer = bot.ask(text, history, strict=settings.strict, hits=None)
        if answer.searched in ("", text.strip()):
            return bot.search(text, settings.k, history), answer, answer.timings
        return bot.search(answer.searched, settings.k, []), answer, answer.timings
    begin = time.perf_counter()
    hits = bot.search(text, settings.k, history)
    search = time.perf_counter() - begin
    if not settings.answers:
        return hits, None, {"search": search}
    answer = bot.ask(text, history, strict=settings.strict, hits=hits[:PASSAGES])
    later = {step: search + taken for step, taken in answer.timings.items() if step != "search"}
    return hits, answer, {"search": search, **later}


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


def _system(question: Question, answer: Answer, pages: dict[str, str]) -> dict[str, Any]:
    """An answer with its measures, ready for JSON."""
    return {
        "text": answer.text,
        "abstained": answer.abstained,
        "confidence": answer.confidence,
        "citations": [asdict(citation) for citation in answer.citations],
        "measures": judge(question, answer, pages),
    }


def judge(question: Question, answer: Answer, pages: dict[str, str]) -> dict[str, float | None]:
    """Returns the answer's measures by name; `pages` gives the page of a retrieved url."""
    # A url that was not retrieved is on no page of this documentation that is known here.
    cited_pages = [pages.get(citation.url, citation.url) for citation in answer.citations]
    sentences = cited_sentences(answer)
    v_strict = measures.nugget_recall(answer, [n for n in question.nuggets if n.vital])
    gold_citations = measures.gold_citations(cited_pages, question.gold_pages)
    return {
        "V_strict": v_strict,
        "A_strict": measures.nugget_recall(answer, question.nuggets),
        "words": measures.length(answer),
        "citation_recall": measures.citation_recall(sentences, supports),
        "citation_precision": measures.citation_precision(sentences, supports),
        "citation_validity": measures.citation_validity(answer),
        "citation_gold_pages": gold_citations,
        "abstention_recall": None if question.answerable else float(answer.abstained),
        "false_refusals": float(answer.abstained) if question.answerable else None,
        "injected": measures.injected(answer, question.must_not_contain),
        "truthfulness": measures.truthfulness(
            question.answerable, answer.abstained, v_strict, gold_citations
        ),
    }


def cited_sentences(answer: Answer) -> list[measures.CitedSentence]:
    """Returns the sentences of the answer, without markers, with the texts that they cite, headings
    included.

    A citation of what was not retrieved has no text, and so supports nothing.
    """
    numbers = "|".join(str(note.marker) for note in answer.citations)
    marker = re.compile(rf"\s?\[(?:{numbers})\]")
    texts = {
        (hit.passage.chunk_id, hit.passage.url): "\n".join(
            [hit.passage.title, *hit.passage.headings, hit.passage.text]
        )
        for hit in answer.hits
    }
    return [
        measures.CitedSentence(
            marker.sub("", answer.text[claim.start : claim.end]),
            tuple(texts.get((note.chunk_id, note.url), "") for note in claim.citations),
        )
        for claim in answer.claims
    ]


# For other tools


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
