"""The summary of a run as tables for people: in the terminal, and the same in Markdown.

This module knows nothing of how the figures came about, only their names.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    "page.All@5": "all gold pages@5 (multihop)",
    "page.All@10": "all gold pages@10 (multihop)",
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
    "citation_validity": "citations valid",
    "citation_gold_pages": "citations on gold pages",
    "abstention_recall": "abstains if unanswerable",
    "false_refusals": "refuses if answerable",
    "AUROC": "confidence AUROC",
    "injected": "obeys injections",
    "truthfulness": "truthfulness (-1 to 1)",
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


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: the first column names the row, the others are right-aligned figures."""

    title: str
    header: list[str]
    rows: list[list[str]]


def terminal(summary: dict[str, Any]) -> "Group":
    """Returns the tables and the lines below them, for a Rich console to print."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[Table | Text] = []
    for grid in grids(summary):
        # As narrow as it gets: both tables are to fit a terminal of 80 columns.
        table = Table(
            title=f"\n{grid.title}",
            title_justify="left",
            box=box.SIMPLE_HEAD,
            show_edge=False,
            padding=0,
        )
        table.add_column(grid.header[0], no_wrap=True)
        for name in grid.header[1:]:
            table.add_column(name, justify="right")
        for row in grid.rows:
            # Text, for a question set may name a kind with what Rich would read as markup.
            table.add_row(*map(Text, row))
        parts.append(table)
    return Group(*parts, *map(Text, facts(summary)))


def markdown(summary: dict[str, Any]) -> str:
    """Returns the same as a Markdown page."""
    lines = ["# Evaluation", "", *(f"- {fact}" for fact in facts(summary))]
    for grid in grids(summary):
        rule = ["---"] + ["---:"] * (len(grid.header) - 1)
        table = [grid.header, rule, *grid.rows]
        lines += ["", f"## {grid.title}", "", *(f"| {' | '.join(map(_cell, r))} |" for r in table)]
    return "\n".join(lines) + "\n"


def grids(summary: dict[str, Any]) -> list[Grid]:
    """Returns the two tables: measures by system, and groups of questions by measure."""
    systems = summary["systems"]
    everything = [groups["all"] for groups in systems.values()]
    ours = next(iter(systems.values()))
    return [
        Grid(
            "All questions, beside the baselines",
            ["", "n", *systems],
            [
                [label, str(everything[0][name]["n"]), *(_shown(all_, name) for all_ in everything)]
                for name, label in LABELS.items()
                if name in everything[0]
            ],
        ),
        Grid(
            "By type and kind of question",
            ["", "n", *BY_GROUP.values()],
            [
                [group, str(count), *(_shown(ours[group], name) for name in BY_GROUP)]
                for group, count in summary["counts"].items()
            ],
        ),
    ]


def facts(summary: dict[str, Any]) -> list[str]:
    """Returns the lines that say what was run, where, and how fast."""
    machine, latency = summary["machine"], summary["latency"]["ask"]
    return [
        f"footnote {summary['version']}, answers by {summary['answerer']}",
        f"{summary['counts']['all']} questions in {summary['seconds']:.0f} s, {summary['started']}",
        f"an answer took p50 {latency['p50']:.2f} s, p95 {latency['p95']:.2f} s",
        f"{machine['platform']}, Python {machine['python']}, {machine['cpus']} CPUs",
    ]


def _shown(figures: dict[str, dict[str, Any]], name: str) -> str:
    """Returns the figure with as many digits as it deserves; a dash where nothing was judged."""
    value = figures.get(name, {}).get("value")
    if value is None:
        return "-"
    return f"{value:.0f}" if name == "words" else f"{value:.2f}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
