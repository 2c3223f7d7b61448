"""A learning curve fitted to the scores of past rounds, to look a little ahead."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from learner.intervals import Z

Floats = NDArray[np.float64]

# Curves drawn; those that fall with labels, or rise above one, are put aside.
CANDIDATES: Final = 4000
# Scores of one project share a holdout, so most of their error is common to all rounds and bends no curve. This share
# of it is left from round to round: measured on replayed projects (benchmarks/stopping.py).
OWN_ERROR: Final = 0.4
# How many residuals that share is worth when the rounds' own residuals are weighed against it.
_PRIOR_ROUNDS: Final = 4
# Those of published curves lie in between.
_EXPONENTS: Final = np.linspace(0.1, 2.0, 39)


@dataclass(frozen=True)
class Score:
    """An accuracy with its 95 % interval, and how many labels it rests on."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Curve:
    """accuracy(n) = a - b (n / start)^-c; parameters (draws, 3) holds the plausible a, b, c."""

    start: float
    parameters: Floats

    def at(self, labels: float) -> Floats:
        """The accuracy (draws,) at that many labels."""
        return _power_law(np.array([labels / self.start]), *self.parameters.T[:, :, None])[:, 0]

    def gain(self, labels: float, more: float, luck: float) -> tuple[float, float, float]:
        """What `more` labels should add: the median, and between what 95 % of next versions will differ from this.

        luck: by how much two versions differ beside what the curve says, for better or worse, as a standard deviation.
        """
        gains = self.at(labels + more) - self.at(labels)
        rng = np.random.default_rng(0)
        # As many gains however few curves there are: a flat one alone has luck on both sides as well.
        differing = rng.choice(gains, CANDIDATES) + rng.normal(0.0, luck, CANDIDATES)
        low, high = np.percentile(differing, [2.5, 97.5])
        return float(np.median(gains)), float(low), float(high)

    @property
    def ceiling(self) -> float:
        """Where the curve ends, however many labels come."""
        return float(np.median(self.parameters[:, 0]))

    def labels_to(self, target: float) -> float:
        """How many labels reach the target; inf where the curve ends below it."""
        a, b, c = self.parameters.T
        with np.errstate(divide="ignore", over="ignore"):
            reached = np.where(
                a > target, self.start * (b / np.maximum(a - target, 1e-12)) ** (1 / c), np.inf
            )
        return float(np.median(reached))


def fit(labels: Sequence[float], scores: Sequence[Score], seed: int = 0) -> Curve:
    """Inverse power laws that fit the scores, drawn as often as they are likely given the widths of the intervals.

    For each exponent a and b are a weighted linear regression, so its likelihood is known exactly and no search can
    fail to converge; all exponents, falls of the error and ceilings up to 1 count as equally likely beforehand.
    Source of the form: Figueroa et al. 2012, Predicting sample size required for classification performance.
    """
    x, y = np.asarray(labels, dtype=np.float64), np.array([score.value for score in scores])
    errors = np.array([max(score.high - score.low, 1e-3) / (2 * Z) for score in scores]) * OWN_ERROR
    start = float(x.min())
    columns = np.stack([np.ones((len(_EXPONENTS), len(x))), -((x / start) ** -_EXPONENTS[:, None])], axis=2)
    weighted = columns / errors[:, None]
    normal = weighted.transpose(0, 2, 1) @ weighted
    # A hair of ridge: rounds on one and the same number of labels say nothing of b.
    normal += 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(2)
    best = np.linalg.solve(normal, (weighted.transpose(0, 2, 1) @ (y / errors))[:, :, None])[:, :, 0]
    misfit = (((weighted @ best[:, :, None])[:, :, 0] - y / errors) ** 2).sum(axis=1)
    freedom = max(len(x) - 3, 0)
    scale = (misfit.min() + _PRIOR_ROUNDS) / (freedom + _PRIOR_ROUNDS)
    weight = -misfit / (2 * scale) - np.linalg.slogdet(normal)[1] / 2
    chance = np.exp(weight - weight.max())
    rng = np.random.default_rng(seed)
    picked = rng.choice(len(_EXPONENTS), CANDIDATES, p=chance / chance.sum())
    roots = np.linalg.cholesky(np.linalg.inv(normal) * scale)
    drawn = best[picked] + (roots[picked] @ rng.standard_normal((CANDIDATES, 2, 1)))[:, :, 0]
    possible = (drawn[:, 1] >= 0) & (drawn[:, 0] <= 1)
    if not possible.any():  # scores that fall with labels: nothing to be had from more
        return Curve(start, np.array([[np.average(y, weights=errors**-2), 0.0, 1.0]]))
    return Curve(start, np.column_stack([drawn, _EXPONENTS[picked]])[possible])


def _power_law(x: Floats, a: Floats, b: Floats, c: Floats) -> Floats:
    return np.asarray(a - b * x ** (-c), dtype=np.float64)
