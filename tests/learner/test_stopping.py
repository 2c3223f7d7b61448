"""When to stop: what agrees, what a curve promises, what is said of it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from learner import learning_curve, stopping
from learner.advice import Advice
from learner.intervals import share
from learner.learning_curve import Score
from learner.stopping import Standing

CLASSES = {"negative": 60, "positive": 80}
STOP_SET = np.random.default_rng(0).integers(0, 2, 500)


def scored(value: float, n: int = 200) -> Score:
    low, high = share(value, n)
    return Score(value, float(low), float(high), n)


def flipped(count: int, seed: int) -> NDArray[np.int64]:
    """The answers, but so many of them the other way round."""
    answers = STOP_SET.copy()
    rows = np.random.default_rng(seed).choice(len(answers), count, replace=False)
    answers[rows] = 1 - answers[rows]
    return answers


def standings(
    values: list[float], flips: list[int] | None = None, step: int = 20, first: int = 20
) -> list[Standing]:
    changes = flips or [0] * len(values)
    return [
        Standing(first + step * i, scored(value), flipped(count, i))
        for i, (value, count) in enumerate(zip(values, changes, strict=True))
    ]


def curve(labels: NDArray[np.float64], a: float = 0.9, b: float = 0.4, c: float = 0.6) -> NDArray[np.float64]:
    """Accuracies of a project that goes from a - b at 20 labels towards a."""
    return a - b * (labels / 20) ** -c


def test_kappa_needs_three_checks_of_small_batches_and_two_of_large_ones() -> None:
    three_rounds = standings([0.8] * 3)
    assert stopping.agreement(three_rounds, 2) == (None, None)
    assert stopping.agreement(standings([0.8] * 4), 2) == (1.0, True)
    assert stopping.agreement(standings([0.8] * 3, step=100), 2) == (1.0, True)


def test_kappa_falls_where_answers_change_and_forgets_old_changes() -> None:
    kappa, stable = stopping.agreement(standings([0.8] * 4, [0, 0, 0, 60]), 2)
    assert kappa is not None and kappa < stopping.KAPPA and stable is False
    later, calm = stopping.agreement(standings([0.8] * 5, [60, 0, 0, 0, 0]), 2)
    assert (later, calm) == (1.0, True)


def test_kappa_goes_by_reviews_that_all_rounds_answered() -> None:
    rounds = standings([0.8] * 4, [0, 0, 0, 50])
    wrong = rounds[-1].answers != STOP_SET
    hidden = rounds[1].answers.copy()
    hidden[wrong] = -1
    rounds[1] = Standing(rounds[1].labels, rounds[1].score, hidden)
    assert stopping.agreement(rounds, 2) == (1.0, True)
    nobody = [Standing(each.labels, each.score, np.full(500, -1)) for each in rounds]
    assert stopping.agreement(nobody, 2) == (None, None)


def test_the_curve_finds_the_gain_that_is_there() -> None:
    labels = np.arange(20, 301, 20, dtype=np.float64)
    fitted = learning_curve.fit(labels.tolist(), [scored(value) for value in curve(labels)])
    gain, low, high = fitted.gain(300, 100, luck=0.0)
    true = float(curve(np.array([400.0]))[0] - curve(np.array([300.0]))[0])
    assert low <= true <= high and gain == pytest.approx(true, abs=0.005)
    assert fitted.ceiling == pytest.approx(0.9, abs=0.02)
    assert fitted.labels_to(0.85) == pytest.approx(20 * (0.4 / 0.05) ** (1 / 0.6), rel=0.15)
    assert fitted.labels_to(0.97) == np.inf


def test_no_curve_promises_a_loss_and_a_flat_one_promises_nothing() -> None:
    labels = np.arange(20, 401, 20, dtype=np.float64)
    rng = np.random.default_rng(0)
    fitted = learning_curve.fit(
        labels.tolist(), [scored(v) for v in 0.85 + rng.normal(0, 0.005, len(labels))]
    )
    gain, low, high = fitted.gain(400, 100, luck=0.006)
    assert low <= gain <= high < 0.02 and 0 <= gain < 0.005
    falling = learning_curve.fit([20, 40, 60], [scored(value) for value in (0.9, 0.85, 0.8)])
    gain, low, high = falling.gain(60, 100, luck=0.01)
    assert gain == 0 and (low, high) == (pytest.approx(-0.0196, rel=0.1), pytest.approx(0.0196, rel=0.1))


def test_the_interval_of_the_gain_holds_it() -> None:
    labels = np.arange(20, 301, 20, dtype=np.float64)
    true = float(curve(np.array([400.0]))[0] - curve(np.array([300.0]))[0])
    rng = np.random.default_rng(4)
    held = 0
    for seed in range(100):
        noise = rng.normal(0, learning_curve.OWN_ERROR * 0.024, len(labels)) + rng.normal(0, 0.02)
        scores = [scored(min(1.0, value)) for value in curve(labels) + noise]
        _, low, high = learning_curve.fit(labels.tolist(), scores, seed).gain(300, 100, luck=0.006)
        luck = rng.normal(0, 0.006)
        held += low <= true + luck <= high
    assert held >= 90


def test_answers_that_still_change_widen_the_interval_and_small_rounds_count_for_more() -> None:
    calm, stirred = (stopping.luck(standings([0.8] * 5, [0, flips, 0, flips, 0])) for flips in (5, 50))
    assert stirred == pytest.approx(calm * 10**0.7, rel=0.1)
    large = stopping.luck(standings([0.8] * 5, [0, 50, 0, 50, 0], step=80))
    assert large == pytest.approx(stirred / 2**0.7)


def test_luck_is_never_nil_and_all_may_change_where_nothing_is_known() -> None:
    assert 0 < stopping.luck(standings([0.8] * 5)) < 0.002
    nobody = [Standing(each.labels, each.score, np.full(500, -1)) for each in standings([0.8] * 5)]
    same = [Standing(100, scored(0.8), STOP_SET)] * 5
    assert stopping.luck(nobody) == stopping.luck(same) == stopping.luck([]) == 0.05


def advised(values: list[float], **more: object) -> Advice:
    rounds = standings(values)
    return stopping.advise(rounds, CLASSES, **more)  # type: ignore[arg-type]


def test_too_early_until_three_rounds_are_measured() -> None:
    assert advised([0.7, 0.75]).code == "early"
    few = [Standing(20 * i + 20, scored(0.8, 10), STOP_SET) for i in range(5)]
    early = stopping.advise(few, CLASSES)
    assert early.code == "early" and "there are 0" in early.sentence
    unmeasured = [*standings([0.7, 0.75, 0.8]), Standing(80, None, STOP_SET)]
    assert stopping.advise(unmeasured, CLASSES).code == "early"


def test_a_round_again_on_the_same_labels_says_nothing_of_more() -> None:
    again = [Standing(120, scored(value), STOP_SET) for value in (0.84, 0.85, 0.86)]
    early = stopping.advise(again, CLASSES)
    assert early.code == "early" and "there is one" in early.sentence
    rising = standings(curve(np.arange(20, 161, 20, dtype=np.float64)).tolist())
    once = stopping.advise(rising, CLASSES)
    assert stopping.advise([*rising[:-1], *[rising[-1]] * 9], CLASSES) == once
    assert once.code == "go on"


def test_a_round_on_stars_alone_belongs_to_no_curve() -> None:
    stars = Standing(0, scored(0.7), STOP_SET)
    rising = standings(curve(np.arange(20, 161, 20, dtype=np.float64)).tolist())
    assert stopping.advise([stars, *rising], CLASSES) == stopping.advise(rising, CLASSES)
    assert stopping.advise([stars], CLASSES).code == "early"


def test_on_while_the_curve_rises_and_stop_when_it_is_flat() -> None:
    rising = advised(curve(np.arange(20, 161, 20, dtype=np.float64)).tolist(), seconds=6.0)
    assert rising.code == "go on" and rising.gain is not None and rising.gain > 0.01
    assert rising.sentence.startswith("Go on: the next 100 labels should bring")
    assert "take some 10 minutes" in rising.sentence
    quick = advised(curve(np.arange(20, 161, 20, dtype=np.float64)).tolist(), seconds=0.5)
    assert quick.sentence.endswith(" and take a minute or two.")
    flat = advised([0.86] * 12)
    assert flat.code == "stop" and flat.settled and flat.stable
    assert flat.sentence.startswith("You can stop")


def test_a_class_with_few_labels_keeps_it_going() -> None:
    advice = stopping.advise(standings([0.86] * 12), {"negative": 100, "neutral": 4, "positive": 100})
    assert (advice.code, advice.rare) == ("go on", ("neutral",))
    assert "neutral" in advice.sentence


def test_a_target_is_reached_near_or_out_of_reach() -> None:
    values = curve(np.arange(20, 301, 20, dtype=np.float64)).tolist()
    reached = advised(values, target=0.8)
    assert (reached.code, reached.to_target) == ("stop", 0) and "80 % is reached" in reached.sentence
    at_once = advised([0.81], target=0.8)
    assert (at_once.code, at_once.to_target, at_once.gain) == ("stop", 0, None)
    assert at_once.sentence.endswith("is reached with 81.0 % on 200 labels (95 % interval 75 to 86 %).")
    assert advised([0.79], target=0.8).code == "early"
    on_few = [Standing(20, scored(0.9, 10), STOP_SET)]
    assert stopping.advise(on_few, CLASSES, target=0.8).code == "early"
    near = advised(values, target=0.85)
    expected = 20 * (0.4 / 0.05) ** (1 / 0.6) - 300
    assert near.code == "go on" and near.to_target == pytest.approx(expected, rel=0.3)
    assert f"about {near.to_target} more labels" in near.sentence
    far = advised(values, target=0.99)
    assert far.code == "unreachable" and far.to_target is None
