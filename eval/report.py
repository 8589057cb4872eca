"""The summary of a run as tables for people: in the terminal, and the same in Markdown.

This module knows nothing of how the figures came about, only their names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eval.failures import worst
from eval.summary import SYSTEM

if TYPE_CHECKING:
    from rich.console import Group

LABELS = {
    "page.Success@1": "page hit@1",
    "page.Success@5": "page hit@5",
    "page.Success@10": "page hit@10",
    "page.RR@10": "page MRR@10",
    "page.nDCG@10": "page nDCG@10",
    "page.R@10": "page recall@10",
    "page.R@50": "page recall@50",
    "page.All@5": "all gold pages@5",
    "page.All@10": "all gold pages@10",
    "chunk.Success@1": "chunk hit@1",
    "chunk.Success@5": "chunk hit@5",
    "chunk.Success@10": "chunk hit@10",
    "chunk.RR@10": "chunk MRR@10",
    "chunk.nDCG@10": "chunk nDCG@10",
    "chunk.R@10": "chunk recall@10",
    "chunk.R@50": "chunk recall@50",
    "V_strict": "vital nuggets (V_strict)",
    "A_strict": "all nuggets (A_strict)",
    "words": "words an answer",
    "citation_recall": "citation recall",
    "citation_precision": "citation precision",
    "citation_validity": "citations valid",
    "citation_gold_pages": "citations on gold pages",
    "abstention_recall": "abstains if unanswerable",
    "false_refusals": "refuses if answerable",
    "AUROC": "confidence AUROC",
    "AURC": "risk-coverage area",
    "ECE": "calibration error",
    "injected": "obeys injections",
    "truthfulness": "truthfulness (-1 to 1)",
    "judge.right": "right, says the judge",
    "judge.supported": "supported, says the judge",
    "judge.unread": "the judge's replies unread",
}

# What the table by type of question has room for.
BY_GROUP = {
    "page.Success@1": "page @1",
    "page.Success@5": "page @5",
    "chunk.Success@5": "chunk @5",
    "V_strict": "vital",
    "citation_gold_pages": "cites gold",
    "abstention_recall": "abst. right",
    "false_refusals": "abst. wrong",
    "truthfulness": "truth",
}
FAILURES_IN_MARKDOWN = 10


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure: its value with as many digits as it deserves, and the ends of its interval."""

    value: str
    low: str = ""
    high: str = ""

    def __str__(self) -> str:
        return f"{self.value} [{self.low}, {self.high}]" if self.low else self.value


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: the first column names the row, the others are right-aligned figures."""

    title: str
    header: list[str]
    rows: list[list[Cell]]


def cell(figure: dict[str, Any], name: str) -> Cell:
    """Returns the figure of that name as a cell; a dash where nothing was judged."""
    if figure.get("value") is None:
        return Cell("-")
    digits = 0 if name == "words" else 2
    value, low, high = (figure.get(part) for part in ("value", "low", "high"))
    if low is None or high is None:
        return Cell(f"{value:.{digits}f}")
    return Cell(*(f"{number:.{digits}f}" for number in (value, low, high)))


def counted(number: int, noun: str) -> str:
    """Returns "1 question", "2 questions"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def grids(summary: dict[str, Any]) -> list[Grid]:
    """Returns the tables: measures by system, groups of questions by measure, labels."""
    systems = summary["systems"]
    everything = [groups["all"] for groups in systems.values()]
    ours = systems[SYSTEM]
    tables = [
        Grid(
            "All questions, beside the baselines",
            ["", "n", *systems],
            [
                [
                    Cell(label),
                    Cell(str(next(all_[name]["n"] for all_ in everything if name in all_))),
                    *(cell(all_.get(name, {}), name) for all_ in everything),
                ]
                for name, label in LABELS.items()
                if any(name in all_ for all_ in everything)
            ],
        ),
        Grid(
            "By type and kind of question",
            ["", "n", *BY_GROUP.values()],
            [
                [
                    Cell(group),
                    Cell(str(count)),
                    *(cell(ours[group].get(name, {}), name) for name in BY_GROUP),
                ]
                for group, count in summary["counts"].items()
            ],
        ),
    ]
    if any(summary["failures"].values()):
        rows = [[Cell(label), Cell(str(count))] for label, count in summary["failures"].items()]
        tables.append(Grid("What went wrong", ["", "answers"], rows))
    return tables


def facts(summary: dict[str, Any]) -> list[str]:
    """Returns the lines that say what was run, where, and how fast."""
    machine, latency = summary["machine"], summary["latency"]
    settings = {name: value for name, value in summary["settings"].items() if value != ""}
    steps = [
        f"{step.replace('_', ' ')} p50 {taken['p50']:.2f} s, p95 {taken['p95']:.2f} s"
        for step, taken in latency.items()
    ]
    gpus = f", {', '.join(machine['gpus'])}" if machine["gpus"] else ""
    return [
        f"footnote {summary['version']}, answers by {summary['answerer']}",
        f"{counted(summary['counts']['all'], 'question')} in {summary['seconds']:.0f} s, "
        f"{summary['started']}",
        "; ".join(steps),
        f"index {summary['index']['fingerprint']}, {summary['index']['passages']:,} passages",
        "settings: " + ", ".join(f"{name} {value}" for name, value in settings.items()),
        f"{machine['platform']}, Python {machine['python']}, {machine['cpus']} CPUs "
        f"({machine['processor']}), {machine['memory_gib']} GiB{gpus}; the run took up to "
        f"{summary['peak_mib']:,} MiB",
        "intervals hold 95%, drawn by page (bootstrap)",
    ]


# In the terminal


def terminal(summary: dict[str, Any]) -> Group:
    """Returns the tables and the lines below them, for a Rich console to print."""
    from rich.console import Group
    from rich.text import Text

    by_system, *others = grids(summary)
    return Group(
        rich_table(by_system, _brief),
        *(rich_table(grid, _stacked) for grid in others),
        *map(Text, facts(summary)),
    )


def rich_table(grid: Grid, shown: Any = str) -> Any:
    """Returns the table for a Rich console; `shown` gives a cell's text."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    # As narrow as it gets: the tables are to fit a terminal of 80 columns.
    table = Table(
        title=f"\n{grid.title}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=0,
    )
    table.add_column(Text(grid.header[0]), no_wrap=True)
    for name in grid.header[1:]:
        table.add_column(Text(name), justify="right")
    for row in grid.rows:
        # Text, for a question set may name a kind with what Rich would read as markup.
        table.add_row(*(Text(shown(cell)) for cell in row))
    return table


def _brief(cell: Cell) -> str:
    """The value and half the interval's width."""
    if not cell.low:
        return cell.value
    half = (float(cell.high) - float(cell.low)) / 2
    return f"{cell.value} ±{half:.0f}" if "." not in cell.value else f"{cell.value} ±{half:.2f}"


def _stacked(cell: Cell) -> str:
    """The same, one below the other, where there are many columns."""
    return _brief(cell).replace(" ±", "\n±")


# In Markdown


def markdown(summary: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    """Returns the tables and the worst failures as a Markdown page, for a pull request."""
    lines = ["# Evaluation", "", *(f"- {in_line(fact)}" for fact in facts(summary))]
    for grid in grids(summary):
        lines += ["", f"## {grid.title}", "", *markdown_table(grid)]
    failures = worst(rows, SYSTEM)[:FAILURES_IN_MARKDOWN]
    if failures:
        lines += ["", "## The worst failures"]
    for label, row in failures:
        gold = ", ".join(row["gold"]["page"]) or "none"
        lines += [
            "",
            f"### {in_line(row['id'])}: {label}",
            "",
            *_fenced(
                f"Question: {row['question']['question']}\nGold: {gold}\n"
                f"First gold retrieved: {_first_gold(row)}"
            ),
            "",
            *_fenced(row["systems"][SYSTEM]["text"]),
        ]
    return "\n".join(lines) + "\n"


def _first_gold(row: dict[str, Any]) -> str:
    """The rank of the first gold page, and of the first gold chunk, among what was retrieved."""
    said = []
    for level, ranking in row["ranking"].items():
        ranks = [n for n, name in enumerate(ranking, 1) if name in row["gold"][level]]
        if row["gold"][level]:
            where = f"at rank {ranks[0]}" if ranks else "nowhere"
            said.append(f"{level} {where} of {len(ranking)}")
    return ", ".join(said) or "there is none"


def markdown_table(grid: Grid) -> list[str]:
    """Returns the lines of the table."""
    rule = ["---"] + ["---:"] * (len(grid.header) - 1)
    body = [[in_line(str(cell)) for cell in row] for row in grid.rows]
    return [f"| {' | '.join(row)} |" for row in (map(in_line, grid.header), rule, *body)]


def in_line(text: str) -> str:
    """Returns the text as one line in which nothing is markup, and no table cell ends."""
    return re.sub(r"([\\`*_<>|&@#\[\]~])", r"\\\1", " ".join(text.split()))


def _fenced(text: str) -> list[str]:
    """The text as it is, in a fence longer than any that stands in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", text, fence]
