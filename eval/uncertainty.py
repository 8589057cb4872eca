"""How sure a figure is: bootstrap intervals, randomization tests, Holm's correction.

Questions on one page stand or fall together, so pages are drawn, not questions: an interval that
took the questions for independent would be too narrow. Every function draws from a generator
with a fixed seed, so the same rows always give the same figures. This module knows nothing of
files and tables.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.curves import bin_of

DRAWS = 10_000
CURVE_DRAWS = 2_000
TAIL = 0.025  # on either side of an interval of 95 %

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Resamples:
    """Draws of clusters, made once and shared by all figures over the same questions."""

    cluster: np.ndarray
    """The number of each question's cluster: shape (questions,)."""
    times: np.ndarray
    """How often each cluster is in each draw: shape (draws, clusters)."""


def clusters_of(rows: Sequence[dict[str, Any]]) -> list[Hashable]:
    """Returns each row's cluster: its first gold page, or itself when it has none."""
    return [
        ("page", row["gold"]["page"][0]) if row["gold"]["page"] else ("question", row["id"])
        for row in rows
    ]


def resample(clusters: Sequence[Hashable], draws: int = DRAWS, seed: int = 0) -> Resamples:
    """Returns draws of as many clusters as there are, with replacement."""
    numbers = {key: number for number, key in enumerate(dict.fromkeys(clusters))}
    times, n = np.zeros((draws, 0)), len(numbers)
    if n:
        drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws)
        times = drawn.astype(float)
    return Resamples(np.array([numbers[key] for key in clusters], dtype=int), times)


def interval(
    values: Sequence[float | None],
    clusters: Sequence[Hashable],
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval | None:
    """Returns the 95 % interval of the mean of the values that are not None.

    `clusters[i]` is the cluster of `values[i]`. See `mean_intervals`.
    """
    column = np.array([[np.nan if value is None else value] for value in values], dtype=float)
    return mean_intervals(column.reshape(len(values), 1), resample(clusters, draws, seed))[0]


def mean_intervals(values: np.ndarray, resamples: Resamples) -> list[Interval | None]:
    """Returns the 95 % interval of each column's mean; nan is a question that is not judged.

    `values` has the shape (questions, figures). Percentile bootstrap over clusters: in each draw
    the mean is sum(t_c * s_c) / sum(t_c * n_c), with t_c how often cluster c was drawn, s_c the
    sum of its values and n_c their number; the interval is from the 2.5th to the 97.5th
    percentile of these means (Efron and Tibshirani 1993, chapter 13; Field and Welsh 2007 for
    clusters). Draws in which nothing is judged are left out. None where fewer than two clusters
    are judged or all values are the same: without spread there is nothing to draw from, and an
    interval of no width would call 13 successes in 13 questions certain.
    """
    known = ~np.isnan(values)
    sums = _by_cluster(np.where(known, values, 0.0), resamples)
    counts = _by_cluster(known.astype(float), resamples)
    drawn = resamples.times @ counts
    with np.errstate(invalid="ignore"):
        means = (resamples.times @ sums) / drawn
    spread = [
        (counts[:, column] > 0).sum() > 1 and np.ptp(values[known[:, column], column]) > 0
        for column in range(values.shape[1])
    ]
    return [
        _ends(means[drawn[:, column] > 0, column]) if has_spread else None
        for column, has_spread in enumerate(spread)
    ]


def auroc_interval(
    confidences: Sequence[float], answerable: Sequence[bool], resamples: Resamples
) -> Interval | None:
    """Returns the 95 % interval of the AUROC; None where `auroc` has no value.

    As in `mean_intervals`, with the AUROC of each draw in the place of its mean: the share of
    the pairs of an answerable and an unanswerable question in which the first has the higher
    confidence, ties counted half, each question as often as its cluster was drawn.
    """
    values, positive = np.array(confidences, dtype=float), np.array(answerable, dtype=bool)
    if positive.all() or not positive.any():
        return None
    wins = np.sign(values[positive, None] - values[None, ~positive]) / 2 + 0.5
    n = resamples.times.shape[1]
    # won[c, d]: the wins of cluster c's answerable questions over d's unanswerable ones.
    won = np.zeros((n, n))
    np.add.at(won, (resamples.cluster[positive, None], resamples.cluster[None, ~positive]), wins)
    sides = _by_cluster(np.stack([positive, ~positive], axis=1).astype(float), resamples)
    pairs = (resamples.times @ sides).prod(axis=1)
    total = ((resamples.times @ won) * resamples.times).sum(axis=1)
    return _ends(total[pairs > 0] / pairs[pairs > 0])


def aurc_interval(
    confidences: Sequence[float], is_right: Sequence[bool], resamples: Resamples
) -> Interval | None:
    """Returns the 95 % interval of the area under the risk-coverage curve; None without answers.

    As in `mean_intervals`, with `curves.aurc` of each draw in the place of its mean: over the
    distinct confidences, the highest first, the share of the answers that have it times the share
    of wrong ones among all down to it.
    """
    if not len(confidences):
        return None
    order = np.argsort(-np.array(confidences, dtype=float))
    ranked = np.array(confidences, dtype=float)[order]
    times = _times_of_answers(resamples)[:, order]
    is_last = np.append(ranked[1:] != ranked[:-1], True)  # of its confidence
    kept = times.cumsum(axis=1)[:, is_last]
    wrong = (times * ~np.array(is_right, dtype=bool)[order]).cumsum(axis=1)[:, is_last]
    risk = wrong / np.maximum(kept, 1.0)
    return _ends((np.diff(kept, prepend=0.0) * risk).sum(axis=1) / kept[:, -1])


def ece_interval(
    confidences: Sequence[float], is_right: Sequence[bool], resamples: Resamples
) -> Interval | None:
    """Returns the 95 % interval of the expected calibration error; None without answers.

    As in `mean_intervals`, with `curves.ece` of each draw in the place of its mean: the sum over
    the bins of |right answers - sum of confidences|, by the number of answers.
    """
    if not len(confidences):
        return None
    times = _times_of_answers(resamples)
    gaps = times * (np.array(is_right, dtype=float) - np.array(confidences, dtype=float))
    bins = np.array([bin_of(confidence) for confidence in confidences])
    by_bin = gaps @ (bins[:, None] == np.unique(bins))
    return _ends(np.abs(by_bin).sum(axis=1) / times.sum(axis=1))


def _times_of_answers(resamples: Resamples) -> np.ndarray:
    """Returns how often each answer is in each draw that holds any: shape (draws, answers).

    Of the first draws alone, for here a draw takes as much memory as there are answers.
    """
    times = resamples.times[:CURVE_DRAWS, resamples.cluster]
    return times[times.any(axis=1)]


def _by_cluster(values: np.ndarray, resamples: Resamples) -> np.ndarray:
    """Returns the sums over each cluster's questions: shape (clusters, figures)."""
    sums = np.zeros((resamples.times.shape[1], values.shape[1]))
    np.add.at(sums, resamples.cluster, values)
    return sums


def _ends(figures: np.ndarray) -> Interval:
    low, high = np.quantile(figures, [TAIL, 1 - TAIL])
    return float(low), float(high)


def p_value(
    differences: Sequence[float], clusters: Sequence[Hashable], draws: int = DRAWS, seed: int = 0
) -> float:
    """Returns the chance of a mean difference as far from 0 if the two systems were the same.

    `clusters[i]` is the cluster of `differences[i]`. Paired randomization, two-sided (Fisher 1935;
    for retrieval Smucker, Allan and Carterette 2007): were they the same, the differences could as
    well have had the other sign, those of a cluster all together.
    p = (b + 1) / (B + 1), with b the draws, of B, whose signs give a sum at least as far from 0
    as the one found. Without any difference it is 1.
    """
    sums: dict[Hashable, float] = {}
    for cluster, difference in zip(clusters, differences, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + difference
    found = np.array(list(sums.values()))
    signs = np.random.default_rng(seed).integers(0, 2, size=(draws, len(found))) * 2.0 - 1.0
    # The same numbers summed in another order differ in their last digits.
    as_far = np.abs(signs @ found) >= abs(found.sum()) - 1e-9
    return (int(as_far.sum()) + 1) / (draws + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns the p-values adjusted for being several, in the order given.

    The i-th smallest of m becomes m - i + 1 times itself, at most 1 and never less than the one
    before it (Holm 1979).
    """
    adjusted = [0.0] * len(p_values)
    least = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = least
    return adjusted
