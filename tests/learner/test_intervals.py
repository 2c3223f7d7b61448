"""Intervals hold what they promise, also on few labels and near one."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from learner import intervals


def test_shares_are_wilsons() -> None:
    low, high = intervals.share(np.array([0.0, 0.5, 0.9, 1.0]), np.array([5, 20, 50, 7]))
    for i, (hits, n) in enumerate([(0, 5), (10, 20), (45, 50), (7, 7)]):
        expected = binomtest(hits, n).proportion_ci(0.95, method="wilson")
        assert (low[i], high[i]) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert np.isnan(intervals.share(np.nan, 0)).all()


def test_f1_is_a_share_in_disguise() -> None:
    true_positive, false_positive, false_negative = 30, 5, 15
    jaccard = np.array(true_positive / (true_positive + false_positive + false_negative))
    expected = 2 * true_positive / (2 * true_positive + false_positive + false_negative)
    assert float(intervals.f1_of(jaccard)) == pytest.approx(expected)


def test_the_bounds_of_a_mean_hold_it() -> None:
    """Two shares of fifty, one of them near one."""
    rng = np.random.default_rng(0)
    true = np.array([0.97, 0.6])
    held = 0
    for _ in range(2_000):
        values = rng.binomial(50, true) / 50
        low, high = intervals.mean(values, *intervals.share(values, 50), np.eye(2))
        held += low <= true.mean() <= high
    assert 0.93 < held / 2_000 < 0.975


def test_the_mean_of_what_moves_together_is_less_certain() -> None:
    values = np.array([0.8, 0.7])
    bounds = values, values - 0.1, values + 0.1
    low, high = intervals.mean(*bounds, np.eye(2))
    together = intervals.mean(*bounds, np.ones((2, 2)))
    assert together == pytest.approx((0.65, 0.85)) and low > together[0] and high < together[1]


def test_the_area_is_scikit_learns_and_its_bounds_hold_it() -> None:
    rng = np.random.default_rng(1)
    positive = np.arange(60) < 15
    score = np.round(rng.normal(positive * 1.0, 1.0), 1)
    assert intervals.area(positive, score)[0] == pytest.approx(roc_auc_score(positive, score))
    true = 0.9213  # of normal scores two apart: the normal distribution function at the square root of two
    held = 0
    for _ in range(800):
        _, low, high = intervals.area(positive, rng.normal(positive * 2.0, 1.0))
        held += low <= true <= high
    assert 0.92 < held / 800 < 0.985


def test_an_area_of_one_is_not_called_certain() -> None:
    value, low, high = intervals.area(np.arange(20) < 5, -np.arange(20.0))
    assert (value, high) == (1.0, 1.0) and low < 0.95


def test_calibration_error_forgives_what_is_noise() -> None:
    rng = np.random.default_rng(3)
    forgiven, held, plain = 0, 0, []
    runs = 40
    for _ in range(runs):
        confidence = rng.uniform(0.5, 1.0, 60)
        honest = rng.random(60) < confidence
        value, low, high = intervals.calibration_error(confidence, honest, rng)
        assert 0 <= low <= value <= high
        forgiven += low == 0.0
        plain.append(value)
        boastful = rng.random(60) < confidence - 0.15
        _, low, high = intervals.calibration_error(confidence, boastful, rng)
        held += low <= 0.15 <= high
    assert forgiven >= 36 and held >= 34
    assert np.mean(plain) < 0.07  # the plain error would be some 0.1
