"""A new version serves unless it is worse beyond noise."""

import numpy as np

from learner import gate

LABELS = ["negative", "neutral", "positive"]


def predictions(y: np.ndarray, wrong: int, start: int = 0) -> np.ndarray:
    """The labels, but `wrong` of them from `start` on taken for the next class."""
    predicted = y.copy()
    predicted[start : start + wrong] = (y[start : start + wrong] + 1) % 3
    return predicted


Y = np.tile([0, 1, 2], 50)


def test_better_worse_and_no_different() -> None:
    assert gate.compare(Y, predictions(Y, 40), predictions(Y, 5), LABELS).code == "better"
    same = gate.compare(Y, predictions(Y, 20), predictions(Y, 21), LABELS)
    assert (same.code, same.serves) == ("same", True)
    worse = gate.compare(Y, predictions(Y, 5), predictions(Y, 40), LABELS)
    assert (worse.code, worse.serves) == ("worse", False)
    assert "96.7 → 73.3 %" in worse.reason


def test_one_class_that_gets_lost_is_enough_to_be_refused() -> None:
    y = np.r_[np.zeros(170, int), np.ones(15, int), np.full(170, 2)]
    old = y.copy()
    old[:20] = 2
    new = y.copy()
    new[y == 1] = 0
    verdict = gate.compare(y, old, new, LABELS)
    assert (new == y).mean() > (old == y).mean()
    assert not verdict.serves
    assert "recall of neutral: 100.0 → 0.0 %" in verdict.reason


def test_a_flipped_label_or_two_of_a_rare_class_are_noise() -> None:
    for rare in (1, 2):
        y = np.r_[np.tile([0, 2], 49), np.ones(rare, int)]
        old = predictions(y, 0)
        old[:12] = 2 - old[:12]
        new = y.copy()
        new[-rare:] = 0
        verdict = gate.compare(y, old, new, LABELS)
        assert (verdict.code, verdict.serves) == ("better", True)


def test_a_small_change_either_way_is_noise() -> None:
    y = Y[:30]
    assert gate.compare(y, predictions(y, 3), predictions(y, 5), LABELS).serves


def test_too_few_labels_are_said() -> None:
    verdict = gate.compare(Y[:19], Y[:19], predictions(Y[:19], 19), LABELS)
    assert (verdict.code, verdict.serves) == ("unmeasured", True)
    assert "19 labels" in verdict.reason
