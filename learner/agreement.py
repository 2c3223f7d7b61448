"""How far annotators agree beyond chance, with bootstrap 95 % intervals over the reviews that several labelled."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Final

import krippendorff
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RESAMPLES: Final = 1000
# With fewer common reviews a pair's kappa says more about chance than about the two.
FEWEST_COMMON: Final = 20
# Each window holds as many reviews, so that their intervals can be compared; weeks would hold many or few.
FEWEST_IN_WINDOW: Final = 30
MOST_WINDOWS: Final = 12


@dataclass(frozen=True)
class Figure:
    """One figure, its 95 % interval and the number of reviews it rests on; None where it cannot be told."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Pair:
    """Cohen's kappa of two annotators and the share of their common reviews that they label alike."""

    first: int
    second: int
    kappa: Figure
    same: float


@dataclass(frozen=True)
class Window:
    """Alpha over reviews number `start` to `end`, in the order in which each got its last label."""

    start: int
    end: int
    alpha: Figure


@dataclass(frozen=True)
class Agreement:
    """`same` and `chance`: how often two people agree on a review, and how often they would by drawing lots.

    `labels` has alpha of each label against the rest, in the order of the labels.
    """

    reviews: int
    alpha: Figure
    fleiss: Figure
    cohen: Figure
    same: Figure
    chance: float | None
    labels: list[Figure]
    pairs: list[Pair]
    windows: list[Window]


def measure(reviews: Ints, annotators: Ints, y: Ints, classes: int, seed: int = 0) -> Agreement:
    """Every figure of these votes, (n,) each and in the order they were given; y are label indices."""
    counts, order = _counts(reviews, y, classes)
    shared = counts[counts.sum(axis=1) > 1]
    rng = np.random.default_rng(seed)
    totals = _Totals(shared)
    return Agreement(
        reviews=len(shared),
        alpha=alpha(shared, rng),
        fleiss=fleiss_kappa(shared, rng),
        cohen=mean_cohen_kappa(reviews, annotators, y, classes, rng),
        same=_figure(totals.same(totals.once), totals.same(totals.draw(rng)), len(shared)),
        chance=_known(totals.chance(totals.once)),
        labels=[_alpha_of_label(shared, label, rng) for label in range(classes)],
        pairs=cohen_kappas(reviews, annotators, y, classes, rng),
        windows=_windows(counts, order, rng),
    )


def alpha(counts: Ints, rng: np.random.Generator) -> Figure:
    """Krippendorff's alpha for nominal labels; counts (n, k) of each label on each review."""
    shared = counts[counts.sum(axis=1) > 1]
    if (shared.sum(axis=0) > 0).sum() < 2:  # one label only: there is no disagreement to expect
        return Figure(None, None, None, len(shared))
    value = krippendorff.alpha(value_counts=shared, level_of_measurement="nominal")
    totals = _Totals(shared)
    return _figure(np.array([value]), totals.alpha(totals.draw(rng)), len(shared))


def fleiss_kappa(counts: Ints, rng: np.random.Generator) -> Figure:
    """Fleiss, "Measuring nominal scale agreement among many raters", 1971, eq. 3 to 8; counts (n, k).

    Where reviews have different numbers of labels, each review's agreement weighs the same and each label in the
    chance term; with equal numbers that is Fleiss' own definition. None of our libraries has it.
    """
    totals = _Totals(counts[counts.sum(axis=1) > 1])
    return _figure(totals.fleiss(totals.once), totals.fleiss(totals.draw(rng)), int(totals.once.sum()))


def cohen_kappas(
    reviews: Ints, annotators: Ints, y: Ints, classes: int, rng: np.random.Generator
) -> list[Pair]:
    """Cohen's kappa of each two people with enough common reviews, those with most of them first."""
    from sklearn.metrics import cohen_kappa_score  # loads slowly, and only this needs it

    found = []
    for (first, second), (_, ours, theirs) in _pairs(reviews, annotators, y).items():
        cells = _confusion(ours, theirs, classes)
        drawn = rng.multinomial(len(ours), cells.ravel() / len(ours), size=RESAMPLES)
        with warnings.catch_warnings():  # undefined where both gave one and the same label throughout
            warnings.simplefilter("ignore")
            value = np.array([cohen_kappa_score(ours, theirs, labels=range(classes))])
        figure = _figure(value, _kappa(drawn.reshape(-1, classes, classes)), len(ours))
        found.append(Pair(first, second, figure, float((ours == theirs).mean())))
    return sorted(found, key=lambda pair: (-pair.kappa.n, pair.first, pair.second))


def mean_cohen_kappa(
    reviews: Ints, annotators: Ints, y: Ints, classes: int, rng: np.random.Generator
) -> Figure:
    """The plain mean over pairs; one resample of the reviews serves all pairs, since they share reviews."""
    pairs = list(_pairs(reviews, annotators, y).values())
    if not pairs:
        return Figure(None, None, None, 0)
    which = np.repeat(np.arange(len(pairs)), [len(common) for common, _, _ in pairs])
    common, ours, theirs = (np.concatenate(part) for part in zip(*pairs, strict=True))
    names, rows = np.unique(common, return_inverse=True)
    cells = (which * classes + ours) * classes + theirs

    def mean(weights: Floats) -> float:
        counts = np.bincount(cells, weights[rows], minlength=len(pairs) * classes * classes)
        kappas = _kappa(counts.reshape(-1, classes, classes))
        return float(kappas[~np.isnan(kappas)].mean()) if (~np.isnan(kappas)).any() else float("nan")

    draws = (
        np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names)) for _ in range(RESAMPLES)
    )
    drawn = np.array([mean(draw.astype(np.float64)) for draw in draws])
    return _figure(np.array([mean(np.ones(len(names)))]), drawn, len(names))


class _Totals:
    """Sums over reviews from which the figures follow; reviews with equal counts are one row with a multiplicity.

    Drawing reviews with replacement is then one multinomial draw of multiplicities: exact, and fast.
    """

    def __init__(self, counts: Ints) -> None:
        self.counts, times = np.unique(counts, axis=0, return_counts=True)
        self.once = times[None, :].astype(np.float64)
        each = self.counts.sum(axis=1)
        self.agreeing = (self.counts * (self.counts - 1)).sum(axis=1) / np.maximum(each - 1, 1)
        self.share = self.agreeing / np.maximum(each, 1)

    def draw(self, rng: np.random.Generator) -> Floats:
        """(resamples, rows) multiplicities."""
        n = int(self.once.sum())
        if not n:
            return self.once
        return rng.multinomial(n, self.once[0] / n, size=RESAMPLES).astype(np.float64)

    def same(self, times: Floats) -> Floats:
        """Share of pairs of labels on one review that are equal; reviews weigh by their labels, as in alpha."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((times @ self.agreeing) / (times @ self.counts).sum(axis=1))

    def chance(self, times: Floats) -> Floats:
        """Share of pairs of labels on any reviews that are equal."""
        given = times @ self.counts
        n = given.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((given * (given - 1)).sum(axis=1) / (n * (n - 1)))

    def alpha(self, times: Floats) -> Floats:
        """Krippendorff, "Computing Krippendorff's alpha-reliability", 2011, section C."""
        chance = self.chance(times)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(1 - (1 - self.same(times)) / (1 - chance))

    def fleiss(self, times: Floats) -> Floats:
        given = times @ self.counts
        with np.errstate(invalid="ignore", divide="ignore"):
            chance = ((given / given.sum(axis=1, keepdims=True)) ** 2).sum(axis=1)
            same = (times @ self.share) / times.sum(axis=1)
            return np.asarray((same - chance) / (1 - chance))


def _counts(reviews: Ints, y: Ints, classes: int) -> tuple[Ints, Ints]:
    """(n, k) labels on each review, and the rows in the order in which they got their last label."""
    _, rows = np.unique(reviews, return_inverse=True)
    size = int(rows.max()) + 1 if len(rows) else 0
    counts = np.bincount(rows * classes + y, minlength=size * classes).reshape(size, classes)
    last = np.zeros(size, dtype=np.int64)
    np.maximum.at(last, rows, np.arange(len(rows)))
    return counts, np.argsort(last)


def _alpha_of_label(counts: Ints, label: int, rng: np.random.Generator) -> Figure:
    """Over all shared reviews; n counts those on which anybody gave the label."""
    rest = counts.sum(axis=1) - counts[:, label]
    figure = alpha(np.column_stack([counts[:, label], rest]), rng)
    return Figure(figure.value, figure.low, figure.high, int((counts[:, label] > 0).sum()))


def _windows(counts: Ints, order: Ints, rng: np.random.Generator) -> list[Window]:
    ordered = counts[order]
    shared = ordered[ordered.sum(axis=1) > 1]
    parts = min(MOST_WINDOWS, len(shared) // FEWEST_IN_WINDOW)
    if parts < 2:
        return []
    bounds = np.linspace(0, len(shared), parts + 1).astype(int).tolist()
    return [Window(start + 1, end, alpha(shared[start:end], rng)) for start, end in pairwise(bounds)]


def _pairs(reviews: Ints, annotators: Ints, y: Ints) -> dict[tuple[int, int], tuple[Ints, Ints, Ints]]:
    """For each two people with enough common reviews: those reviews, and the labels of the one and of the other."""
    given: dict[int, dict[int, int]] = {}
    for review, annotator, label in zip(reviews.tolist(), annotators.tolist(), y.tolist(), strict=True):
        given.setdefault(annotator, {})[review] = label
    found = {}
    for first, second in combinations(sorted(given), 2):
        common = sorted(given[first].keys() & given[second].keys())
        if len(common) >= FEWEST_COMMON:
            ours, theirs = ([given[who][review] for review in common] for who in (first, second))
            found[first, second] = (np.array(common), np.array(ours), np.array(theirs))
    return found


def _confusion(ours: Ints, theirs: Ints, classes: int) -> Ints:
    return np.bincount(ours * classes + theirs, minlength=classes * classes).reshape(classes, classes)


def _kappa(counts: NDArray[np.generic]) -> Floats:
    """Cohen, "A coefficient of agreement for nominal scales", 1960, of counts (..., k, k)."""
    cells = np.asarray(counts, dtype=np.float64)
    n = cells.sum(axis=(-1, -2))
    with np.errstate(invalid="ignore", divide="ignore"):
        same = np.trace(cells, axis1=-2, axis2=-1) / n
        chance = (cells.sum(axis=-1) * cells.sum(axis=-2)).sum(axis=-1) / n**2
        return np.asarray((same - chance) / (1 - chance))


def _figure(value: Floats, drawn: Floats, n: int) -> Figure:
    told = _known(value)
    known = drawn[~np.isnan(drawn)]  # resamples with one label only say nothing
    if told is None or not len(known):
        return Figure(told, None, None, n)
    low, high = np.percentile(known, [2.5, 97.5])
    return Figure(told, float(low), float(high), n)


def _known(value: Sequence[float] | Floats) -> float | None:
    return None if np.isnan(value[0]) else float(value[0])
