"""How sure a figure is: bootstrap intervals, randomization tests, Holm's correction.

Questions on one page stand or fall together, so pages are drawn, not questions: an interval that
took the questions for independent would be too narrow. Every function draws from a generator
with a fixed seed, so the same rows always give the same figures. This module knows nothing of
files and tables.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

DRAWS = 10_000
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


def interval_of(
    statistic: Callable[[np.ndarray], float | None], resamples: Resamples, draws: int = 1000
) -> Interval | None:
    """Returns the 95 % interval of any statistic of the questions at the positions it is given.

    As in `mean_intervals`, by the first `draws` of the draws: it is called once for each. None
    where it has no value in any.
    """
    positions = np.arange(len(resamples.cluster))
    found = [
        statistic(np.repeat(positions, times[resamples.cluster].astype(int)))
        for times in resamples.times[:draws]
    ]
    known = [value for value in found if value is not None]
    return _ends(np.array(known)) if known else None


def _by_cluster(values: np.ndarray, resamples: Resamples) -> np.ndarray:
    """Returns the sums over each cluster's questions: shape (clusters, figures)."""
    sums = np.zeros((resamples.times.shape[1], values.shape[1]))
    np.add.at(sums, resamples.cluster, values)
    return sums


def _ends(figures: np.ndarray) -> Interval:
    low, high = np.quantile(figures, [TAIL, 1 - TAIL])
    return float(low), float(high)


def p_value(differences: Sequence[float], draws: int = DRAWS, seed: int = 0) -> float:
    """Returns the chance of a mean difference as far from 0 if the two systems were the same.

    Paired randomization, two-sided (Fisher 1935; for retrieval Smucker, Allan and Carterette
    2007): were they the same, each difference could as well have had the other sign.
    p = (b + 1) / (B + 1), with b the draws, of B, whose signs give a sum at least as far from 0
    as the one found. Without any difference it is 1.
    """
    found = np.array(differences, dtype=float)
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
