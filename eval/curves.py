"""The curves of a run: how risk falls with coverage, confidence with success, hits with depth.

Pure functions from numbers to points. This module knows nothing of rows, files and drawing.
"""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """The answers whose confidences lie between two limits."""

    confidence: float
    """Their mean confidence."""
    right: float
    """The share of them that is right."""
    n: int


def risk_coverage(
    confidences: Sequence[float], is_right: Sequence[bool]
) -> list[tuple[float, float]]:
    """Returns (coverage, risk) for every threshold that tells answers apart, the highest first.

    Coverage is the share of the answers at or above the threshold, risk the share of wrong ones
    among those (Geifman and El-Yaniv 2017). Answers of one confidence come and go together.
    """
    ranked = sorted(zip(confidences, is_right, strict=True), reverse=True)
    points, wrong = [], 0
    for kept, (confidence, right) in enumerate(ranked, 1):
        wrong += not right
        if kept == len(ranked) or ranked[kept][0] != confidence:
            points.append((kept / len(ranked), wrong / kept))
    return points


def aurc(points: Sequence[tuple[float, float]]) -> float | None:
    """Returns the area under `risk_coverage`'s points; None without any.

    The mean, over all answers, of the risk at the threshold that just keeps the answer (Geifman
    and El-Yaniv 2017): sum of (coverage_i - coverage_(i-1)) * risk_i. 0 is best; a confidence
    that tells nothing has the share of wrong answers.
    """
    if not points:
        return None
    below = [0.0, *(coverage for coverage, _ in points)]
    return sum((cover - less) * risk for less, (cover, risk) in zip(below, points, strict=False))


def calibration(
    confidences: Sequence[float], is_right: Sequence[bool], bins: int = BINS
) -> list[Bin]:
    """Returns the bins that hold an answer, the lowest first.

    The bins part 0 to 1 evenly, bin m of M reaching from above (m - 1) / M up to m / M (Guo et
    al. 2017); what lies outside falls into the nearest.
    """
    members: dict[int, list[tuple[float, bool]]] = {}
    for confidence, right in zip(confidences, is_right, strict=True):
        members.setdefault(bin_of(confidence, bins), []).append((confidence, right))
    return [
        Bin(
            sum(confidence for confidence, _ in inside) / len(inside),
            sum(right for _, right in inside) / len(inside),
            len(inside),
        )
        for _, inside in sorted(members.items())
    ]


def bin_of(confidence: float, bins: int = BINS) -> int:
    """Returns the number of the confidence's bin, from 0."""
    # Compared with the limits, not multiplied: 0.07 * 100 is more than 7.
    return bisect_left([number / bins for number in range(1, bins)], confidence)


def ece(bins: Sequence[Bin]) -> float | None:
    """Returns the expected calibration error; None without answers.

    The sum over the bins of n_m / n * |right_m - confidence_m| (Guo et al. 2017).
    """
    n = sum(one.n for one in bins)
    return sum(one.n * abs(one.right - one.confidence) for one in bins) / n if n else None


def retrieval_curve(
    rankings: Sequence[Sequence[str]], golds: Sequence[Collection[str]], depth: int = 50
) -> list[tuple[int, float]]:
    """Returns (k, the share of questions with gold among the first k), for k from 1 to `depth`.

    That is Success@k of the questions that have gold, as its mean; no points without any.
    """
    first = [
        next((rank for rank, name in enumerate(ranking, 1) if name in gold), None)
        for ranking, gold in zip(rankings, golds, strict=True)
        if gold
    ]
    if not first:
        return []
    found = [rank for rank in first if rank is not None]
    return [(k, sum(rank <= k for rank in found) / len(first)) for k in range(1, depth + 1)]


def quantiles(values: Sequence[float]) -> list[tuple[float, float]]:
    """Returns (value, the share of all values up to it), a point for each distinct value.

    The empirical distribution function: where it crosses 0.5 is the median (nearest rank).
    """
    ordered = sorted(values)
    return [
        (value, rank / len(ordered))
        for rank, value in enumerate(ordered, 1)
        if rank == len(ordered) or ordered[rank] != value
    ]
