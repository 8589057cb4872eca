"""What each ingredient of retrieval is worth: alone, together, and taken away.

    python -P bench/retrieval.py SOURCE QUESTIONS.jsonl... [--source-url URL] [--work DIR]

The product itself is measured, with its constants changed for each variant. SOURCE is read into
two indexes below DIR, with titles and headings and without; they are kept, so that a second run
embeds nothing. Figures are means over the questions with 95% intervals (bootstrap by first gold
page), p a paired sign-flip randomization against Footnote (10,000 draws, Holm over a group's
variants).
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

import rag.retriever
from eval.measures import chunk_ranking, on_page, page_of
from ingest.build import build
from ingest.reading import Options, Reading, read
from rag import Chatbot
from rag.data import Passage

PLAIN, HEADED = "plain", "headed"
# name -> the index, the words' share, what a page's evidence adds
VARIANTS = {
    "vectors": (PLAIN, 0.0, 0.0),
    "vectors with headings": (HEADED, 0.0, 0.0),
    "words": (PLAIN, 1.0, 0.0),
    "words with headings": (HEADED, 1.0, 0.0),
    "vectors + words": (PLAIN, rag.retriever.LEXICAL, 0.0),
    "Footnote": (HEADED, rag.retriever.LEXICAL, rag.retriever.PAGE),
    "  without headings": (PLAIN, rag.retriever.LEXICAL, rag.retriever.PAGE),
    "  without words": (HEADED, 0.0, rag.retriever.PAGE),
    "  without pages": (HEADED, rag.retriever.LEXICAL, 0.0),
}
MEASURES = ("page@1", "page@5", "chunk@1", "chunk@5", "chunk@10")
DRAWS = 10_000


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("source")
    options.add_argument("questions", nargs="+", type=Path)
    options.add_argument("--source-url")
    options.add_argument("--work", type=Path, default=Path("bench/work"))
    given = options.parse_args()
    bots = {}
    for form in (HEADED, PLAIN):
        folder = given.work / f"{Path(given.source.replace(':', '-')).stem}-{form}"
        reading = read(given.source, Options(source_url=given.source_url))
        print(build(reading if form == HEADED else without_headings(reading), folder))
        bots[form] = Chatbot.open(folder)
    groups = defaultdict(list)
    for file in given.questions:
        for line in file.read_text(encoding="utf-8").splitlines():
            question = json.loads(line)
            if (
                question["answerable"]
                and question["type"] != "injection"
                and (question.get("gold_pages") or question.get("gold_chunk_ids"))
            ):
                follows = "follow-up" if question["type"] == "followup" else "single"
                groups[f"{file.stem}: {question.get('kind', '')} {follows}"].append(question)
    for name, questions in groups.items():
        values = {}
        for variant, (form, words, page) in VARIANTS.items():
            rag.retriever.LEXICAL, rag.retriever.PAGE = words, page
            rows = [figures(bots[form], question) for question in track(questions, variant)]
            values[variant] = np.array(rows)
        show(name, questions, values)


def without_headings(reading: Reading) -> Reading:
    """The same source as if it told no titles or headings."""

    def bare() -> Iterator[Passage]:
        for passage in reading.passages:
            yield replace(passage, title="", headings=())

    return replace(reading, passages=bare())


def figures(bot: Chatbot, question: dict[str, Any]) -> list[float]:
    """MEASURES of one question; without gold of a kind they are not a number."""
    hits = bot.search(question["question"], 10, question.get("history", []))
    pages = [page_of(hit.passage.url, bot.base_url(hit.passage)) for hit in hits]
    right = [any(on_page(page, gold) for gold in question["gold_pages"]) for page in pages]
    page = [float(any(right[:k])) if question["gold_pages"] else np.nan for k in (1, 5)]
    gold = question.get("gold_chunk_ids", [])
    names, to_find = chunk_ranking([hit.passage for hit in hits], gold)
    found = [name in to_find for name in names]
    return page + [float(any(found[:k])) if gold else np.nan for k in (1, 5, 10)]


def show(group: str, questions: list[dict[str, Any]], values: dict[str, np.ndarray]) -> None:
    table = Table("", *MEASURES, title=f"{group}, {len(questions)} questions")
    clusters = [(q["gold_pages"] or q["gold_chunk_ids"])[0] for q in questions]
    others = [name for name in values if name != "Footnote"]
    for name, rows in values.items():
        cells = []
        for at in range(len(MEASURES)):
            column = rows[:, at]
            if np.isnan(column).all():
                cells.append("")
                continue
            low, high = interval(column, clusters)
            cell = f"{np.nanmean(column):.2f} ({low:.2f}-{high:.2f})"
            if name != "Footnote":
                all_p = [p_value(values["Footnote"][:, at] - values[o][:, at]) for o in others]
                cell += f" p={holm(all_p)[others.index(name)]:.3f}"
            cells.append(cell)
        table.add_row(name, *cells)
    Console(width=160).print(table)


def interval(column: np.ndarray, clusters: list[str]) -> tuple[float, float]:
    """The 95% bootstrap interval of the mean, whole clusters drawn."""
    by_cluster = defaultdict(list)
    for value, cluster in zip(column, clusters, strict=True):
        if not np.isnan(value):
            by_cluster[cluster].append(value)
    sums = np.array([[sum(v), len(v)] for v in by_cluster.values()])
    drawn = np.random.default_rng(0).integers(0, len(sums), (2000, len(sums)))
    totals = sums[drawn].sum(1)
    low, high = np.quantile(totals[:, 0] / totals[:, 1], [0.025, 0.975])
    return float(low), float(high)


def p_value(differences: np.ndarray) -> float:
    """Two-sided paired sign-flip randomization: (b + 1) / (B + 1)."""
    differences = differences[~np.isnan(differences)]
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (DRAWS, len(differences)))
    as_far = np.abs(signs @ differences) >= abs(differences.sum()) - 1e-9
    return float((as_far.sum() + 1) / (DRAWS + 1))


def holm(ps: list[float]) -> list[float]:
    """Holm's step-down adjustment (1979)."""
    adjusted, worst = [0.0] * len(ps), 0.0
    for rank, at in enumerate(np.argsort(ps)):
        worst = max(worst, min(1.0, ps[at] * (len(ps) - rank)))
        adjusted[at] = worst
    return adjusted


if __name__ == "__main__":
    main()
