"""What audit items say of a model: right on the average, honest about its doubt, never by an item's own label."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from learner import audit
from learner.classifiers.head import HeadClassifier
from learner.classifiers.interface import dataset
from learner.evaluation import Metric, summary
from learner.settings import HeadSettings

LABELS = ["negative", "neutral", "positive"]
POOL = 6_000


@pytest.fixture(scope="module")
def world() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """A pool with its true labels and what a model says of it: surer where it is right more often."""
    rng = np.random.default_rng(5)
    y = rng.choice(3, POOL, p=[0.25, 0.15, 0.6])
    ease = rng.beta(1.2, 0.8, POOL)
    proba = np.full((POOL, 3), 1 / 3) * (1 - ease)[:, None]
    right = rng.random(POOL) < 0.35 + 0.6 * ease
    said = np.where(right, y, (y + rng.integers(1, 3, POOL)) % 3)
    proba[np.arange(POOL), said] += ease
    return y, proba


def truth(y: NDArray[np.int64], proba: NDArray[np.float64]) -> dict[str, float]:
    counts = np.zeros((3, 3))
    np.add.at(counts, (y, proba.argmax(axis=1)), 1)
    found = summary(counts)
    return {"accuracy": float(found["accuracy"]), "macro_f1": float(found["macro_f1"])}


def by_name(metrics: list[Metric]) -> dict[tuple[str, str], Metric]:
    return {(metric.slice, metric.name): metric for metric in metrics}


def test_estimates_are_right_on_the_average_and_their_intervals_hold(
    world: tuple[NDArray[np.int64], NDArray[np.float64]],
) -> None:
    y, proba = world
    true = truth(y, proba) | {"neutral": float((y == 1).mean())}
    rng = np.random.default_rng(0)
    found: dict[str, list[float]] = {name: [] for name in true}
    held = dict.fromkeys(true, 0)
    runs = 300
    for _ in range(runs):
        rows = rng.choice(POOL, 100, replace=False)
        metrics = by_name(audit.evaluate(y[rows], proba[rows], np.ones(100), proba.max(axis=1), LABELS))
        for name, key in {"accuracy": ("all", "accuracy"), "macro_f1": ("all", "macro_f1")}.items():
            _take(metrics[key], name, true, found, held)
        _take(metrics["neutral", "prevalence"], "neutral", true, found, held)
    for name in ("accuracy", "neutral"):
        error = np.std(found[name]) / np.sqrt(runs)
        assert abs(np.mean(found[name]) - true[name]) < 4 * error + 0.002
    assert all(0.9 < count / runs < 0.99 for count in held.values()), held


def _take(
    metric: Metric, name: str, true: dict[str, float], found: dict[str, list[float]], held: dict[str, int]
) -> None:
    assert metric.low is not None and metric.high is not None
    found[name].append(metric.value)
    held[name] += metric.low <= true[name] <= metric.high


def test_confidences_of_the_pool_make_the_estimate_steadier(
    world: tuple[NDArray[np.int64], NDArray[np.float64]],
) -> None:
    y, proba = world
    rng = np.random.default_rng(1)
    with_pool, without = [], []
    for _ in range(400):
        rows = rng.choice(POOL, 150, replace=False)
        for pool, into in ((proba.max(axis=1), with_pool), (np.zeros(0), without)):
            metrics = by_name(audit.evaluate(y[rows], proba[rows], np.ones(150), pool, LABELS))
            into.append(metrics["all", "accuracy"].value)
    assert np.var(with_pool) < 0.95 * np.var(without)
    assert np.mean(with_pool) == pytest.approx(np.mean(without), abs=0.01)


def test_one_of_several_near_duplicates_speaks_for_all(
    world: tuple[NDArray[np.int64], NDArray[np.float64]],
) -> None:
    """Half of the groups have three reviews that the model gets wrong: unweighted, accuracy would read too high."""
    rng = np.random.default_rng(2)
    sizes = np.repeat([1, 3], 1_000)
    y = np.zeros(2_000, dtype=np.int64)
    wrong = (sizes == 3) & (rng.random(2_000) < 0.5)
    proba = np.where(wrong[:, None], [0.3, 0.7], [0.7, 0.3])
    true = float(np.average(~wrong, weights=sizes))
    estimates, plain = [], []
    for _ in range(200):
        rows = rng.choice(2_000, 80, replace=False)
        for weights, into in ((sizes[rows] * 25.0, estimates), (np.ones(80), plain)):
            metrics = by_name(audit.evaluate(y[rows], proba[rows], weights, np.zeros(0), ["a", "b"]))
            into.append(metrics["all", "accuracy"].value)
    assert np.mean(estimates) == pytest.approx(true, abs=0.015)
    assert np.mean(plain) > true + 0.05


def test_no_label_judges_a_model_that_saw_it() -> None:
    """Features that single out each review, labels by the toss of a coin: who saw a label knows it, nobody else can."""
    rng = np.random.default_rng(3)
    n = 120
    y = rng.integers(0, 2, n)
    features = np.eye(n, dtype=np.float32) * 10
    texts = [f"review {row}" for row in range(n)]
    place = {text: row for row, text in enumerate(texts)}

    def encode(wanted: list[str], progress: object = None) -> NDArray[np.float32]:
        return features[[place[text] for text in wanted]]

    classifier = HeadClassifier(["a", "b"], encode, HeadSettings(), 100.0)  # type: ignore[arg-type]
    train = dataset(texts, y, 2)
    classifier.fit(train)
    assert (classifier.model.predict_proba(texts).argmax(axis=1) == y).all()
    held_out = classifier.cross_fit(train)
    assert held_out is not None
    assert (held_out.argmax(axis=1) == y).mean() < 0.65
    flipped = y.copy()
    flipped[7] = 1 - flipped[7]
    again = HeadClassifier(["a", "b"], encode, HeadSettings(), 100.0)  # type: ignore[arg-type]
    again.fit(dataset(texts, flipped, 2))
    judged = again.cross_fit(dataset(texts, flipped, 2))
    assert judged is not None and judged[7, flipped[7]] < 0.9


def test_too_little_to_cross_fit_is_no_estimate() -> None:
    def encode(wanted: list[str], progress: object = None) -> NDArray[np.float32]:
        return np.ones((len(wanted), 2), dtype=np.float32)

    classifier = HeadClassifier(["a", "b"], encode, HeadSettings(), 1.0)  # type: ignore[arg-type]
    train = dataset(["one", "two", "three"], np.array([0, 0, 1]), 2)
    classifier.fit(train)
    assert classifier.cross_fit(train) is None
    assert audit.evaluate(np.zeros(0, np.int64), np.zeros((0, 2)), np.zeros(0), np.zeros(0), ["a", "b"]) == []


@pytest.mark.parametrize("n", [1, 2, 45])
def test_few_items_and_a_pool_of_one_confidence(n: int, tmp_path: Path) -> None:
    y = np.arange(n) % 2
    proba = np.tile([0.6, 0.4], (n, 1))
    metrics = audit.evaluate(y, proba, np.ones(n), np.full(10, 0.6), ["a", "b"])
    for metric in metrics:
        assert metric.low is not None and metric.high is not None
        assert 0 <= metric.low <= metric.value <= metric.high <= 1 and np.isfinite(metric.value)
    found = by_name(metrics)
    assert found["all", "accuracy"].n == n
    assert found["all", "accuracy"].value == pytest.approx((y == 0).mean())


def test_a_class_with_a_single_label_is_unknown_where_that_label_is_judged() -> None:
    texts = [f"review {row}" for row in range(21)]
    y = np.repeat([0, 1, 2], [10, 10, 1])
    features = dict(zip(texts, np.eye(3, dtype=np.float32)[y], strict=True))

    def encode(wanted: list[str], progress: object = None) -> NDArray[np.float32]:
        return np.stack([features[text] for text in wanted])

    classifier = HeadClassifier(LABELS, encode, HeadSettings(class_names=False), 10.0)  # type: ignore[arg-type]
    train = dataset(texts, y, 3)
    classifier.fit(train)
    held_out = classifier.cross_fit(train)
    assert held_out is not None and held_out.shape == (21, 3)
    assert held_out[20, 2] < 1e-6 and (held_out[:20].argmax(axis=1) == y[:20]).all()
