"""The names of the labels: a direction that a regression finds with few labels, and that folds back into it."""

from collections.abc import Sequence

import numpy as np
import pytest

from learner.class_names import NamedFeatures, directions
from learner.classifiers.head import HeadClassifier
from learner.classifiers.interface import dataset
from learner.progress import Progress, silent
from learner.settings import HeadSettings

LABELS = ["negative", "neutral", "positive"]
WIDTH = 60


def encode(texts: Sequence[str], progress: Progress = silent) -> np.ndarray:
    """Unit vectors: sentiment lies along the first axis, everything else says nothing. A text is `mood seed`."""
    moods = {"positive": 1.0, "neutral": 0.0, "negative": -1.0}
    points = np.empty((len(texts), WIDTH), np.float32)
    for row, text in enumerate(texts):
        seed = sum(map(ord, text))
        points[row] = np.random.default_rng(seed).normal(scale=0.3, size=WIDTH)
        points[row, 0] = next(value for word, value in moods.items() if word in text)
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def reviews(n: int, seed: int) -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    return [f"{LABELS[label]} {rng.integers(10**9)}" for label in y], y


def accuracy(labels: int, seed: int, **settings: object) -> float:
    head = HeadClassifier(LABELS, encode, HeadSettings.from_dict(settings), encoder_c=1.0)
    texts, y = reviews(400, seed)
    head.fit(dataset(texts[:labels], y[:labels], 3))
    return float((head.model.predict_proba(texts[200:]).argmax(axis=1) == y[200:]).mean())


def test_a_few_labels_find_the_direction_of_the_names() -> None:
    gains = [accuracy(9, seed) - accuracy(9, seed, class_names=False) for seed in range(10)]
    assert np.mean(gains) > 0.02 and min(gains) > -0.02


@pytest.mark.parametrize(("labels", "weight"), [(20, 0.1), (30, 0.1), (60, 0.05), (300, 0.01)])
def test_names_count_less_the_more_labels_there_are(labels: int, weight: float) -> None:
    features = encode(reviews(labels, 0)[0])
    named = directions(encode, LABELS)
    assert named is not None
    columns = NamedFeatures.of(named, features).extend(features)[:, WIDTH:]
    assert np.allclose(columns.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(columns.std(axis=0), weight, atol=1e-6)


@pytest.mark.parametrize("classes", [1, 3])
def test_folded_coefficients_give_the_same_logits(classes: int) -> None:
    rng = np.random.default_rng(0)
    features = encode(reviews(50, 0)[0])
    named = directions(encode, LABELS)
    assert named is not None
    names = NamedFeatures.of(named, features)
    extended = names.extend(features)
    coef, intercept = rng.normal(size=(classes, WIDTH + 3)), rng.normal(size=classes)
    folded, shifted = names.fold(coef, intercept)
    assert np.allclose(extended @ coef.T + intercept, features @ folded.T + shifted, atol=1e-5)


@pytest.mark.parametrize("labels", [["a", "b"], ["positive", "delivery"], ["positive", "Positive"]])
def test_names_that_say_nothing_are_left_out(labels: list[str]) -> None:
    def never(texts: Sequence[str], progress: Progress = silent) -> np.ndarray:
        raise AssertionError("nothing to encode")

    assert directions(never, labels) is None


def test_names_are_read_in_any_case_and_in_chinese() -> None:
    plain = directions(encode, ["negative", "positive"])
    assert plain is not None
    for labels in (["Negative", "POSITIVE"], ["负面", "正面"]):
        named = directions(encode, labels)
        assert named is not None and np.allclose(named, plain)
