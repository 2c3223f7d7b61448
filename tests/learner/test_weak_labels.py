"""Star ratings as weak labels: what they say, how much they count, and that people always win."""

from dataclasses import replace

import numpy as np
import pytest

from learner.settings import STAR_LIMIT, RoundSettings
from learner.weak_labels import NONE, WORTH, Rated, WeakLabels, combine, from_ratings, total_weight

THREE = ["negative", "neutral", "positive"]
STARS = [1, 2, 3, 4, 5, 2.5, 0, 6, float("nan")]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (THREE, [0, 0, 1, 2, 2, -1, -1, -1, -1]),
        (["Positive", "Negative"], [1, 1, -1, 0, 0, -1, -1, -1, -1]),
        (["good", "bad"], [-1] * 9),
        (["negative", "neutral"], [-1] * 9),
        ([*THREE, "mixed"], [-1] * 9),
        (["positive", "negative", "Negative"], [-1] * 9),
    ],
)
def test_stars_speak_where_labels_are_the_usual_words(labels: list[str], said: list[int]) -> None:
    assert from_ratings(STARS, labels).tolist() == said


def weak(n: int, rated: Rated | None = None) -> WeakLabels:
    return WeakLabels([f"rated {i}" for i in range(n)], np.arange(n) % 3, rated or Rated())


def rated(n: int, agreeing: float) -> Rated:
    people = np.arange(n) % 3
    stars = np.where(np.arange(n) < agreeing * n, people, (people + 1) % 3)
    return Rated(people, stars)


def test_labels_of_people_come_first_and_weigh_one() -> None:
    y = np.array([2, 0])
    both = combine(["a", "b"], y, weak(300), RoundSettings())
    assert both.texts[:2] == ["a", "b"] and both.y[:2].tolist() == [2, 0]
    assert both.weights is not None and both.weights[:2].tolist() == [1, 1]
    assert both.weak == 300 and len(both.texts) == len(both.y) == len(both.weights) == 302
    assert both.weights[2:].sum() == pytest.approx(total_weight(2, Rated()))
    assert len(set(both.weights[2:])) == 1 and both.weights[2] < 1


def test_without_weak_labels_or_with_stars_off_only_people_speak() -> None:
    y = np.array([1, 0])
    for settings, given in ((RoundSettings(), NONE), (RoundSettings(stars=False), weak(300))):
        alone = combine(["a", "b"], y, given, settings)
        assert (alone.texts, alone.y.tolist(), alone.weights, alone.weak) == (["a", "b"], [1, 0], None, 0)


def test_the_sample_is_bounded_drawn_with_the_seed_and_keeps_the_proportions() -> None:
    many = WeakLabels([f"rated {i}" for i in range(6000)], np.repeat([0, 2], [1500, 4500]))
    one, same, other = (combine([], np.zeros(0), many, RoundSettings(seed=s)) for s in (1, 1, 2))
    assert one.texts == same.texts != other.texts and one.weak == STAR_LIMIT
    assert (one.y == 0).mean() == pytest.approx(0.25, abs=0.03)
    tuned = combine([], np.zeros(0), many, RoundSettings(classifier="finetune"))
    assert tuned.weak < one.weak


def test_stars_weigh_less_the_more_people_said() -> None:
    weights = [total_weight(n, rated(60, 0.95)) for n in (0, 20, 100, 400, 2000)]
    assert weights == sorted(weights, reverse=True) and weights[-1] < weights[1] / 5


def test_stars_weigh_less_the_less_they_agree_and_nothing_where_they_go_against_people() -> None:
    weights = [total_weight(90, rated(90, share)) for share in (1.0, 0.8, 0.6, 0.34)]
    assert weights == sorted(weights, reverse=True) and weights[-1] < WORTH / 100
    against = rated(90, 0.0)
    assert total_weight(90, against) == 0
    assert combine(["a"], np.array([0]), weak(300, against), RoundSettings()).weights is None


def test_a_single_class_in_both_voices_is_no_evidence() -> None:
    alike = Rated(np.zeros(5, np.int64), np.zeros(5, np.int64))
    assert 0 < total_weight(5, alike) < WORTH


def test_few_weak_labels_weigh_less_than_those_of_people() -> None:
    """Weight 1 is how a label of a person is known: where tuning stops, and whether `auto` tries it."""
    both = combine(["a"], np.array([0]), weak(3), replace(RoundSettings(), seed=4))
    assert both.weights is not None and (both.weights == 1).tolist() == [True, False, False, False]
