"""How good a model is by the labels it learned from: the audit items, each judged by a model that never saw it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from learner import intervals
from learner.evaluation import Metric

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PART: Final = "audit"
# So many strata at most, of so many audit items at least: finer ones gain nothing and their variances are guesses.
STRATA: Final = 5
SMALLEST_STRATUM: Final = 20
# Items after which the variance found counts as much as that of a plain random sample.
_VARIANCE_PRIOR: Final = 20


def evaluate(
    y: Ints, held_out: NDArray[np.floating], weights: Floats, pool: NDArray[np.floating], labels: list[str]
) -> list[Metric]:
    """Accuracy, macro-F1, precision, recall and F1 of each class, and how common each is, over the whole pool.

    y: (n,) labels of audit items; held_out: (n, k) probabilities from models that did not see them; weights:
    (n,) one over the probability with which each was drawn; pool: (m,) confidences in the reviews that wait.
    The audit items are a random sample, so each stands for as many reviews as its weight says (Hajek 1971), and
    confidences tell how many reviews there are of each kind (post-stratification: Holt & Smith 1979). Intervals
    are Wilson's for as many reviews as the items are worth (Dean & Pagano 2015, Evaluating confidence interval
    methods for binomial proportions in clustered surveys), MOVER's for macro-F1.
    """
    if len(y) == 0:
        return []
    proba = np.asarray(held_out, dtype=np.float64)
    sample = _Sample(*_stratified(proba.max(axis=1), weights, np.asarray(pool, dtype=np.float64)))
    predicted, k, n = proba.argmax(axis=1), len(labels), len(y)
    one = np.eye(k)
    is_true, is_predicted = one[y], one[predicted]
    everything = np.ones((n, 1))
    accuracy = sample.shares((y == predicted)[:, None].astype(np.float64), everything)
    metrics = [_metric("all", "accuracy", accuracy, 0, n)]
    both, either = is_true * is_predicted, np.maximum(is_true, is_predicted)
    overlap = sample.shares(both, either)
    f1 = intervals.f1_of(overlap[0]), intervals.f1_of(overlap[1]), intervals.f1_of(overlap[2])
    metrics.append(_macro_f1(f1, sample.covariance(both, either), n))
    found = {
        "precision": (sample.shares(both, is_predicted), is_predicted),
        "recall": (sample.shares(both, is_true), is_true),
        "f1": (f1, is_true),
        "prevalence": (sample.shares(is_true, everything), np.ones((n, k))),
    }
    for name, (bounds, base) in found.items():
        metrics += [
            _metric(label, name, bounds, i, int(base[:, i].sum()))
            for i, label in enumerate(labels)
            if not np.isnan(bounds[0][i])
        ]
    return metrics


class _Sample:
    """Items with the share of the pool that each stands for (n,), and the stratum of each (n,)."""

    def __init__(self, mass: Floats, stratum: Ints) -> None:
        self.mass = mass
        self.of_stratum = (stratum[:, None] == np.unique(stratum)).astype(np.float64)
        self.sizes = self.of_stratum.sum(axis=0)

    def shares(self, hits: Floats, base: Floats) -> tuple[Floats, Floats, Floats]:
        """Of what is in base (n, k), the share that is in hits (n, k), a part of it: (k,) with bounds."""
        value, count = self._ratio(hits, base), base.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            mass = self.mass[:, None] * base
            plain = (mass**2).sum(axis=0) / mass.sum(axis=0) ** 2 * count  # above one where weights differ
            spread = np.diag(self.covariance(hits, base)) * count / (value * (1 - value))
            # Few items say little of their own variance, and none at all where they agree.
            trust = np.where(np.isfinite(spread), count, 0.0)
            effect = (trust * np.nan_to_num(spread, posinf=0.0) + _VARIANCE_PRIOR * plain) / (
                trust + _VARIANCE_PRIOR
            )
            return value, *intervals.share(value, count / effect)

    def covariance(self, hits: Floats, base: Floats) -> Floats:
        """(k, k) of the shares, to first order, within strata; zero where there is no base."""
        mass = self.mass[:, None] * base
        residuals = mass * (hits - np.nan_to_num(self._ratio(hits, base)))
        residuals /= np.maximum(mass.sum(axis=0), 1e-300)
        totals = self.of_stratum.T @ residuals
        share = self.of_stratum * self.mass[:, None]
        share /= np.maximum(share.sum(axis=0), 1e-300)
        centred = residuals - share @ totals
        freedom = self.of_stratum @ (self.sizes / np.maximum(self.sizes - 1, 1))
        return np.asarray(centred.T @ (freedom[:, None] * centred), dtype=np.float64)

    def _ratio(self, hits: Floats, base: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            return np.asarray((self.mass @ hits) / (self.mass @ base), dtype=np.float64)


def _stratified(confidence: Floats, weights: Floats, pool: Floats) -> tuple[Floats, Ints]:
    """The share of the pool that each item stands for, and the stratum of confidence it lies in."""
    stratum = np.zeros(len(confidence), dtype=np.int64)
    shares = np.ones(1)
    for count in range(min(STRATA, len(confidence) // SMALLEST_STRATUM), 1, -1):
        edges = np.quantile(confidence, np.arange(1, count) / count)
        fine = np.searchsorted(edges, confidence, side="right")
        here, there = (
            np.bincount(fine, minlength=count),
            np.bincount(np.searchsorted(edges, pool, side="right"), minlength=count),
        )
        # Equal confidences can leave a stratum without items, and then nobody speaks for its reviews.
        if here.min() >= 2 and there.sum() > 0:
            stratum, shares = fine, there / there.sum()
            break
    within = np.bincount(stratum, weights, minlength=len(shares))
    return weights * (shares / within)[stratum], stratum


def _metric(slice_: str, name: str, bounds: tuple[Floats, Floats, Floats], i: int, n: int) -> Metric:
    value, low, high = (float(part[i]) for part in bounds)
    return Metric(PART, slice_, name, value, low, high, n)


def _macro_f1(f1: tuple[Floats, ...], covariance: Floats, n: int) -> Metric:
    """The mean over the classes that occur, as on the holdout."""
    occurs = ~np.isnan(f1[0])
    together = intervals.correlations(covariance[np.ix_(occurs, occurs)])
    value, low, high = (part[occurs] for part in f1)
    return Metric(
        PART, "all", "macro_f1", float(value.mean()), *intervals.mean(value, low, high, together), n
    )
