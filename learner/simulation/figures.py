"""What the runs of a simulation say together: curves, areas under them, labels needed, ratios to random."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from learner.simulation.arms import RANDOM, Arm, Learner, names
from learner.simulation.replay import SCORES, Run
from learner.simulation.results import ArmResult, Mean, Needed, Point, Ratio, Seconds, Target

Floats = NDArray[np.float64]

SHARES: Final = ("0.90", "0.95", "0.99")
RESAMPLES: Final = 2_000


def arm_results(
    runs: Mapping[Arm, Sequence[Run]], full_data: Mapping[Learner, Mapping[str, float]]
) -> list[ArmResult]:
    """The figures of each arm; its runs are in the order of the seeds, the same for all arms."""
    best = {score: max(found[score] for found in full_data.values()) for score in SCORES}
    return [
        _arm_result(arm, name, runs, full_data[arm.learner], best)
        for arm, name in zip(runs, names(list(runs)), strict=True)
    ]


def curve(runs: Sequence[Run], score: str) -> Iterator[Point]:
    """Mean and Student's t interval over the runs, round by round."""
    for place, labels in enumerate(runs[0].labels):
        found = _mean(np.asarray([run.scores[score][place] for run in runs]))
        yield Point(labels, found.value, found.low, found.high)


def area(labels: Sequence[int], scores: Sequence[float]) -> float:
    """Normalised area under the learning curve: trapezoids over the labels, 1 for a perfect score throughout."""
    if len(labels) == 1:
        return float(scores[0])
    return float(np.trapezoid(scores, labels) / (labels[-1] - labels[0]))


def labels_to(runs: Sequence[Run], score: str, wanted: float) -> Floats:
    """(seeds,) labels at the first round that reached a score; inf where none did: more than the budget."""
    enough = wanted - 1e-9  # 0.9 of 0.8 is a little more than 0.72
    reached = [
        [n for n, value in zip(run.labels, run.scores[score], strict=True) if value >= enough] for run in runs
    ]
    return np.asarray([min(counts, default=np.inf) for counts in reached])


def ratio(own: Floats, random: Floats, budget: int) -> Ratio:
    """Median of the paired ratios (seeds,) / (seeds,) with a paired bootstrap interval; inf: more than the budget.

    A run that ended too early bounds its ratio from one side: had it gone on, it would have needed more than the
    budget. Each bound has its own median, and the interval goes from the low end of one to the high end of the other.
    """
    least = np.where(np.isinf(random), 0.0, np.minimum(own, budget) / random)
    most = np.where(np.isinf(own), np.inf, own / np.minimum(random, budget))
    low: float | None = None
    high: float | None = None
    if len(own) > 1:
        drawn = np.random.default_rng(0).integers(0, len(own), (RESAMPLES, len(own)))
        # A percentile that is one of the values: between a number and infinity there is nothing to interpolate.
        low = float(np.percentile(np.median(least[drawn], axis=1), 2.5, method="lower"))
        high = _finite(np.percentile(np.median(most[drawn], axis=1), 97.5, method="higher"))
    return Ratio(float(np.median(least)), _finite(np.median(most)), low, high)


def _arm_result(
    arm: Arm,
    name: str,
    runs: Mapping[Arm, Sequence[Run]],
    full_data: Mapping[str, float],
    best: Mapping[str, float],
) -> ArmResult:
    # Random against itself would be 1, or not even that where its runs ended too early.
    random = None if arm.strategy == RANDOM else runs.get(replace(arm, strategy=RANDOM))
    own = runs[arm]
    targets = {
        score: {
            "best": _target(own, random, score, best[score]),
            "own": _target(own, random, score, full_data[score]),
        }
        for score in SCORES
    }
    areas = {
        score: _mean(np.asarray([area(run.labels, run.scores[score]) for run in own])) for score in SCORES
    }
    curves = {score: list(curve(own, score)) for score in SCORES}
    seconds = {
        "train": _seconds([each for run in own for each in run.train_seconds]),
        "query": _seconds([each for run in own for each in run.query_seconds]),
    }
    return ArmResult(arm, name, dict(full_data), curves, areas, targets, seconds)


def _target(own: Sequence[Run], random: Sequence[Run] | None, score: str, full: float) -> Target:
    budget = own[0].labels[-1]
    needed = {share: labels_to(own, score, float(share) * full) for share in SHARES}
    ratios = random and {
        share: ratio(counts, labels_to(random, score, float(share) * full), budget)
        for share, counts in needed.items()
    }
    return Target(full, {share: _needed(counts) for share, counts in needed.items()}, ratios or None)


def _needed(counts: Floats) -> Needed:
    by_seed = [None if np.isinf(count) else int(count) for count in counts]
    return Needed(_finite(np.median(counts)), by_seed)


def _mean(values: Floats) -> Mean:
    mean, count = float(values.mean()), len(values)
    if count < 2:
        return Mean(mean, None, None)
    half = float(student.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count))
    return Mean(mean, max(0.0, mean - half), min(1.0, mean + half))


def _seconds(values: Sequence[float]) -> Seconds | None:
    return Seconds(*map(float, np.percentile(values, (50, 95)))) if values else None


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
