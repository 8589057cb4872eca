"""The curves, by hand and for any answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval import measures
from eval.curves import Bin, aurc, calibration, ece, quantiles, retrieval_curve, risk_coverage

ANSWERS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.9, 1.0]), st.booleans()), min_size=1
)


def test_risk_and_coverage_by_hand():
    # Kept from the most confident down: right, wrong, right, wrong.
    points = risk_coverage([0.2, 0.9, 0.5, 0.7], [False, True, True, False])
    assert points == [(0.25, 0), (0.5, 0.5), (0.75, pytest.approx(1 / 3)), (1, 0.5)]
    assert aurc(points) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_answers_of_one_confidence_come_and_go_together():
    points = risk_coverage([0.9, 0.5, 0.5, 0.5], [True, False, True, False])
    assert points == [(0.25, 0), (1, 0.5)]
    assert aurc(points) == pytest.approx(0.25 * 0 + 0.75 * 0.5)


def test_no_answers_have_no_curve():
    assert risk_coverage([], []) == []
    assert aurc([]) is None
    assert calibration([], []) == []
    assert ece([]) is None
    assert quantiles([]) == []


@given(ANSWERS)
def test_the_last_point_is_the_share_of_wrong_answers(answers):
    confidences, is_right = zip(*answers, strict=True)
    points = risk_coverage(confidences, is_right)
    assert points[-1] == (1, pytest.approx(1 - sum(is_right) / len(is_right)))
    assert all(0 <= risk <= 1 for _, risk in points)
    assert [cover for cover, _ in points] == sorted({cover for cover, _ in points})
    assert 0 <= aurc(points) <= 1


@given(st.lists(st.booleans(), min_size=1))
def test_a_confidence_that_tells_nothing_has_the_share_of_wrong_answers_as_area(is_right):
    area = aurc(risk_coverage([0.5] * len(is_right), is_right))
    assert area == pytest.approx(1 - sum(is_right) / len(is_right))


def test_calibration_by_hand():
    bins = calibration([0.05, 0.95, 0.92, 0.97, 1.0], [False, True, True, False, True])
    assert bins == [Bin(0.05, 0, 1), Bin(pytest.approx(0.96), 0.75, 4)]
    assert ece(bins) == pytest.approx((1 * 0.05 + 4 * 0.21) / 5)


def test_a_limit_belongs_to_the_bin_below():
    assert [b.n for b in calibration([0.3, 0.30001], [True, True])] == [1, 1]
    assert [b.n for b in calibration([0.25, 0.3], [True, True])] == [2]
    assert [b.n for b in calibration([0, 0.1, 0.5, 1], [True] * 4)] == [2, 1, 1]
    assert [b.n for b in calibration([0, 0.5, 1], [True] * 3, bins=2)] == [2, 1]


def test_what_lies_outside_falls_into_the_nearest_bin():
    assert [b.n for b in calibration([-0.1, 0.05, 0.95, 1.2], [True] * 4)] == [2, 2]


@given(ANSWERS)
def test_every_answer_is_in_a_bin_and_the_error_is_a_share(answers):
    confidences, is_right = zip(*answers, strict=True)
    bins = calibration(confidences, is_right)
    assert sum(one.n for one in bins) == len(answers)
    assert sum(one.n * one.right for one in bins) == pytest.approx(sum(is_right))
    assert 0 <= ece(bins) <= 1


def test_the_retrieval_curve_by_hand():
    rankings = [["a", "b", "c"], ["a", "b", "c"], ["a"], ["a"]]
    golds = [["c", "b"], ["a"], ["z"], []]
    assert retrieval_curve(rankings, golds, 4) == [
        (1, pytest.approx(1 / 3)),
        (2, pytest.approx(2 / 3)),
        (3, pytest.approx(2 / 3)),
        (4, pytest.approx(2 / 3)),
    ]
    assert retrieval_curve([["a"]], [[]]) == []
    assert len(retrieval_curve(rankings, golds)) == 50


def test_quantiles_by_hand():
    assert quantiles([3.0, 1.0, 3.0, 2.0]) == [(1, 0.25), (2, 0.5), (3, 1)]


@given(st.lists(st.floats(0, 10), min_size=1), st.integers(1, 100))
def test_the_quantiles_agree_with_the_percentile(values, percent):
    crossing = next(v for v, share in quantiles(values) if share >= percent / 100 - 1e-12)
    assert crossing == measures.percentile(values, percent)
