"""A run as one HTML page that needs no network: tables, plots, the worst failures.

Questions, passages and answers are shown as text, whatever is in them. This module knows nothing
of how the figures came about.
"""

from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element

from eval.curves import quantiles
from eval.elements import document, element, link
from eval.failures import worst
from eval.measures import percentile
from eval.plots import Plot, Series, svg
from eval.report import Cell, Grid, cell, counted, facts, grids
from eval.style import STYLE
from eval.summary import SYSTEM

FAILURES = 30
STEPS = {"search": "searched", "total": "answered"}
TILES = {
    "page.Success@5": "gold page among the first 5",
    "V_strict": "vital nuggets in the answer",
    "citation_recall": "sentences their citations support",
    "abstention_recall": "abstains if unanswerable",
    "false_refusals": "refuses if answerable",
    "truthfulness": "truthfulness, -1 to 1",
}
EXPLAINED = """An answer is right when it holds at least half of the question's vital nuggets and \
cites a gold page. Citation recall and precision are judged by the letters that a sentence shares \
with the passages it cites: it sees an invented name or figure, not a "not" left out, and quoted \
sentences always pass. The gold passage copied is the ceiling of copying: 120 words of the gold \
passages, those that hold most nuggets first."""


def html(summary: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    """Returns the page."""
    title = f"{counted(summary['counts']['all'], 'question')}, answered by {summary['answerer']}"
    by_system, *others = grids(summary)
    return document(
        title,
        STYLE,
        element(
            "main",
            element("h1", title),
            element("p", *_lines(facts(summary)), class_="facts"),
            _tiles(summary["systems"][SYSTEM]["all"]),
            _table(by_system),
            element("p", EXPLAINED, class_="facts"),
            *map(_table, others),
            element("h2", "Plots"),
            element("div", *(_figure(plot) for plot in plots(summary, rows)), class_="plots"),
            *_failures(rows),
        ),
    )


def table_page(title: str, lines: Sequence[str], tables: Sequence[Grid]) -> str:
    """Returns a page of nothing but lines and tables."""
    heading, text = element("h1", title), element("p", *_lines(lines), class_="facts")
    return document(title, STYLE, element("main", heading, text, *map(_table, tables)))


def plots(summary: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[Plot]:
    """Returns the plots for which there is anything to show."""
    curves = summary["curves"]
    found = [
        Series(f"gold {level}", curve) for level, curve in curves["retrieval"].items() if curve
    ]
    kept, bins = curves["risk_coverage"], curves["calibration"]
    risk = [Series("risk", [(0.0, kept[0][1]), *kept])] if kept else []
    points = [(one["confidence"], one["right"]) for one in bins]
    right = [Series("right", points, [one["n"] for one in bins])] if bins else []
    latency = [_latency(step, name, rows) for step, name in STEPS.items()]
    slowest = max((x for series in latency for x, _ in series.points), default=0.0)
    drawn = [
        Plot(
            "Retrieval",
            "first k passages",
            "questions with gold among them",
            found,
            x_end=max((x for series in found for x, _ in series.points), default=0.0),
        ),
        Plot(
            "Risk and coverage",
            "share of the answers kept, the surest first",
            "share of them that is wrong",
            risk,
        ),
        Plot("Calibration", "confidence", "share that is right", right, diagonal=True),
        Plot(
            "Latency",
            "seconds, up to the 99th percentile",
            "share of the questions done",
            latency,
            x_end=slowest,
        ),
    ]
    return [plot for plot in drawn if plot.series and plot.x_end > 0]


def _latency(step: str, name: str, rows: Sequence[dict[str, Any]]) -> Series:
    """The share of the questions for which a step took at most so many seconds."""
    seconds = [row["timings"][step] for row in rows if step in row["timings"]]
    most = percentile(seconds, 99) or 0.0
    points = [(taken, share) for taken, share in quantiles(seconds) if taken <= most]
    return Series(name, [(0.0, 0.0), *points] if points else [])


def _lines(lines: Sequence[str]) -> list[Element | str]:
    return [part for line in lines for part in (line, element("br"))]


def _tiles(figures: dict[str, Any]) -> Element:
    tiles = []
    for name, label in TILES.items():
        shown = cell(figures.get(name, {}), name)
        if shown.value != "-":
            span = f"{shown.low} to {shown.high}" if shown.low else ""
            tiles.append(
                element(
                    "div",
                    element("strong", shown.value),
                    element("span", label),
                    element("small", span),
                    class_="tile",
                )
            )
    return element("div", *tiles, class_="tiles")


def _table(grid: Grid) -> Element:
    head = element("tr", *(element("th", name, scope="col") for name in grid.header))
    body = [
        element("tr", element("th", row[0].value, scope="row"), *map(_figure_cell, row[1:]))
        for row in grid.rows
    ]
    table = element("table", element("thead", head), element("tbody", *body))
    return element("section", element("h2", grid.title), element("div", table, class_="wide"))


def _figure_cell(cell: Cell) -> Element:
    if not cell.low:
        return element("td", cell.value)
    return element("td", cell.value, element("small", f"{cell.low} to {cell.high}"))


def _figure(plot: Plot) -> Element:
    keys = [
        element("span", element("i", class_=f"key series-{number}"), series.name)
        for number, series in enumerate(plot.series)
        if len(plot.series) > 1
    ]
    caption = [element("strong", plot.title), element("span", plot.y_label), *keys]
    return element("figure", element("figcaption", *caption), svg(plot))


def _failures(rows: Sequence[dict[str, Any]]) -> list[Element]:
    failures = worst(rows, SYSTEM)
    if not failures:
        return []
    shown = [_failure(label, row) for label, row in failures[:FAILURES]]
    heading = f"The worst {len(shown)} of {counted(len(failures), 'failure')}"
    return [element("section", element("h2", heading), *shown)]


def _failure(label: str, row: dict[str, Any]) -> Element:
    answer = row["systems"][SYSTEM]
    question = row["question"]
    gold = row["gold"]["page"]
    nuggets = [f"{n['text']}{'' if n['vital'] else ' (not vital)'}" for n in question["nuggets"]]
    given = [
        ("Before", "\n".join(f"{turn['role']}: {turn['content']}" for turn in question["history"])),
        ("Answer", answer["text"]),
        ("Reference", question["reference_answer"]),
        ("Nuggets", "\n".join(nuggets)),
        ("Gold pages", "\n".join(gold)),
    ]
    parts = []
    for name, text in given:
        if text:
            parts += [element("dt", name), element("dd", text)]
    cited = [element("li", link(note["url"], note["url"])) for note in answer["citations"]]
    if cited:
        parts += [element("dt", "Cites"), element("dd", element("ol", *cited))]
    read = [
        element(
            "details",
            element("summary", " > ".join(filter(None, passage["headings"])) or passage["url"]),
            link(passage["url"], passage["url"]),
            element("p", passage["text"], class_="text"),
        )
        for passage in row["read"]
    ]
    if read:
        parts += [element("dt", "Read"), element("dd", *read, class_="read")]
    summary = element(
        "summary",
        element("span", label, class_=f"label {label}"),
        element("span", question["question"], class_="asked"),
        element("small", f"{row['id']}, confidence {answer['confidence']:.2f}"),
    )
    return element("details", summary, element("dl", *parts), class_="failure")
