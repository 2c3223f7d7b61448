"""Turned labels are found, sound ones are left alone, and too few labels say so."""

import numpy as np
import pytest

from learner.errors import NotEnoughLabels
from learner.suspects import MOST_SHARE, find_suspects

NAMES = ["negative", "neutral", "positive"]


def a_world(size: int = 300, classes: int = 3, spread: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Clouds of features, one a label."""
    draw = np.random.default_rng(0)
    y = np.arange(size) % classes
    return (np.eye(8)[y] * 3 + draw.normal(0, spread, (size, 8))).astype(np.float32), y


def test_turned_labels_are_found_with_what_they_should_be() -> None:
    features, true = a_world()
    turned = np.arange(0, 300, 29)
    y = true.copy()
    y[turned] = (true[turned] + 1) % 3
    found = find_suspects(np.arange(1000, 1300), features, y, NAMES, 1.0)
    by_review = {each.review - 1000: each for each in found.suspects}
    assert set(by_review) <= set(turned.tolist()) and len(by_review) > 0.7 * len(turned)
    assert all(by_review[row].label == y[row] and by_review[row].suggested == true[row] for row in by_review)
    scores = [each.score for each in found.suspects]
    assert scores == sorted(scores, reverse=True) and min(scores) > 0.5 and max(scores) <= 1
    assert found.judged == 300 and found.agreeing == pytest.approx(1 - len(turned) / 300, abs=0.01)


def test_sound_labels_are_left_alone() -> None:
    features, y = a_world(spread=0.3)
    assert find_suspects(np.arange(300), features, y, NAMES, 1.0).suspects == []


def test_a_model_that_knows_nothing_doubts_few() -> None:
    features, _ = a_world(spread=50)
    y = np.random.default_rng(1).integers(0, 3, 300)
    assert len(find_suspects(np.arange(300), features, y, NAMES, 1.0).suspects) <= MOST_SHARE * 300


def test_a_rare_label_is_not_judged() -> None:
    features, y = a_world(classes=2)
    y[:4] = 2
    found = find_suspects(np.arange(300), features, y, NAMES, 1.0)
    assert found.judged == 296 and found.unjudged == [2]
    assert {each.label for each in found.suspects} <= {0, 1}


def test_too_few_labels_say_so() -> None:
    features, y = a_world(24)
    with pytest.raises(NotEnoughLabels, match=r"10 reviews each.*negative: 8; neutral: 8; positive: 8"):
        find_suspects(np.arange(24), features, y, NAMES, 1.0)
