"""How good one model version is on one part, with 95 % intervals (learner/intervals.py)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learner import intervals

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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

    y: (n,) label indices; probabilities: (n, k). The seed is that of the draws behind the calibration error.
    """
    if len(y) == 0:
        return []
    rng = np.random.default_rng(seed)
    proba = np.asarray(probabilities, dtype=np.float64)
    counts = confusion(y, proba.argmax(axis=1), len(labels))
    metrics = _from_confusion(part, counts, labels)
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


def _from_confusion(part: str, counts: Ints, labels: list[str]) -> list[Metric]:
    """Accuracy to F1: all are shares of counts but macro-F1, which is the mean of some."""
    n = int(counts.sum())
    point = summary(counts)
    low, high = intervals.share(point["accuracy"], n)
    metrics = [Metric(part, "all", "accuracy", float(point["accuracy"]), float(low), float(high), n)]
    true, predicted, hits = counts.sum(axis=1), counts.sum(axis=0), np.diagonal(counts)
    either = true + predicted - hits
    occurs = either > 0
    with np.errstate(invalid="ignore"):
        lows, highs = map(intervals.f1_of, intervals.share(hits / either, either))
    together = intervals.correlations(_f1_covariance(counts, point["f1"])[np.ix_(occurs, occurs)])
    bounds = intervals.mean(point["f1"][occurs], lows[occurs], highs[occurs], together)
    metrics.append(Metric(part, "all", "macro_f1", float(point["macro_f1"]), *bounds, n))
    found = {
        "precision": (predicted, *intervals.share(point["precision"], predicted)),
        "recall": (true, *intervals.share(point["recall"], true)),
        "f1": (true, lows, highs),
    }
    for name, (base, low, high) in found.items():
        for i, label in enumerate(labels):
            value = float(point[name][i])
            if not np.isnan(value):
                metrics.append(Metric(part, label, name, value, float(low[i]), float(high[i]), int(base[i])))
    return metrics


def _f1_covariance(counts: Ints, f1: Floats) -> Floats:
    """(k, k): how the F1s move together when reviews are drawn anew, to first order."""
    k = len(counts)
    one = np.eye(k)
    true, predicted = np.repeat(one, k, axis=0), np.tile(one, (k, 1))  # of each cell, as (k * k, k)
    reach = np.maximum(counts.sum(axis=1) + counts.sum(axis=0), 1)
    pull = (2 * true * predicted - np.nan_to_num(f1) * (true + predicted)) / reach
    return np.asarray(pull.T @ (counts.reshape(-1, 1) * pull), dtype=np.float64)


def _from_scores(
    part: str, y: Ints, proba: Floats, labels: list[str], rng: np.random.Generator
) -> list[Metric]:
    """Calibration error and one-vs-rest areas."""
    hit = proba.argmax(axis=1) == y
    metrics = [Metric(part, "all", "ece", *intervals.calibration_error(proba.max(axis=1), hit, rng), len(y))]
    for i, label in enumerate(labels):
        if 0 < (y == i).sum() < len(y):
            metrics.append(Metric(part, label, "roc_auc", *intervals.area(y == i, proba[:, i]), len(y)))
    return metrics
