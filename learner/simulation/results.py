"""What a simulation found."""

from dataclasses import asdict, dataclass
from typing import Any

from learner.simulation.arms import Arm


@dataclass(frozen=True)
class Point:
    """One place on a learning curve: mean over the seeds with its 95 % interval (None for a single seed)."""

    labels: int
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Mean:
    """A mean over the seeds with its 95 % interval (None for a single seed)."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Needed:
    """Labels to reach a score, by seed and their median; None: more than the budget."""

    median: float | None
    by_seed: list[int | None]


@dataclass(frozen=True)
class Ratio:
    """Labels needed over those that random needed with the same seed: the median lies from `at_least` to `at_most`.

    The two are equal unless runs ended before they got there: such a run needed more than the budget, nobody knows
    how much more. at_most None: no upper bound. low and high: 95 % paired bootstrap interval over the seeds with the
    same caution, low 0 and high None where nothing bounds it; both None for a single seed.
    """

    at_least: float
    at_most: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Seconds:
    """How long a part of a round took: median and 95th percentile over all rounds and seeds."""

    p50: float
    p95: float


@dataclass(frozen=True)
class Target:
    """A full-data score that labels are counted to: `best` of all learners that ran, or the arm's `own`."""

    score: float
    labels_to: dict[str, Needed]
    ratio_to_random: dict[str, Ratio] | None


@dataclass(frozen=True)
class ArmResult:
    """One arm: by score (accuracy, macro_f1) its curve, its normalised area under it, and what its targets cost.

    full_data: scores with every training label. targets: by score, `best` and `own`; their labels and ratios are by
    share of the target ("0.90", "0.95", "0.99"). Ratios are None without a random arm of the same learner, and for
    that arm itself. seconds: `train` and `query`.
    """

    arm: Arm
    name: str
    full_data: dict[str, float]
    curves: dict[str, list[Point]]
    area: dict[str, Mean]
    targets: dict[str, dict[str, Target]]
    seconds: dict[str, Seconds | None]


@dataclass(frozen=True)
class SimulationResult:
    """What a simulation found, and with what it was run."""

    train_reviews: int
    test_reviews: int
    seeds: list[int]
    start: int
    batch: int
    budget: int
    arms: list[ArmResult]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
