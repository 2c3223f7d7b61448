"""How good one model version is on one part, with bootstrap 95 % intervals."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RESAMPLES: Final = 2000
CALIBRATION_BINS: Final = 15
# Resampled items held at once: bounds the memory. And in all: bounds the time on a very large holdout.
_ITEMS_AT_ONCE: Final = 200_000
_ITEMS_IN_ALL: Final = 20_000_000


@dataclass(frozen=True)
class Metric:
    """One figure with its 95 % interval (None for a plain count); `n` is how many reviews it rests on."""

    part: str
    slice: str
    name: str
    value: float
    low: float | None
    high: float | None
    n: int


def evaluate(
    part: str, y: Ints, probabilities: NDArray[np.floating], labels: list[str], seed: int = 0
) -> list[Metric]:
    """Every metric of one part; those that the part cannot show (one class only, no review) are left out.

    y: (n,) label indices; probabilities: (n, k). Intervals are percentile bootstraps over the reviews.
    """
    if len(y) == 0:
        return []
    rng = np.random.default_rng(seed)
    proba = np.asarray(probabilities, dtype=np.float64)
    counts = confusion(y, proba.argmax(axis=1), len(labels))
    metrics = _from_confusion(part, counts, labels, rng)
    metrics += _from_scores(part, y, proba, labels, rng)
    metrics += [
        Metric(part, "all", f"confusion:{true}:{predicted}", float(counts[i, j]), None, None, len(y))
        for i, true in enumerate(labels)
        for j, predicted in enumerate(labels)
    ]
    return metrics


def confusion(y: Ints, predicted: Ints, classes: int) -> Ints:
    """(k, k) counts, true by predicted."""
    return np.bincount(y * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def summary(counts: NDArray[np.generic]) -> dict[str, Floats]:
    """Accuracy and macro-F1 (...,), precision, recall and F1 (..., k) of confusion counts (..., k, k).

    NaN where a class does not occur; macro-F1 is the mean over the classes that do.
    """
    cells = np.asarray(counts, dtype=np.float64)
    hits = np.diagonal(cells, axis1=-2, axis2=-1)
    true, predicted = cells.sum(axis=-1), cells.sum(axis=-2)
    with np.errstate(invalid="ignore"):
        f1 = 2 * hits / (true + predicted)
        return {
            "accuracy": hits.sum(axis=-1) / true.sum(axis=-1),
            "macro_f1": np.nansum(f1, axis=-1) / (~np.isnan(f1)).sum(axis=-1),
            "precision": hits / predicted,
            "recall": hits / true,
            "f1": f1,
        }


def _from_confusion(part: str, counts: Ints, labels: list[str], rng: np.random.Generator) -> list[Metric]:
    """Accuracy to F1. Resampling reviews draws the confusion counts from a multinomial: exact, fast."""
    n = int(counts.sum())
    drawn = rng.multinomial(n, counts.ravel() / n, size=RESAMPLES).reshape(-1, *counts.shape)
    point, resampled = summary(counts), summary(drawn)
    metrics = []
    for name in ("accuracy", "macro_f1"):
        low, high = _interval(resampled[name])
        metrics.append(Metric(part, "all", name, float(point[name]), low, high, n))
    bases = {"precision": counts.sum(axis=0), "recall": counts.sum(axis=1), "f1": counts.sum(axis=1)}
    for name, base in bases.items():
        for i, label in enumerate(labels):
            value = float(point[name][i])
            if not np.isnan(value):
                low, high = _interval(resampled[name][:, i])
                metrics.append(Metric(part, label, name, value, low, high, int(base[i])))
    return [_never_certain(metric) for metric in metrics]


def _never_certain(metric: Metric) -> Metric:
    """A share of 0 or 1 has a bootstrap interval without width; Wilson's says what it can still be."""
    if metric.n == 0 or metric.low != metric.high:
        return metric
    # Exact for accuracy, precision and recall; for the F1s the nearest honest stand-in.
    hits = round(metric.value * metric.n)
    bounds = binomtest(hits, metric.n).proportion_ci(0.95, method="wilson")
    low, high = float(bounds.low), float(bounds.high)
    return Metric(metric.part, metric.slice, metric.name, metric.value, low, high, metric.n)


def _from_scores(
    part: str, y: Ints, proba: Floats, labels: list[str], rng: np.random.Generator
) -> list[Metric]:
    """Calibration error and one-vs-rest areas: each resample is a row of counts, so all are matrix work."""
    aucs = {i: _Auc(y == i, proba[:, i]) for i in range(len(labels)) if 0 < (y == i).sum() < len(y)}
    ece = _Calibration(y, proba)
    once = np.ones((1, len(y)), dtype=np.float32)
    rows: dict[int, list[Floats]] = {i: [] for i in (-1, *aucs)}
    for weights in _resamples(len(y), rng):
        rows[-1].append(ece.of(weights))
        for i, auc in aucs.items():
            rows[i].append(auc.of(weights))
    low, high = _interval(np.concatenate(rows[-1]))
    metrics = [Metric(part, "all", "ece", float(ece.of(once)[0]), low, high, len(y))]
    for i, auc in aucs.items():
        low, high = _interval(np.concatenate(rows[i]))
        metrics.append(Metric(part, labels[i], "roc_auc", float(auc.of(once)[0]), low, high, len(y)))
    return metrics


def _resamples(n: int, rng: np.random.Generator) -> Iterator[NDArray[np.float32]]:
    """How often each review was drawn, (rows, n) at a time."""
    left = max(200, min(RESAMPLES, _ITEMS_IN_ALL // n))
    while left > 0:
        rows = max(1, min(left, _ITEMS_AT_ONCE // n))
        drawn = rng.integers(0, n, size=(rows, n)) + np.arange(rows)[:, None] * n
        yield np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float32)
        left -= rows


class _Auc:
    """Area under the ROC curve of weighted reviews (Mann-Whitney, ties count half)."""

    def __init__(self, positive: NDArray[np.bool_], score: Floats) -> None:
        self.order = np.argsort(score, kind="stable")
        ranked = score[self.order]
        self.starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self.positive = positive[self.order]

    def of(self, weights: NDArray[np.float32]) -> Floats:
        ranked = weights[:, self.order]
        ups = np.add.reduceat(ranked * self.positive, self.starts, axis=1)
        downs = np.add.reduceat(ranked * ~self.positive, self.starts, axis=1)
        below = np.cumsum(downs, axis=1, dtype=np.float64) - downs / 2
        pairs = ups.sum(axis=1, dtype=np.float64) * downs.sum(axis=1, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((ups * below).sum(axis=1) / pairs, dtype=np.float64)


class _Calibration:
    """Expected calibration error: |confidence - accuracy| over equal-width bins, weighted by their size."""

    def __init__(self, y: Ints, proba: Floats) -> None:
        confidence = proba.max(axis=1)
        gap = confidence - (proba.argmax(axis=1) == y)
        bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
        self.gaps = np.zeros((len(y), CALIBRATION_BINS), dtype=np.float32)
        self.gaps[np.arange(len(y)), bins] = gap

    def of(self, weights: NDArray[np.float32]) -> Floats:
        return np.asarray(np.abs(weights @ self.gaps).sum(axis=1) / weights.sum(axis=1), dtype=np.float64)


def _interval(values: Floats) -> tuple[float, float]:
    # A class may be missing from some resamples; they say nothing about it.
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)
