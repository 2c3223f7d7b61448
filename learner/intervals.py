"""95 % intervals that cover, also on fifty labels and near one: benchmarks/coverage.py shows how often."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm, rankdata

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Z: Final = float(norm.ppf(0.975))
CALIBRATION_BINS: Final = 15
# Fewer reviews of the rarer class on the wrong side than this say less of the area's variance than Newcombe's model of
# it does. Counted by reviews alone, DeLong's variance was believed too early near an area of 1, and too late elsewhere.
_AREA_PRIOR: Final = 1.0
_TAIL: Final = 0.025
_STRENGTHS: Final = np.linspace(0.0, 2.5, 51)
_DRAWS: Final = 400


def share(value: Floats | float, n: Floats | float) -> tuple[Floats, Floats]:
    """Bounds of shares (...,) measured on n (...,) reviews, or on as many as n are worth; NaN where n is 0.

    Source: Wilson 1927, Probable inference, the law of succession, and statistical inference.
    """
    value, n = np.asarray(value, dtype=np.float64), np.asarray(n, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = (value + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z * np.sqrt(value * (1 - value) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
        low, high = np.maximum(0.0, middle - half), np.minimum(1.0, middle + half)
    return np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)


def f1_of(jaccard: Floats) -> Floats:
    """F1 where the Jaccard index is, of what is predicted as the class or is of it, the share that is both.

    The index is a share, so its interval is Wilson's, and F1 rises with it. Source: Lam et al. 2023,
    Confidence intervals for the F1 score: a comparison of four methods ("Wilson indirect").
    """
    return np.asarray(2 * jaccard / (1 + jaccard), dtype=np.float64)


def mean(values: Floats, low: Floats, high: Floats, correlation: Floats) -> tuple[float, float]:
    """Bounds of the mean of values (k,) from the bounds of each and their correlations (k, k).

    Source: Zou & Donner 2008, Construction of confidence limits about effect measures (MOVER).
    """
    below, above = values - low, high - values
    down, up = below @ correlation @ below, above @ correlation @ above
    middle = float(values.mean())
    half = np.sqrt(np.maximum(0.0, [down, up])) / len(values)
    return middle - float(half[0]), middle + float(half[1])


def correlations(covariance: Floats) -> Floats:
    """(k, k), zero where a value has no variance."""
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    scale = np.outer(spread, spread)
    found: Floats = np.zeros_like(covariance)
    np.divide(covariance, scale, out=found, where=scale > 0)
    np.fill_diagonal(found, 1.0)
    return found


def area(positive: NDArray[np.bool_], score: Floats) -> tuple[float, float, float]:
    """The area under the ROC curve and its bounds; both kinds of reviews must occur.

    The variance is DeLong's where many reviews of both kinds lie on the wrong side; how it depends on the area, and
    the variance where few do, are those of Newcombe 2006, Confidence intervals for an effect size measure
    based on the Mann-Whitney statistic, part 2, method 5. Source: DeLong et al. 1988, Comparing the areas.
    """
    ups, downs = score[positive], score[~positive]
    m, n = len(ups), len(downs)
    ranks = rankdata(np.concatenate([ups, downs]))
    above = (ranks[:m] - rankdata(ups)) / n
    below = (ranks[m:] - rankdata(downs)) / m
    value = float(above.mean())
    extra = (m + n) / 2 - 1

    def modelled(at: float) -> float:
        return at * (1 - at) * (1 + extra * (1 - at) / (2 - at) + extra * at / (1 + at)) / (m * n)

    rarer, ratio = min(m, n), 1.0
    if rarer > 1 and modelled(value) > 1e-12:
        ratio = (above.var(ddof=1) / m + below.var(ddof=1) / n) / modelled(value)
    astray = rarer * min(value, 1 - value)
    ratio = (astray * ratio + _AREA_PRIOR) / (astray + _AREA_PRIOR)

    def beyond(at: float) -> float:
        return float((at - value) ** 2 - Z * Z * ratio * modelled(at))

    # Inside the ends, where the variance vanishes and every area would solve it.
    inside = min(max(value, 1e-9), 1 - 1e-9)
    low = brentq(beyond, 1e-9, inside) if value > 1e-6 and beyond(1e-9) > 0 else 0.0
    high = brentq(beyond, inside, 1 - 1e-9) if value < 1 - 1e-6 and beyond(1 - 1e-9) > 0 else 1.0
    return value, float(low), float(high)


def calibration_error(
    confidence: Floats, hit: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[float, float, float]:
    """Expected calibration error over equal-width bins, freed of its bias, and its bounds.

    Noise alone makes the plain error positive, the more so the fewer reviews there are (Roelofs et al. 2022,
    Mitigating bias in calibration error estimation). So this inverts a test: it scales the gaps found in the bins
    up and down, draws what would then be seen, and keeps the scales under which the error found is no surprise;
    the value is the one under which it is the median. Source of the drawing: Broecker & Smith 2007, Increasing
    the reliability of reliability diagrams.
    """
    n = len(hit)
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    sizes = np.bincount(bins, minlength=CALIBRATION_BINS)
    used = sizes > 0
    sizes, sure = sizes[used], (np.bincount(bins, confidence, CALIBRATION_BINS)[used] / sizes[used])
    gaps = sure - np.bincount(bins, hit, CALIBRATION_BINS)[used] / sizes
    found = float((sizes * np.abs(gaps)).sum() / n)
    right = np.clip(sure - _STRENGTHS[:, None] * gaps, 0.0, 1.0)
    true = (sizes * np.abs(sure - right)).sum(axis=1) / n
    hits = rng.binomial(sizes, right[:, None, :], size=(len(_STRENGTHS), _DRAWS, len(sizes)))
    seen = np.abs(sizes * sure - hits).sum(axis=2) / n
    # A hair of tolerance: the same counts must not differ by rounding.
    at_least, at_most = (seen >= found - 1e-9).mean(axis=1), (seen <= found + 1e-9).mean(axis=1)
    low, high = np.flatnonzero(at_least >= _TAIL), np.flatnonzero(at_most >= _TAIL)
    middle = np.flatnonzero(at_least >= 0.5)
    pick = [true[part[at]] if len(part) else true[-1] for part, at in ((middle, 0), (low, 0), (high, -1))]
    return float(pick[0]), float(min(pick[1], pick[0])), float(max(pick[2], pick[0]))
