"""May a new model version serve? Only if it is not worse, beyond noise, than the one that serves now."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from learner.evaluation import confusion, summary
from learner.words import spoken

Ints = NDArray[np.int64]

# Below this a difference of a few points cannot be told from noise, in either direction.
MIN_LABELS: Final = 20
RESAMPLES: Final = 2000


@dataclass(frozen=True)
class Verdict:
    """Whether the new version serves: `code` for programs, `reason` for people."""

    serves: bool
    code: str  # first, better, same, worse, unmeasured
    reason: str


@dataclass(frozen=True)
class Difference:
    """New minus old of one score in points of per cent, with its interval (95 % unless asked otherwise)."""

    name: str
    old: float
    new: float
    low: float
    high: float

    def __str__(self) -> str:
        gain = self.new - self.old
        return spoken(
            f"{self.name}: {self.old:.1f} → {self.new:.1f} % "
            f"(difference {gain:+.1f}, 95 % interval {self.low:+.1f} to {self.high:+.1f})"
        )


def first() -> Verdict:
    """Nothing serves yet."""
    return Verdict(True, "first", "This is the first model version for these labels, so it serves.")


def unmeasured(why: str) -> Verdict:
    """No fair comparison is possible; the newer version knows more labels, so it serves."""
    return Verdict(
        True, "unmeasured", f"{why} The new version was trained on the latest labels, so it serves."
    )


def too_few(labels: int) -> Verdict:
    """The validation part cannot tell two versions apart yet."""
    return unmeasured(f"The validation part has {labels} labels; comparing versions takes {MIN_LABELS}.")


def compare(y: Ints, old: Ints, new: Ints, labels: list[str], seed: int = 0) -> Verdict:
    """The verdict from both versions' predictions (n,) on the validation part's labels y (n,).

    A paired bootstrap over the reviews: worse is a whole 95 % interval below zero, for accuracy, macro-F1
    or the recall of any class.
    """
    if len(y) < MIN_LABELS:
        return too_few(len(y))
    found = differences(y, old, new, labels, seed)
    n = len(y)
    worse = [item for item in found if item.high < 0]
    if worse:
        listed = "; ".join(map(str, worse))
        return Verdict(
            False,
            "worse",
            f"Worse than the serving version on {n} validation labels: {listed}. The old one keeps serving.",
        )
    better = [item for item in found[:2] if item.low > 0]
    if better:
        listed = "; ".join(map(str, better))
        return Verdict(True, "better", f"Better than the serving version on {n} validation labels: {listed}.")
    most = found[0]
    return Verdict(True, "same", f"No worse than the serving version on {n} validation labels: {most}.")


def differences(
    y: Ints, old: Ints, new: Ints, labels: list[str], seed: int = 0, level: float = 0.95
) -> list[Difference]:
    """Accuracy, macro-F1, then the recall of each class that occurs; intervals hold `level`.

    Resampling reviews draws the counts of (true, old, new) triples from a multinomial; the sums over one
    version give the other's confusion counts, so the pairing is kept.
    """
    k, rng = len(labels), np.random.default_rng(seed)
    triples = np.bincount((y * k + old) * k + new, minlength=k**3)
    drawn = rng.multinomial(len(y), triples / len(y), size=RESAMPLES).reshape(-1, k, k, k)
    before, after = summary(drawn.sum(axis=3)), summary(drawn.sum(axis=2))
    was, now = summary(confusion(y, old, k)), summary(confusion(y, new, k))
    result = []
    for name, shown in (("accuracy", "accuracy"), ("macro_f1", "macro-F1")):
        spread = after[name] - before[name]
        result.append(_difference(shown, float(was[name]), float(now[name]), spread, level))
    for i, label in enumerate(labels):
        if (y == i).any():
            spread = after["recall"][:, i] - before["recall"][:, i]
            was_i, now_i = float(was["recall"][i]), float(now["recall"][i])
            result.append(_difference(spoken(f"recall of {label}"), was_i, now_i, spread, level))
    return result


def _difference(name: str, old: float, new: float, spread: NDArray[np.float64], level: float) -> Difference:
    # A resample without the class shows no difference: one label of it can then prove nothing.
    low, high = np.percentile(np.nan_to_num(spread), [50 * (1 - level), 50 * (1 + level)])
    return Difference(name, 100 * old, 100 * new, 100 * float(low), 100 * float(high))
