"""The figures of a run, made of nothing but its rows: counts, latencies, measures, curves.

This module knows no formula (measures.py), no statistics (uncertainty.py) and no layout.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from eval import curves, measures
from eval.failures import LABELS, failure
from eval.questions import TYPES
from eval.uncertainty import (
    Interval,
    Resamples,
    aurc_interval,
    auroc_interval,
    clusters_of,
    ece_interval,
    mean_intervals,
    resample,
)

SYSTEM, COPY, ABSTAIN = "footnote", "top passage copied", "always abstains"
ORACLE = "gold passage copied"
SURE = (SYSTEM, COPY)  # those whose confidence means something
LEVELS = ("page", "chunk")

Row = dict[str, Any]
Figure = dict[str, Any]  # value, n, low, high


def summarize(rows: Sequence[Row]) -> dict[str, Any]:
    """Returns the figures of the rows, ready for JSON.

    `counts` gives the questions of each group: all, (un)answerable, each type and each kind.
    `latency` gives p50 and p95 in seconds of every step timed, `seconds` those of all questions
    together. `systems` gives, for each system and group, every measure as {value, n, low, high}:
    the mean over the n questions that it judges and the ends of its 95% interval, clustered by page
    (AUROC, AURC and ECE, over all n together, stand in the group of all). `curves` has the points
    of the report's plots, `failures` how many answers carry each label.
    """
    groups = groups_of(rows)
    drawn = {name: resample(clusters_of(part)) for name, part in groups.items()}
    steps = dict.fromkeys(step for row in rows for step in row["timings"])
    systems = dict.fromkeys(system for row in rows for system in row["systems"])
    labels = Counter(failure(row, SYSTEM) for row in rows)
    figures = {
        system: {name: _figures(part, system, drawn[name]) for name, part in groups.items()}
        for system in systems
    }
    for system in SURE:
        if "truthfulness" in figures.get(system, {}).get("all", {}):
            figures[system]["all"] |= _of_confidence(rows, system, drawn["all"])
    return {
        "counts": {name: len(members) for name, members in groups.items()},
        "seconds": sum(row["seconds"] for row in rows),
        "latency": {
            step: _latency([row["timings"][step] for row in rows if step in row["timings"]])
            for step in steps
        },
        "systems": figures,
        "curves": {
            "retrieval": {level: _retrieval(rows, level) for level in LEVELS},
            "risk_coverage": curves.risk_coverage(*_given(rows, SYSTEM)),
            "calibration": [asdict(one) for one in curves.calibration(*_given(rows, SYSTEM))],
        },
        "failures": {label: labels[label] for label in LABELS},
    }


def groups_of(rows: Sequence[Row]) -> dict[str, list[Row]]:
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


def _figures(rows: Sequence[Row], system: str, drawn: Resamples) -> dict[str, Figure]:
    """Returns one system's measures over the rows, in the order in which rows name them."""
    found = [row["systems"].get(system, {"measures": {}})["measures"] for row in rows]
    names = list(dict.fromkeys(name for values in found for name in values))
    columns = [[one.get(name) for one in found] for name in names]
    table = np.array(columns, dtype=float).reshape(len(names), len(rows)).T  # None becomes nan
    figures = {}
    for name, column, ends in zip(names, columns, mean_intervals(table, drawn), strict=True):
        known = [value for value in column if value is not None]
        figures[name] = _figure(measures.mean(known), len(known), ends)
    return figures


def _of_confidence(rows: Sequence[Row], system: str, drawn: Resamples) -> dict[str, Figure]:
    """What the confidence tells: answerable questions, and right answers among those given."""
    confidences = [row["systems"][system]["confidence"] for row in rows]
    answerable = [row["question"]["answerable"] for row in rows]
    area = measures.auroc(
        [c for c, is_one in zip(confidences, answerable, strict=True) if is_one],
        [c for c, is_one in zip(confidences, answerable, strict=True) if not is_one],
    )
    n = 0 if area is None else len(rows)
    figures = {"AUROC": _figure(area, n, auroc_interval(confidences, answerable, drawn))}

    sure, is_right = given = _given(rows, system)
    is_given = np.array([_is_given(row["systems"][system]) for row in rows])
    of_given = replace(drawn, cluster=drawn.cluster[is_given])
    area, error = curves.aurc(curves.risk_coverage(*given)), curves.ece(curves.calibration(*given))
    figures["AURC"] = _figure(area, len(sure), aurc_interval(sure, is_right, of_given))
    figures["ECE"] = _figure(error, len(sure), ece_interval(sure, is_right, of_given))
    return figures


def _figure(value: float | None, n: int, ends: Interval | None) -> Figure:
    low, high = ends or (None, None)
    return {"value": value, "n": n, "low": low, "high": high}


def _given(rows: Sequence[Row], system: str) -> tuple[list[float], list[bool]]:
    """The confidences of the answers that were given and can be judged, and which were right."""
    answers = [row["systems"][system] for row in rows if system in row["systems"]]
    given = [answer for answer in answers if _is_given(answer)]
    return (
        [answer["confidence"] for answer in given],
        [answer["measures"]["truthfulness"] > 0 for answer in given],
    )


def _is_given(answer: dict[str, Any]) -> bool:
    return answer["measures"].get("truthfulness") is not None and not answer["abstained"]


def _retrieval(rows: Sequence[Row], level: str) -> list[tuple[int, float]]:
    rankings, golds = ([row[what][level] for row in rows] for what in ("ranking", "gold"))
    depth = max(map(len, rankings), default=0)
    return curves.retrieval_curve(rankings, golds, depth)
