"""Training data nobody would wish for: the round says what is wrong, or gives numbers that are numbers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from learner.classifiers.head import HeadClassifier
from learner.classifiers.interface import dataset
from learner.encoders import Encoder
from learner.errors import NotEnoughLabels, TrainingDiverged
from learner.round import Labelled, RoundTask, Unlabelled, run_round
from learner.settings import HeadSettings, RoundSettings

LABELS = ["negative", "positive"]
SIZE = 24
# Of `auto`, too few labels make head.
QUICK = ["head", "auto"]
TEXTS = {
    "empty": [""] * SIZE,
    "nearly empty": [" " * (number % 3) for number in range(SIZE)],
    "very long": ["good bad " * 12_000] * 2 + [f"fine {number}" for number in range(SIZE - 2)],
    "emoji only": ["👍🏽" * (number % 5 + 1) for number in range(SIZE)],
    "all the same": ["the phone is good"] * SIZE,
    "no characters": ["\ud800\x00\u202e" * (number % 3 + 1) for number in range(SIZE)],
}


def labelled(texts: list[str], first: int, y: list[int] | None = None) -> Labelled:
    y = [number % 2 for number in range(len(texts))] if y is None else y
    ids = first + np.arange(len(texts))
    return Labelled(ids, texts, np.array(y, np.int64), np.ones(len(texts), bool))


# Little training each: what is asked is whether it ends well.
TUNED_BRIEFLY = [
    {"classifier": "contrastive", "contrastive": {"max_steps": 2, "self_training": True}},
    {"classifier": "lora", "lora": {"epochs": 1, "self_training": True}},
    {"classifier": "finetune", "finetune": {"epochs": 1, "self_training": True}},
]


def task(
    encoder: Encoder, folder: Path, texts: list[str], settings: RoundSettings | None = None
) -> RoundTask:
    return RoundTask(
        settings=settings or RoundSettings(query_size=5),
        label_names=LABELS,
        encoder=encoder,
        train=labelled(texts, 0),
        validation=labelled(texts, 100),
        holdout=labelled(texts, 200),
        pool=Unlabelled(300 + np.arange(len(texts)), texts),
        features=folder / "features",
        checkpoint=folder / "checkpoints" / "1",
        serving=None,
    )


@pytest.mark.parametrize("classifier", QUICK)
@pytest.mark.parametrize("kind", TEXTS)
def test_strange_texts_end_in_probabilities(
    tiny_encoder: Encoder, tmp_path: Path, kind: str, classifier: str
) -> None:
    result = run_round(
        task(tiny_encoder, tmp_path, TEXTS[kind], RoundSettings(query_size=5, classifier=classifier))
    )
    assert np.isfinite(result.probabilities).all()
    assert np.allclose(result.probabilities.sum(axis=1), 1, atol=1e-3)
    assert 0 < len(result.queue) <= 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("values", TUNED_BRIEFLY, ids=lambda values: values["classifier"])
def test_strange_texts_end_in_probabilities_of_tuned_encoders_too(
    tiny_encoder: Encoder, tmp_path: Path, values: dict[str, object], kind: str
) -> None:
    settings = RoundSettings.from_dict({**values, "query_size": 5})
    result = run_round(task(tiny_encoder, tmp_path, TEXTS[kind], settings))
    assert np.isfinite(result.probabilities).all()
    assert np.allclose(result.probabilities.sum(axis=1), 1, atol=1e-3)
    assert 0 < len(result.queue) <= 5


@pytest.mark.parametrize(
    ("y", "hint"), [([], "no label"), ([1], "one of these: negative"), ([0] * SIZE, "positive")]
)
def test_labels_that_teach_nothing_are_refused_and_leave_no_file(
    tiny_encoder: Encoder, tmp_path: Path, y: list[int], hint: str
) -> None:
    texts = [f"fine {number}" for number in range(SIZE)]
    poor = replace(task(tiny_encoder, tmp_path, texts), train=labelled(texts[: len(y)], 0, y))
    with pytest.raises(NotEnoughLabels, match=hint):
        run_round(poor)
    assert not (tmp_path / "checkpoints").exists()


def test_pairs_that_cannot_be_drawn_are_refused_and_leave_no_file(
    tiny_encoder: Encoder, tmp_path: Path
) -> None:
    texts = [f"fine {number}" for number in range(SIZE)]
    poor = task(tiny_encoder, tmp_path, texts, RoundSettings(classifier="contrastive"))
    with pytest.raises(NotEnoughLabels, match="two labels each"):
        run_round(replace(poor, train=labelled(texts[:5], 0, [0, 0, 0, 0, 1])))
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_no_numbers_are_named(value: float) -> None:
    features = np.ones((4, 3), np.float32)
    features[2, 1] = value
    head = HeadClassifier(LABELS, lambda texts, progress=None: features, HeadSettings(), 1.0)
    with pytest.raises(TrainingDiverged, match="encoder"):
        head.fit(dataset(["a", "b", "c", "d"], np.array([0, 1, 0, 1]), 2))
