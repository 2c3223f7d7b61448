"""The head: probabilities, classes without labels, and a temperature from random labels only."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression

from learner.classifiers.calibration import temperature
from learner.classifiers.head import HeadClassifier, HeadModel
from learner.classifiers.interface import dataset
from learner.errors import CheckpointError
from learner.progress import Progress, silent
from learner.settings import HeadSettings

LABELS = ["negative", "neutral", "positive"]


def numbers(texts: Sequence[str], progress: Progress = silent) -> np.ndarray:
    """Features of texts that are numbers themselves: separable, with noise."""
    values = np.array([[float(part) for part in text.split()] for text in texts], dtype=np.float32)
    return values.reshape(len(texts), 4)


def reviews(n: int, seed: int = 0, classes: int = 3) -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    points = np.eye(4)[y] + rng.normal(scale=0.5, size=(n, 4))
    return [" ".join(f"{value:.4f}" for value in point) for point in points], y


def a_head(labels: list[str] | None = None, **settings: object) -> HeadClassifier:
    # What is encoded here are numbers; names of labels are none.
    chosen = HeadSettings.from_dict({"class_names": False, **settings})
    return HeadClassifier(labels or LABELS, numbers, chosen, encoder_c=2.0)


@pytest.mark.parametrize("labels", [LABELS[:2], LABELS])
def test_probabilities_are_the_regressions(labels: list[str]) -> None:
    texts, y = reviews(120, classes=len(labels))
    head = a_head(labels).fit(dataset(texts, y, len(labels)))
    expected = LogisticRegression(C=2.0, class_weight="balanced", max_iter=1000).fit(numbers(texts), y)
    assert np.allclose(head.model.predict_proba(texts), expected.predict_proba(numbers(texts)), atol=1e-5)
    predicted, proba = head.predict(dataset(texts, y, len(labels)), return_proba=True)
    assert (predicted == proba.argmax(axis=1)).all() and (predicted == y).mean() > 0.7


def test_the_settings_c_wins_over_the_encoders() -> None:
    assert a_head().c == 2.0
    assert a_head(c=0.5).c == 0.5


@pytest.mark.parametrize("classes", [[0, 2], [1, 2], [0, 1]])
def test_a_class_without_labels_is_never_predicted(classes: list[int]) -> None:
    texts, y = reviews(100)
    rows = np.flatnonzero(np.isin(y, classes))
    head = a_head().fit(dataset([texts[row] for row in rows], y[rows], 3))
    proba = head.model.predict_proba(texts)
    missing = ({0, 1, 2} - set(classes)).pop()
    assert proba[:, missing].max() < 1e-6
    assert np.allclose(proba.sum(axis=1), 1, atol=1e-6)


def test_the_temperature_follows_the_random_labels_and_keeps_predictions() -> None:
    texts, y = reviews(200)
    train, none = dataset(texts, y, 3), dataset([], np.zeros(0, int), 3)
    head = a_head(c=100.0).fit(train)
    before = head.model.predict_proba(texts)
    head.calibrate(train, np.arange(200) < 49, none)
    assert head.model.temperature == 1.0
    random = np.arange(200) < 120
    head.calibrate(train, random, none)
    assert head.model.temperature != 1.0
    assert (head.model.predict_proba(texts).argmax(axis=1) == before.argmax(axis=1)).all()
    # Labels that were not drawn at random have no say in it, beyond training.
    chosen = head.model.temperature
    head.calibrate(train, np.r_[random[:150], ~random[150:]], none)
    assert head.model.temperature != chosen


def test_the_temperature_of_known_overconfidence() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=2.0, size=(20_000, 3))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (chances.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    assert temperature(logits * 3.0, y) == pytest.approx(3.0, rel=0.05)


@pytest.mark.parametrize(
    "tensors",
    [
        {"coef": np.zeros((3, 4), np.float32)},
        {"coef": np.zeros((2, 4)), "intercept": np.zeros(2), "temperature": np.ones(1)},
        {"coef": np.full((3, 4), np.nan), "intercept": np.zeros(3), "temperature": np.ones(1)},
        {"coef": np.zeros((3, 4)), "intercept": np.zeros(3), "temperature": np.zeros(1)},
    ],
)
def test_a_file_that_is_no_head_for_these_labels_is_refused(
    tmp_path: Path, tensors: dict[str, np.ndarray]
) -> None:
    save_file(tensors, tmp_path / "head.safetensors")
    with pytest.raises(CheckpointError):
        HeadModel.read(tmp_path, LABELS, numbers)
