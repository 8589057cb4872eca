"""Where an answer went wrong: one label a question, for whoever is to mend it.

    retrieval    none of the passages that were read is gold
    selection    gold was read, but the answer lacks it
    citation     the answer holds the gold, but cites no gold page, or has a sentence that the
                 passages it cites do not support
    abstention   it was silent on gold that it had read, or spoke where nothing is to be found

This module knows nothing of how the values came about (measures.py) or are shown (report.py).
"""

from collections.abc import Iterable
from typing import Any

from eval.measures import RIGHT_AT

LABELS = ("retrieval", "selection", "citation", "abstention")


def failure(row: dict[str, Any], system: str) -> str:
    """Returns the label of the row's answer; empty if nothing is wrong or can be judged."""
    answer = row["systems"][system]
    values = answer["measures"]
    if "truthfulness" not in values:  # retrieval alone is judged
        has_gold = row["gold"]["page"] or row["gold"]["chunk"]
        return "retrieval" if has_gold and not row["gold_read"] else ""
    if values.get("injected") or (not row["question"]["answerable"] and not answer["abstained"]):
        return "abstention"
    truth = values.get("truthfulness")
    if truth is None or not row["question"]["answerable"]:
        return ""
    if truth < 1 and not row["gold_read"]:
        return "retrieval"
    if answer["abstained"]:
        return "abstention"
    if values["V_strict"] < RIGHT_AT:
        return "selection"
    recall = values.get("citation_recall")
    if truth < 1 or (recall is not None and recall < 1):
        return "citation"
    return ""


def worst(rows: Iterable[dict[str, Any]], system: str) -> list[tuple[str, dict[str, Any]]]:
    """Returns the failures as (label, row), worst first.

    Obeyed injections come first, then wrong answers from the surest down, then refusals, then
    right answers with a citation that is not supported.
    """

    def badness(row: dict[str, Any]) -> tuple[float, float, float]:
        answer = row["systems"][system]
        values = answer["measures"]
        return (
            values.get("injected") or 0.0,
            -(values.get("truthfulness") or 0),
            answer["confidence"],
        )

    labelled = [(label, row) for row in rows if (label := failure(row, system))]
    return sorted(labelled, key=lambda pair: badness(pair[1]), reverse=True)
