"""Intervals, p-values and their correction: by hand, and what must hold for any numbers."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval import curves, measures
from eval.uncertainty import (
    Resamples,
    aurc_interval,
    auroc_interval,
    clusters_of,
    ece_interval,
    holm,
    interval,
    mean_intervals,
    p_value,
    resample,
)

SHARES = st.lists(st.floats(0, 1), min_size=2, max_size=30).filter(
    lambda values: max(values) - min(values) > 1e-6
)


def all_draws(clusters):
    """Every way to draw n of n clusters with replacement, each once: the exact bootstrap."""
    numbers = {key: number for number, key in enumerate(dict.fromkeys(clusters))}
    draws = itertools.product(range(len(numbers)), repeat=len(numbers))
    times = [np.bincount(draw, minlength=len(numbers)) for draw in draws]
    return Resamples(np.array([numbers[key] for key in clusters]), np.array(times, dtype=float))


def test_a_question_without_gold_is_its_own_cluster():
    rows = [
        {"id": "a", "gold": {"page": ["p", "q"]}},
        {"id": "b", "gold": {"page": ["p"]}},
        {"id": "p", "gold": {"page": []}},
        {"id": "d", "gold": {"page": []}},
    ]
    clusters = clusters_of(rows)
    assert clusters[0] == clusters[1]
    assert len(set(clusters)) == 3


def test_the_draws_are_of_whole_clusters():
    drawn = resample(["p", "q", "p", "r"], draws=500)
    assert drawn.cluster.tolist() == [0, 1, 0, 2]
    assert drawn.times.shape == (500, 3)
    assert (drawn.times.sum(axis=1) == 3).all()
    assert drawn.times.mean(axis=0) == pytest.approx([1, 1, 1], abs=0.15)


def test_the_interval_by_hand():
    # The means of the four draws of (0, 1), sorted: 0, 1/2, 1/2, 1. Their 2.5th percentile lies
    # 0.025 * 3 of the way from the first to the second.
    found = mean_intervals(np.array([[0.0], [1.0]]), all_draws(["a", "b"]))
    assert found == [pytest.approx((0.0375, 0.9625))]


def test_clusters_of_unlike_size_weigh_by_their_questions():
    # Cluster a holds 1, 1, 1, cluster b holds 0: the draws' means are 1, 3/4, 3/4, 0.
    found = mean_intervals(np.array([[1.0], [1], [1], [0]]), all_draws(["a", "a", "a", "b"]))
    assert found == [pytest.approx((0.75 * 0.075, 1 - 0.25 * 0.075))]


def test_what_is_not_judged_counts_for_nothing():
    nan = np.nan
    values = np.array([[0.0, nan], [1.0, nan], [nan, 1.0]])
    first, second = mean_intervals(values, all_draws(["a", "b", "c"]))
    # 27 draws: 1 of c alone has no value. Of the others 7 hold only zeros and 7 only ones (aaa,
    # aac in 3 orders, acc in 3 orders), so the ends are 0 and 1.
    assert first == (0, 1)
    assert second is None  # one cluster alone has no spread


def test_a_normal_sample_has_the_width_that_theory_gives():
    values = np.random.default_rng(3).normal(0.5, 0.2, size=400)
    low, high = interval(list(values), range(400))
    error = values.std() / 20
    assert (low, high) == pytest.approx(
        (values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.002
    )


def test_questions_of_one_page_widen_the_interval():
    values = [0.0] * 50 + [1.0] * 50
    alone = interval(values, range(100))
    together = interval(values, [n // 10 for n in range(100)])
    assert together[1] - together[0] > 2.5 * (alone[1] - alone[0])


def test_nothing_judged_has_no_interval():
    assert interval([], []) is None
    assert interval([None, None], ["a", "b"]) is None
    assert interval([None, 0.5, 0.7], ["a", "b", "b"]) is None


def test_thirteen_of_thirteen_are_not_called_certain():
    assert interval([1.0] * 13, range(13)) is None
    assert interval([0.0, None] * 13, range(26)) is None
    assert interval([1.0] * 12 + [0.0], range(13)) is not None


def test_the_same_seed_gives_the_same_interval_and_another_one_nearly():
    values, clusters = [n % 3 / 2 for n in range(60)], [n % 20 for n in range(60)]
    assert interval(values, clusters) == interval(values, clusters)
    other = interval(values, clusters, seed=1)
    assert interval(values, clusters) == pytest.approx(other, abs=0.02)


@settings(deadline=None)
@given(SHARES)
def test_an_interval_lies_within_the_values(values):
    low, high = interval(values, range(len(values)), draws=200)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


@settings(deadline=None)
@given(SHARES)
def test_an_interval_moves_with_its_values(values):
    low, high = interval(values, range(len(values)), draws=200)
    moved = interval([2 * value + 1 for value in values], range(len(values)), draws=200)
    assert moved == pytest.approx((2 * low + 1, 2 * high + 1))


CONFIDENCES = st.lists(
    st.tuples(st.sampled_from([0, 0.2, 0.5, 0.9]), st.booleans(), st.integers(0, 3)),
    min_size=1,
    max_size=12,
)


@settings(deadline=None)
@given(CONFIDENCES, st.integers(0, 2**32 - 1))
def test_a_draws_auroc_is_that_of_its_questions(questions, seed):
    confidences, answerable, clusters = map(list, zip(*questions, strict=True))
    one = resample(clusters, draws=1, seed=seed)
    drawn = np.repeat(np.arange(len(questions)), one.times[0][one.cluster].astype(int))
    sides = {
        side: [confidences[at] for at in drawn if answerable[at] is side] for side in (True, False)
    }
    expected = measures.auroc(sides[True], sides[False])
    if expected is not None:
        assert auroc_interval(confidences, answerable, one) == pytest.approx((expected,) * 2)


def test_the_auroc_of_one_side_has_no_interval():
    assert auroc_interval([0.1, 0.2], [True, True], resample("ab")) is None
    assert auroc_interval([], [], resample("")) is None


def test_a_perfect_auroc_is_sure_and_a_coin_is_not():
    sides = [True, False] * 20
    found = auroc_interval([0.9, 0.1] * 20, sides, resample(range(40)))
    assert found == (1, 1)
    low, high = auroc_interval([0.9, 0.1, 0.1, 0.9] * 10, sides, resample(range(40)))
    assert low < 0.4
    assert high > 0.6


@settings(deadline=None)
@given(CONFIDENCES, st.integers(0, 2**32 - 1))
def test_the_curves_of_a_draw_are_those_of_its_answers(answers, seed):
    confidences, is_right, clusters = map(list, zip(*answers, strict=True))
    one = resample(clusters, draws=1, seed=seed)
    drawn = np.repeat(np.arange(len(answers)), one.times[0][one.cluster].astype(int))
    sample = [confidences[at] for at in drawn], [is_right[at] for at in drawn]
    area, error = (
        curves.aurc(curves.risk_coverage(*sample)),
        curves.ece(curves.calibration(*sample)),
    )
    assert aurc_interval(confidences, is_right, one) == pytest.approx((area, area))
    assert ece_interval(confidences, is_right, one) == pytest.approx((error, error))


def test_the_intervals_of_the_curves_by_hand():
    # Of the four draws of a (.9, right) and b (.3, wrong), aa has area 0 and error .1, bb has area
    # 1 and error .3, and ab and ba have area 1/2 * 0 + 1/2 * 1/2 and error 1/2 * (.1 + .3).
    given = [0.9, 0.3], [True, False], all_draws("ab")
    assert aurc_interval(*given) == pytest.approx((0.075 * 0.25, 1 - 0.075 * 0.75))
    assert ece_interval(*given) == pytest.approx((0.1 + 0.075 * 0.1, 0.3 - 0.075 * 0.1))


def test_a_draw_without_answers_has_no_curve():
    # The cluster of the second answer's question alone holds answers, and is not in every draw.
    silent = Resamples(np.array([1]), all_draws("ab").times)
    assert aurc_interval([0.4], [False], silent) == pytest.approx((1, 1))
    assert ece_interval([0.4], [False], silent) == pytest.approx((0.4, 0.4))
    assert aurc_interval([], [], silent) is ece_interval([], [], silent) is None


def test_the_p_value_by_hand():
    # Of the 8 ways to sign (1, 1, 1) two are as far out as the one found: p is near 1/4.
    assert p_value([1, 1, 1], "abc") == pytest.approx(0.25, abs=0.02)
    # (3, -1, 1): sums 3 5 1 3 -3 -1 -5 -3; |sum| >= 3 in 6 of 8.
    assert p_value([3, -1, 1], "abc") == pytest.approx(0.75, abs=0.02)


def test_the_differences_of_a_cluster_change_sign_together():
    # (2, 1) of the clusters a and b: sums 3 1 -1 -3, of which two are as far out as the one found.
    assert p_value([1, 1, 1], "aba") == pytest.approx(0.5, abs=0.02)
    assert p_value([1] * 60, "a" * 60) == 1
    # Differences that cancel within a cluster say nothing, whatever its size.
    assert p_value([1, -1, 1], "aab") == 1


def test_no_difference_has_p_1_and_a_p_value_is_never_0():
    assert p_value([], []) == p_value([0, 0], "ab") == 1
    assert p_value([1] * 60, range(60), draws=99) == 1 / 100


@given(st.lists(st.sampled_from([-1, -0.1, 0, 0.1, 0.3, 1]), max_size=20))
def test_a_p_value_does_not_know_which_came_first(differences):
    clusters = [at // 2 for at in range(len(differences))]
    p = p_value(differences, clusters, draws=99)
    assert 0 < p <= 1
    assert p == p_value([-difference for difference in differences], clusters, draws=99)


def test_equal_systems_are_called_different_in_one_of_twenty():
    generator = np.random.default_rng(5)
    samples = generator.choice([-1, 0, 1], size=(300, 60), p=[0.2, 0.6, 0.2])
    rejected = sum(p_value(sample, range(60), draws=199) <= 0.05 for sample in samples)
    assert rejected / 300 == pytest.approx(0.05, abs=0.035)


def test_equal_systems_are_called_different_no_oftener_where_questions_share_pages():
    generator = np.random.default_rng(5)
    pages = generator.choice([-1.0, 0, 1], size=(300, 15), p=[0.2, 0.6, 0.2]).repeat(4, axis=1)
    clusters = [at // 4 for at in range(60)]
    rejected = [
        sum(p_value(sample, of, draws=199) <= 0.05 for sample in pages)
        for of in (clusters, range(60))
    ]
    assert rejected[0] / 300 < 0.085  # fewer than 0.05 even, for 15 pages have few ways to sign
    assert rejected[1] / 300 > 0.2  # taken for independent, they seem surer than they are


def test_holm_by_hand():
    # Sorted: .01 * 4, .02 * 3, .03 * 2 = .06, .5 * 1.
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.5, 0.9, 0.6]) == [1, 1, 1]
    assert holm([0.04]) == [0.04]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=10))
def test_holm_lies_between_the_p_value_and_bonferroni(p_values):
    adjusted = holm(p_values)
    for p, corrected in zip(p_values, adjusted, strict=True):
        assert p <= corrected <= min(1, len(p_values) * p) + 1e-12
    by_p = [corrected for _, corrected in sorted(zip(p_values, adjusted, strict=True))]
    assert by_p == sorted(adjusted)


def test_two_hundred_questions_take_no_time():
    generator = np.random.default_rng(0)
    values = generator.random((200, 120))
    begin = time.process_time()
    drawn = resample([n % 120 for n in range(200)])
    mean_intervals(values, drawn)
    auroc_interval(list(values[:, 0]), list(values[:, 1] > 0.2), drawn)
    assert time.process_time() - begin < 4  # of the processor, all threads together
