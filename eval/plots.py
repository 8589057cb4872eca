"""Plots as SVG: lines and dots on two axes, in the colours of the page they stand on.

This module knows nothing of what is plotted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from eval.elements import element

WIDTH, HEIGHT = 420, 270
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 12, 42
DOT = 3.0  # least radius


@dataclass(frozen=True, slots=True)
class Series:
    """A line through points; with `sizes` (how many things a point stands for) also dots."""

    name: str
    points: Sequence[tuple[float, float]]
    sizes: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Plot:
    """Series over an x axis from 0 to `x_end` and a y axis from 0 to `y_end`."""

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    x_end: float = 1.0
    y_end: float = 1.0
    diagonal: bool = False


def svg(plot: Plot) -> Element:
    """Returns the plot; its series are told apart by the classes series-0, series-1 and so on."""

    def x(value: float) -> float:
        return round(LEFT + value / plot.x_end * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - value / plot.y_end * (HEIGHT - TOP - BOTTOM), 1)

    parts = []
    for tick in _ticks(plot.y_end):
        parts.append(_line(x(0), y(tick), x(plot.x_end), y(tick), "grid"))
        parts.append(_text(_shown(tick), x(0) - 6, y(tick) + 4, "end"))
    for tick in _ticks(plot.x_end):
        parts.append(_line(x(tick), y(0), x(tick), y(0) + 4, "axis"))
        parts.append(_text(_shown(tick), x(tick), y(0) + 17, "middle"))
    parts.append(_line(x(0), y(0), x(plot.x_end), y(0), "axis"))
    if plot.diagonal:
        parts.append(_line(x(0), y(0), x(plot.x_end), y(plot.y_end), "diagonal"))
    parts.append(_text(plot.x_label, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "middle"))
    for number, series in enumerate(plot.series):
        points = " ".join(f"{x(a)},{y(b)}" for a, b in series.points)
        parts.append(element("polyline", points=points, class_=f"line series-{number}"))
        most = max(series.sizes, default=1)
        for (a, b), size in zip(series.points, series.sizes, strict=False):
            label = element("title", f"{_shown(a)}, {_shown(b)}: {size}")
            radius = round(DOT + 5 * math.sqrt(size / most), 1)
            parts.append(
                element("circle", label, cx=x(a), cy=y(b), r=radius, class_=f"dot series-{number}")
            )
    return element(
        "svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=plot.title
    )


def _ticks(end: float) -> list[float]:
    """Round numbers from 0 to the end, five or so."""
    if end <= 0:
        return [0.0]
    power = 10 ** math.floor(math.log10(end / 4))
    step = min((power * n for n in (1, 2, 2.5, 5, 10)), key=lambda size: abs(end / size - 5))
    return [round(step * n, 10) for n in range(int(end / step + 1e-9) + 1)]


def _shown(value: float) -> str:
    return f"{value:.3g}"


def _line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Element:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def _text(text: str, x: float, y: float, anchor: str) -> Element:
    return element("text", text, x=x, y=y, text_anchor=anchor)
