"""The metrics against scikit-learn's, and their intervals against what they promise."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from learner.evaluation import Metric, evaluate

LABELS = ["negative", "neutral", "positive"]


def drawn(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities that are right about two times in three, with some equal scores."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    proba = rng.dirichlet([1, 1, 1], n)
    proba[np.arange(n), y] += 0.4
    return y, np.round(proba / proba.sum(axis=1, keepdims=True), 2)


def by_name(metrics: list[Metric]) -> dict[tuple[str, str], Metric]:
    return {(metric.slice, metric.name): metric for metric in metrics}


def test_point_values_are_scikit_learns() -> None:
    y, proba = drawn(300)
    found = by_name(evaluate("holdout", y, proba, LABELS))
    predicted = proba.argmax(axis=1)
    assert found["all", "accuracy"].value == pytest.approx((predicted == y).mean())
    assert found["all", "macro_f1"].value == pytest.approx(f1_score(y, predicted, average="macro"))
    for i, label in enumerate(LABELS):
        for name, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
            expected = score(y, predicted, labels=[i], average="macro")
            assert found[label, name].value == pytest.approx(expected)
        assert found[label, "roc_auc"].value == pytest.approx(roc_auc_score(y == i, proba[:, i]))
        assert found["all", f"confusion:{label}:{label}"].value == ((y == i) & (predicted == i)).sum()


def test_the_interval_is_as_wide_as_theory_says() -> None:
    y, proba = drawn(400)
    accuracy = by_name(evaluate("holdout", y, proba, LABELS))["all", "accuracy"]
    assert accuracy.low is not None and accuracy.high is not None
    half = 1.96 * np.sqrt(accuracy.value * (1 - accuracy.value) / 400)
    assert accuracy.high - accuracy.low == pytest.approx(2 * half, rel=0.15)
    assert accuracy.low < accuracy.value < accuracy.high


def test_calibration_error_of_known_confidence() -> None:
    proba = np.tile([0.8, 0.2], (100, 1))
    y = np.r_[np.zeros(60, int), np.ones(40, int)]
    assert by_name(evaluate("holdout", y, proba, ["a", "b"]))["all", "ece"].value == pytest.approx(
        0.2, abs=0.02
    )


def test_all_right_on_few_reviews_is_not_called_certain() -> None:
    accuracy = by_name(evaluate("holdout", np.zeros(5, int), np.tile([0.9, 0.1], (5, 1)), ["a", "b"]))
    assert accuracy["all", "accuracy"].value == 1.0
    assert accuracy["all", "accuracy"].low == pytest.approx(0.566, abs=0.001)  # Wilson


def test_what_a_part_cannot_show_is_left_out() -> None:
    assert evaluate("holdout", np.zeros(0, int), np.zeros((0, 3)), LABELS) == []
    found = by_name(evaluate("holdout", np.zeros(4, int), np.tile([0.6, 0.3, 0.1], (4, 1)), LABELS))
    assert ("negative", "recall") in found and ("neutral", "recall") not in found
    assert not any(name == "roc_auc" for _, name in found)
    assert all(np.isfinite(metric.value) for metric in found.values())


def test_same_seed_same_intervals() -> None:
    y, proba = drawn(80)
    assert evaluate("holdout", y, proba, LABELS, seed=3) == evaluate("holdout", y, proba, LABELS, seed=3)
