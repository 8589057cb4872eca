"""Two runs over the same questions: what differs, and what of it is more than noise.

The measures that are tested are declared here, beforehand; the others are shown without a test.
This module knows nothing of how the values came about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from eval.report import LABELS, Cell, Grid, cell, counted, in_line, markdown_table
from eval.run import read_run
from eval.summary import SYSTEM, Row
from eval.uncertainty import clusters_of, holm, mean_intervals, p_value, resample
from rag.data import FootnoteError

DECLARED = (
    "page.Success@1",
    "page.Success@5",
    "chunk.Success@5",
    "V_strict",
    "citation_recall",
    "citation_gold_pages",
    "abstention_recall",
    "false_refusals",
    "truthfulness",
)
LOWER_IS_BETTER = {"false_refusals", "injected", "judge.unread"}
ALPHA = 0.05
FLIPS_SHOWN = 20
# What a flip is told by: the first of these that both runs judge the question by.
TOLD_BY: dict[str, dict[float, str]] = {
    "truthfulness": {1: "right", 0: "abstained", -1: "wrong"},
    "page.Success@5": {1: "gold page found", 0: "no gold page"},
    "chunk.Success@5": {1: "gold chunk found", 0: "no gold chunk"},
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure in two runs: means over the n questions that both judge, the mean difference with
    its 95% interval, and for a declared measure p, corrected by Holm over all that are."""

    name: str
    n: int
    before: float
    after: float
    low: float | None
    high: float | None
    p: float | None

    @property
    def verdict(self) -> str:
        """What the difference amounts to."""
        if self.p is None:
            return ""
        if self.p >= ALPHA:
            return "within the noise"
        better = (self.after > self.before) != (self.name in LOWER_IS_BETTER)
        return "better" if better else "worse"


@dataclass(frozen=True, slots=True)
class Flip:
    """A question that turned right, abstained or wrong, or whose gold was found or lost."""

    id: str
    question: str
    measure: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found between two runs; `cautions` are differences in how they were made."""

    before: str
    after: str
    questions: int
    cautions: tuple[str, ...]
    differences: tuple[Difference, ...]
    flips: tuple[Flip, ...]


def compare(before: Path, after: Path) -> Comparison:
    """Returns what the run in `after` has changed against the one in `before`.

    Raises FootnoteError when one is no finished run, or they have no question in common.
    """
    (first, rows_before), (second, rows_after) = read_run(before), read_run(after)
    known = {row["id"]: row for row in rows_before}
    pairs = [
        (known[row["id"]], row)
        for row in rows_after
        if row["id"] in known and known[row["id"]]["question"] == row["question"]
    ]
    if not pairs:
        raise FootnoteError(f"{before} and {after} have no question in common: nothing to compare")
    return Comparison(
        before=str(before),
        after=str(after),
        questions=len(pairs),
        cautions=tuple(_cautions(first, second, rows_before, rows_after, len(pairs))),
        differences=tuple(corrected(differences(pairs))),
        flips=tuple(_flips(pairs)),
    )


def differences(pairs: Sequence[tuple[Row, Row]]) -> list[Difference]:
    """Returns the measures that both rows of any pair have; p, of declared ones, not corrected.

    p is that of a paired sign-flip randomization, the interval a bootstrap of the paired
    differences, both clustered by page.
    """
    clusters = clusters_of([before for before, _ in pairs])
    drawn = resample(clusters)
    found = []
    for name in LABELS:
        both = [(_values(before).get(name), _values(after).get(name)) for before, after in pairs]
        judged = [
            (a, b, cluster)
            for (a, b), cluster in zip(both, clusters, strict=True)
            if a is not None and b is not None
        ]
        if not judged:
            continue
        changes = [[np.nan if a is None or b is None else b - a] for a, b in both]
        low, high = mean_intervals(np.array(changes), drawn)[0] or (None, None)
        p = None
        if name in DECLARED:
            p = p_value([b - a for a, b, _ in judged], [cluster for _, _, cluster in judged])
        n = len(judged)
        before, after = sum(a for a, _, _ in judged) / n, sum(b for _, b, _ in judged) / n
        found.append(Difference(name, n, before, after, low, high, p))
    return found


def corrected(found: Sequence[Difference]) -> list[Difference]:
    """Returns the differences with their p-values corrected by Holm over all that have one."""
    adjusted = iter(holm([one.p for one in found if one.p is not None]))
    return [one if one.p is None else replace(one, p=next(adjusted)) for one in found]


def _values(row: Row) -> dict[str, float | None]:
    return row["systems"][SYSTEM]["measures"]


def _flips(pairs: Sequence[tuple[Row, Row]]) -> Iterator[Flip]:
    for before, after in pairs:
        for name in TOLD_BY:
            old, new = _values(before).get(name), _values(after).get(name)
            if old is None or new is None:
                continue
            if old != new:
                yield Flip(before["id"], before["question"]["question"], name, old, new)
            break


def _cautions(
    first: dict[str, Any],
    second: dict[str, Any],
    rows_before: Sequence[Row],
    rows_after: Sequence[Row],
    shared: int,
) -> Iterator[str]:
    """What else than the change under test may make the difference."""
    for name, count in (("first", len(rows_before)), ("second", len(rows_after))):
        if count > shared:
            lacking = counted(count - shared, "question")
            yield f"{lacking} of the {name} run: not in the other, or changed there"
    facts = [
        {**run["settings"], "version": run["version"], "answerer": run["answerer"]}
        for run in (first, second)
    ]
    for name in sorted(facts[0].keys() | facts[1].keys() - {"questions"}):
        if name != "questions" and facts[0].get(name) != facts[1].get(name):
            yield f"{name}: {facts[0].get(name)!r}, then {facts[1].get(name)!r}"


# As tables


def lines(found: Comparison) -> list[str]:
    """Returns what stands above the tables."""
    tested = sum(one.p is not None for one in found.differences)
    return [
        f"before: {found.before}",
        f"after: {found.after}",
        f"{counted(found.questions, 'question')} that both runs asked",
        *found.cautions,
        "p: paired sign-flip randomization by page, Holm over the "
        f"{counted(tested, 'measure')} declared beforehand; "
        "intervals hold 95%, drawn by page; noise: p of 0.05 or more",
    ]


def grids(found: Comparison, flips: int | None = None) -> list[Grid]:
    """Returns the differences and the questions that flipped, at most so many, as tables."""
    turned = found.flips[:flips]
    return [
        Grid(
            "Differences",
            ["", "n", "before", "after", "change", "p", ""],
            [
                [
                    Cell(LABELS[one.name]),
                    Cell(str(one.n)),
                    cell({"value": one.before}, one.name),
                    cell({"value": one.after}, one.name),
                    _change(one),
                    Cell("" if one.p is None else f"{one.p:.3f}"),
                    # In a word, for the table is to fit a terminal of 80 columns.
                    Cell(one.verdict.removeprefix("within the ")),
                ]
                for one in found.differences
            ],
        ),
        Grid(
            f"Questions that flipped: {_count(found.flips, 1)} for the better, "
            f"{_count(found.flips, -1)} for the worse",
            ["", "before", "after"],
            [
                [
                    Cell(f"{flip.id}: {_short(flip.question)}"),
                    Cell(TOLD_BY[flip.measure][flip.before]),
                    Cell(TOLD_BY[flip.measure][flip.after]),
                ]
                for flip in turned
            ],
        ),
    ]


def markdown(found: Comparison) -> str:
    """Returns the comparison as a Markdown page."""
    page = ["# Comparison", "", *(f"- {in_line(line)}" for line in lines(found))]
    for grid in grids(found):
        page += ["", f"## {grid.title}", "", *markdown_table(grid)]
    return "\n".join(page) + "\n"


def _change(one: Difference) -> Cell:
    digits = 0 if one.name == "words" else 2
    numbers = (one.after - one.before, one.low, one.high)
    return Cell(*(f"{number:+.{digits}f}" for number in numbers if number is not None))


def _count(flips: Sequence[Flip], direction: int) -> int:
    return sum((flip.after - flip.before) * direction > 0 for flip in flips)


def _short(text: str) -> str:
    folded = " ".join(text.split())
    return folded if len(folded) <= 44 else folded[:43] + "…"
