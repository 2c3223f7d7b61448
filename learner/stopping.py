"""When to stop labelling: what the next 100 labels should bring, and whether anything still changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from typing import Final

import numpy as np
from numpy.typing import NDArray

from learner.advice import Advice
from learner.learning_curve import Curve, Score, fit
from learner.words import spoken

Ints = NDArray[np.int64]

# Reviews whose predictions are compared from round to round: Bloodgood & Vijay-Shanker 2009.
STOP_SET: Final = 2_000
# Bloodgood & Vijay-Shanker stop at .99; with batches of 20 that never comes within 600 labels. Chosen on the set `cr`
# together with SMALL_GAIN, and tried on two others (benchmarks/stopping.py).
KAPPA: Final = 0.95
# Checks that are averaged. Large batches change more between checks, so fewer will do (Beatty et al. 2019).
WINDOW: Final = 3
WINDOW_OF_LARGE_BATCHES: Final = 2
LARGE_BATCH: Final = 20
# Rounds whose score lies within the latest interval when nothing moves any more.
FORMER: Final = 2
FEWEST_PER_CLASS: Final = 5
FEWEST_MEASURED: Final = 20
FEWEST_ROUNDS: Final = 3
STEP: Final = 100
# A gain below this, in accuracy, is not worth 100 labels.
SMALL_GAIN: Final = 0.01
# Versions differ beside what a curve says, the more so the more answers still change: by LUCK if all of them did. An
# exponent of 1/2 would have reviews change each by itself, 1 all together. Both chosen on nine replays of five sets
# (benchmarks/stopping.py).
LUCK: Final = 0.05
LUCK_EXPONENT: Final = 0.7
# More labels than this are as good as none to reach.
FAR: Final = 20_000


@dataclass(frozen=True)
class Standing:
    """What one round came to: labels it learned from, its score, what it says of the stop set.

    answers: (m,) label indices, the same reviews in the same order for all rounds, -1 where a round has none.
    """

    labels: int
    score: Score | None
    answers: Ints


def advise(
    rounds: Sequence[Standing],
    class_labels: Mapping[str, int],
    target: float | None = None,
    seconds: float | None = None,
    seed: int = 0,
) -> Advice:
    """The advice after the last of the rounds, oldest first.

    class_labels: training labels by class. target: accuracy wanted, None for none. seconds: what a label takes.
    A round that was run again without new labels counts once, and one on stars alone not at all: they say nothing of
    what labels bring.
    """
    rounds = _with_new_labels(rounds)
    rare = tuple(name for name, count in class_labels.items() if count < FEWEST_PER_CLASS)
    kappa, stable = agreement(rounds, len(class_labels))
    measured = [each for each in rounds if each.score is not None and each.score.n >= FEWEST_MEASURED]
    scores = [each.score for each in measured if each.score is not None]
    latest = rounds[-1].score if rounds else None
    if len(scores) < FEWEST_ROUNDS or latest is None:
        early = Advice("early", _too_early(len(scores)), kappa=kappa, stable=stable, rare=rare)
        if target is None or latest is None or latest not in scores or latest.value < target:
            return early
        return _reached(early, latest, target, None)
    curve = fit([each.labels for each in measured], scores, seed)
    now = measured[-1].labels
    gain, low, high = curve.gain(now, STEP, luck(rounds))
    settled = _settled(scores)
    found = Advice("", "", gain, low, high, curve.ceiling, None, kappa, stable, settled, rare)
    return _worded(found, scores[-1], curve, now, target, _outlook(found, seconds))


def _with_new_labels(rounds: Sequence[Standing]) -> list[Standing]:
    """The latest of each row of rounds on equally many labels, if they had any."""
    return [
        each
        for each, later in zip_longest(rounds, rounds[1:])
        if each.labels and (later is None or later.labels != each.labels)
    ]


def agreement(rounds: Sequence[Standing], classes: int) -> tuple[float | None, bool | None]:
    """Mean kappa between consecutive rounds on the stop set, and whether it is high enough; None before enough checks.

    Source: Bloodgood & Vijay-Shanker 2009, A method for stopping active learning based on stabilizing predictions.
    """
    steps = np.diff([each.labels for each in rounds])
    large = len(steps) > 0 and float(np.median(steps)) > LARGE_BATCH
    window = WINDOW_OF_LARGE_BATCHES if large else WINDOW
    last = [each.answers for each in rounds[-(window + 1) :]]
    if len(last) <= window:
        return None, None
    common = np.all([answers >= 0 for answers in last], axis=0)
    if not common.any():
        return None, None
    from small_text.stopping_criteria import KappaAverage  # loads torch: only who asks for it waits

    criterion = KappaAverage(classes, window, KAPPA)
    stops = [criterion.stop(predictions=answers[common]) for answers in last]
    return float(np.mean(criterion.kappa_history)), bool(stops[-1])


def luck(rounds: Sequence[Standing]) -> float:
    """The standard deviation of what STEP labels bring, beside what a curve says: by how many answers changed of late.

    Answers change back and forth, so those changed by STEP labels grow as the root of the labels. A round without
    labels of its own says nothing, and neither does one without answers; where there is no other, all may change.
    """
    changed = []
    for former, latter in pairwise(rounds[-(WINDOW + 1) :]):
        common = (former.answers >= 0) & (latter.answers >= 0)
        more = latter.labels - former.labels
        if common.any() and more > 0:
            # Half an answer more: that none has changed yet is no promise.
            share = ((former.answers != latter.answers)[common].sum() + 0.5) / (common.sum() + 1)
            changed.append(share * np.sqrt(STEP / more))
    return float(LUCK * min(1.0, np.mean(changed) if changed else 1.0) ** LUCK_EXPONENT)


def _settled(scores: Sequence[Score]) -> bool:
    """Whether the latest interval holds the scores before it."""
    latest, former = scores[-1], scores[-1 - FORMER : -1]
    return all(latest.low <= score.value <= latest.high for score in former)


def _worded(
    found: Advice, score: Score, curve: Curve, now: int, target: float | None, outlook: str
) -> Advice:
    if target is not None:
        return _towards(found, score, curve, now, target, outlook)
    assert found.gain is not None and found.gain_high is not None
    if found.rare:
        names = "; ".join(found.rare)
        return replace(
            found,
            code="go on",
            sentence=f"Go on: there are fewer than {FEWEST_PER_CLASS} labels for {names};"
            f" the next {STEP} labels should bring {outlook}.",
        )
    if found.settled and found.stable and found.gain < SMALL_GAIN:
        sentence = f"You can stop: the next {STEP} labels should bring only {outlook}."
        return replace(found, code="stop", sentence=sentence)
    return replace(found, code="go on", sentence=f"Go on: the next {STEP} labels should bring {outlook}.")


def _towards(found: Advice, score: Score, curve: Curve, now: int, target: float, outlook: str) -> Advice:
    """The advice where a target accuracy is set."""
    wanted = f"{100 * target:g}"
    if score.value >= target:
        return _reached(found, score, target, outlook)
    missing = curve.labels_to(target) - now
    if missing > FAR:
        return replace(
            found,
            code="unreachable",
            sentence=f"Labels alone will not reach the target of {wanted} %: the curve ends near"
            f" {100 * curve.ceiling:.0f} %, and the next {STEP} labels should bring {outlook}.",
        )
    count = max(STEP // 10, round(missing, -1)) if missing < 10 * STEP else round(missing, -2)
    return replace(
        found,
        code="go on",
        to_target=int(count),
        sentence=f"Go on: about {count:.0f} more labels should reach the target of {wanted} %,"
        f" and the next {STEP} should bring {outlook}.",
    )


def _reached(found: Advice, score: Score, target: float, outlook: str | None) -> Advice:
    """The advice at the target, where too few rounds were measured for an outlook without one."""
    wanted, reached = f"{100 * target:g}", f"{100 * score.value:.1f}"
    low, high = f"{100 * score.low:.0f}", f"{100 * score.high:.0f}"
    if outlook is None:
        sentence = (
            f"You can stop: the target of {wanted} % is reached with {reached} % on {score.n} labels"
            f" (95 % interval {low} to {high} %)."
        )
    else:
        sentence = (
            f"You can stop: the target of {wanted} % is reached with {reached} % on {score.n} labels"
            f" (95 % interval {low} to {high} %); the next {STEP} labels should bring {outlook}."
        )
    return replace(found, code="stop", to_target=0, sentence=sentence)


def _outlook(found: Advice, seconds: float | None) -> str:
    """The gain in words, and what it costs where that is known."""
    gain, low, high = (
        f"{100 * value:.1f}" for value in (found.gain, found.gain_low, found.gain_high) if value is not None
    )
    if seconds is None:
        return spoken(f"{gain} points of accuracy (95 % interval {low} to {high})")
    minutes = round(seconds * STEP / 60)
    if minutes < 2:
        return spoken(f"{gain} points of accuracy (95 % interval {low} to {high}) and take a minute or two")
    return spoken(
        f"{gain} points of accuracy (95 % interval {low} to {high}) and take some {minutes} minutes"
    )


def _too_early(measured: int) -> str:
    if measured == 1:
        return (
            f"Too early to say when to stop: it takes {FEWEST_ROUNDS} rounds of one classifier, each with new"
            f" labels and measured on at least {FEWEST_MEASURED}, and there is one."
        )
    return (
        f"Too early to say when to stop: it takes {FEWEST_ROUNDS} rounds of one classifier, each with new"
        f" labels and measured on at least {FEWEST_MEASURED}, and there are {measured}."
    )
