"""The tables for people: what they show, how wide they are, and that they stay tables."""

import io
import re

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from eval import report
from eval.report import Cell, cell, in_line, markdown, rich_table, terminal
from eval.summary import summarize

SYSTEMS = ("footnote", "top passage copied", "always abstains", "gold passage copied")
HOSTILE = "a | b\n\n# Title\n<img src=x onerror=alert(1)> [x](http://evil.test) ```\n@you `c` &lt;"


def row(number, truthfulness, *, text="An answer.", question="How?", type="single", **values):
    """A row as a run writes it, of as many systems as there are."""
    answerable = type != "unanswerable"
    measures = {"V_strict": values.pop("V_strict", 0.0), "words": 154, "injected": None}
    measures |= {"citation_recall": 1.0, "truthfulness": truthfulness, **values}
    measures |= {"abstention_recall": None} if answerable else {"V_strict": None}
    abstained = truthfulness == (0 if answerable else 1)
    answer = {"text": text, "abstained": abstained, "confidence": number / 100, "citations": []}
    ranking = {"page.Success@1": number % 2, "page.Success@5": 1.0, "page.RR@10": 0.5}
    return {
        "id": f"q{number}",
        "question": {
            "question": question, "type": type, "kind": "written", "answerable": answerable,
            "history": [], "nuggets": [], "reference_answer": "",
        },
        "hits": [],
        "read": [],
        "ranking": {"page": ["x", f"p{number}"], "chunk": ["c"]},
        "gold": {"page": [f"p{number}"] if answerable else [], "chunk": []},
        "gold_read": answerable,
        "timings": {"search": 0.01, "total": number / 100},
        "seconds": 0.5,
        "systems": {
            name: {**answer, "measures": (ranking if name == "footnote" else {}) | measures}
            for name in SYSTEMS
        },
    }  # fmt: skip


ROWS = [
    *(row(n, n % 3 - 1, V_strict=n % 5 / 4) for n in range(20)),
    *(row(n, n % 2 * 2 - 1, type="unanswerable") for n in range(20, 26)),
    *(row(n, 1, V_strict=1.0, type="multihop", **{"page.All@10": n % 2}) for n in range(26, 36)),
]


def summary_of(rows):
    return {
        "version": "1.2.3",
        "answerer": "canned",
        "settings": {"k": 50, "reranker": ""},
        "started": "2026-11-23T07:13:06Z",
        "index": {"fingerprint": "c2e3af3ed3d50565", "passages": 17606},
        "peak_mib": 640,
        "machine": {
            "platform": "Linux-6.1", "python": "3.11.7", "cpus": 2, "processor": "a processor",
            "memory_gib": 8, "gpus": [],
        },
        **summarize(rows),
    }  # fmt: skip


@pytest.fixture(scope="module")
def summary():
    return summary_of(ROWS)


def printed(renderable, width=80):
    console = Console(width=width, file=io.StringIO())
    console.print(renderable)
    return console.file.getvalue()


def test_a_cell_has_the_digits_that_it_deserves():
    assert str(cell({"value": 0.876, "low": 0.801, "high": 0.932}, "V_strict")) == (
        "0.88 [0.80, 0.93]"
    )
    assert cell({"value": 153.6, "low": 150.2, "high": 157.4}, "words") == Cell("154", "150", "157")
    assert cell({"value": 1.0, "low": None, "high": None}, "V_strict") == Cell("1.00")
    assert cell({"value": None}, "V_strict") == cell({}, "V_strict") == Cell("-")


def test_the_terminal_shows_four_systems_and_half_widths_in_80_columns(summary):
    text = printed(terminal(summary))
    figure = summary["systems"]["footnote"]["all"]["truthfulness"]
    half = (round(figure["high"], 2) - round(figure["low"], 2)) / 2
    line = next(line for line in text.splitlines() if line.startswith("truthfulness (-1 to 1)"))
    assert line.count(f"{figure['value']:.2f} ±{half:.2f}") == len(SYSTEMS)
    assert "…" not in text
    # Every row of every table on one line: with twice the room nothing moves up.
    for grid in report.grids(summary):
        for row in grid.rows:
            pattern = re.escape(row[0].value) + r" +" + re.escape(row[1].value)
            assert re.search(f"^{pattern}", text, re.MULTILINE), row[0]


def test_the_terminal_shows_intervals_by_type_in_80_columns(summary):
    lines = printed(terminal(summary)).splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("type: single"))
    figures = [summary["systems"]["footnote"]["type: single"].get(n, {}) for n in report.BY_GROUP]
    known = [figure for figure in figures if figure.get("value") is not None]
    values = [number for number in lines[at].split()[3:] if number != "-"]
    assert values == [f"{figure['value']:.2f}" for figure in known]
    widths = [
        f"±{(round(figure['high'], 2) - round(figure['low'], 2)) / 2:.2f}"
        for figure in known
        if figure["low"] is not None
    ]
    assert lines[at + 1].split() == widths
    assert len(widths) > 1


def test_every_measure_and_group_is_in_the_tables(summary):
    everything, by_group, wrong = report.grids(summary)
    shown = {row[0].value for row in everything.rows}
    assert shown == {report.LABELS[name] for name in summary["systems"]["footnote"]["all"]}
    assert everything.header == ["", "n", *SYSTEMS]
    groups = ["all", "answerable", "unanswerable", "type: single", "type: multihop"]
    groups += ["type: unanswerable", "kind: written"]
    assert [row[0].value for row in by_group.rows] == groups
    assert [int(row[1].value) for row in by_group.rows] == [36, 30, 6, 20, 10, 6, 36]
    assert sum(int(row[1].value) for row in wrong.rows) > 0


def test_the_markdown_has_the_tables_with_their_intervals(summary):
    page = markdown(summary, ROWS)
    figure = summary["systems"]["footnote"]["all"]["V_strict"]
    ends = f"{figure['value']:.2f} \\[{figure['low']:.2f}, {figure['high']:.2f}\\]"
    assert f"| vital nuggets (V\\_strict) | 30 | {ends} |" in page
    html = MarkdownIt("commonmark").enable("table").render(page)
    assert html.count("<table>") == len(report.grids(summary))
    for grid in report.grids(summary):
        assert f"<h2>{grid.title}</h2>" in html


def test_the_worst_failures_come_first_and_are_few(summary):
    page = markdown(summary, ROWS)
    shown = re.findall(r"^### (q\d+): (\w+)$", page, re.MULTILINE)
    assert 0 < len(shown) <= 10
    # The surest wrong answers: 24 and 22, of unanswerable questions, then 18 and 15.
    assert shown[:4] == [
        ("q24", "abstention"), ("q22", "abstention"), ("q20", "abstention"), ("q18", "citation"),
    ]  # fmt: skip


def test_a_failure_says_where_its_gold_stood():
    rows = [row(n, -1) for n in range(3)]
    rows[0]["ranking"] = {"page": ["x", "y", "p0"], "chunk": ["c", "d"]}
    rows[0]["gold"]["chunk"] = ["d", "e"]
    rows[1]["ranking"]["page"] = ["x", "y"]
    rows[2]["gold"]["page"] = []
    said = re.findall(
        "^First gold retrieved: (.+)$", markdown(summary_of(rows), rows), re.MULTILINE
    )
    assert said == [
        "there is none",
        "page nowhere of 2",
        "page at rank 3 of 3, chunk at rank 2 of 2",
    ]


def test_a_run_without_failures_has_no_such_part():
    rows = [row(n, 1, V_strict=1.0) for n in range(4)]
    assert "failures" not in markdown(summary_of(rows), rows)


def test_hostile_text_stays_text_in_markdown(summary):
    rows = [row(99, -1, text=HOSTILE, question=HOSTILE), *ROWS]
    rows[0]["id"] = "| x ![i](http://evil.test/i.png)"
    rows[0]["question"]["kind"] = "<b>|kind"
    html = MarkdownIt("commonmark").enable("table").render(markdown(summary_of(rows), rows))
    assert "evil.test" in html
    for made in ("<img", "<a ", "<b>", "<h1>Title"):
        assert made not in html
    assert html.count("<h1>") == 1
    assert "&lt;b&gt;|kind</td>" in html


def test_hostile_text_stays_text_in_the_terminal():
    rows = [row(1, -1), row(2, 1)]
    for one in rows:
        one["question"]["kind"] = "[bold]a|b"
    assert "kind: [bold]a|b" in printed(terminal(summary_of(rows)))


@pytest.mark.parametrize("text", ["a|b", "*a* _b_", "<i>", "a\nb", "[x](y)", "`c`", "~~d~~", "\\"])
def test_a_line_says_what_the_text_says(text):
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).renderInline(in_line(text))
    assert html.replace("&lt;", "<").replace("&gt;", ">") == " ".join(text.split())


def test_a_table_of_cells_shows_the_ends_by_default():
    grid = report.Grid("T", ["", "n"], [[Cell("a"), Cell("0.5", "0.4", "0.6")]])
    assert "0.5 [0.4, 0.6]" in printed(rich_table(grid))
