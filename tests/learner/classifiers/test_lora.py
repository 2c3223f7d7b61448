"""Adapters in the tiny encoder: what is trained, and that nothing of them is left when training ends."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sentiment import LABELS, reviews

from learner.classifiers.examples import Examples
from learner.classifiers.interface import dataset
from learner.classifiers.lora import LoraClassifier, adapt, merge
from learner.classifiers.starting_point import open_model, regress_output
from learner.classifiers.training import train
from learner.classifiers.tuned_model import TunedModel
from learner.encoders import Encoder
from learner.errors import Cancelled, TrainingDiverged
from learner.progress import silent
from learner.settings import LoraSettings


def a_classifier(encoder: Encoder, **settings: object) -> LoraClassifier:
    values = {"epochs": 2, "learning_rate": 5e-3, **settings}
    return LoraClassifier(LABELS, encoder, LoraSettings.from_dict(values), seed=1)


@pytest.mark.slow
def test_a_merged_model_is_a_plain_classifier_again(tiny_encoder: Encoder, tmp_path: Path) -> None:
    from transformers import pipeline

    classifier = a_classifier(tiny_encoder, epochs=8, patience=8, dropout=0.0)
    classifier.fit(dataset(*reviews(120), 3), validation=dataset(*reviews(60, seed=1), 3))
    unseen, truth = reviews(60, seed=2)
    proba = classifier.model.predict_proba(unseen)
    assert (proba.argmax(axis=1) == truth).mean() > 0.9
    fresh = open_model(tiny_encoder, LABELS, 64).model
    assert list(classifier.model.model.state_dict()) == list(fresh.state_dict())

    classifier.model.save(tmp_path)
    assert np.allclose(TunedModel.read(tmp_path, LABELS).predict_proba(unseen), proba, atol=1e-6)
    plain = pipeline("text-classification", model=str(tmp_path))(unseen, truncation=True)
    assert [item["label"] for item in plain] == [LABELS[i] for i in proba.argmax(axis=1)]


def test_merging_changes_no_prediction(tiny_encoder: Encoder) -> None:
    texts, y = reviews(60)
    torch.manual_seed(0)
    model, settings = open_model(tiny_encoder, LABELS, 64), LoraSettings(epochs=3, learning_rate=1e-2)
    examples = Examples(texts, y, np.ones(60))
    regress_output(model, examples, balanced=True)
    untrained = model.predict_proba(texts)
    adapt(model, settings)
    train(model, settings, examples, None, 0, silent)
    before = model.predict_proba(texts)
    merge(model)
    assert np.abs(model.predict_proba(texts) - before).max() < 1e-4
    assert np.abs(before - untrained).max() > 0.01


def test_adapters_go_into_every_layer_and_leave_the_rest_of_the_encoder(tiny_encoder: Encoder) -> None:
    torch.manual_seed(1)
    start = {n: p.clone() for n, p in open_model(tiny_encoder, LABELS, 64).model.named_parameters()}
    model = a_classifier(tiny_encoder).fit(dataset(*reviews(24), 3)).model.model
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, start[name])}
    for layer in range(3):
        for part in ("attention.self.query", "attention.output.dense", "intermediate.dense", "output.dense"):
            assert f"bert.encoder.layer.{layer}.{part}.weight" in changed
            assert f"bert.encoder.layer.{layer}.{part}.bias" not in changed
    assert "bert.encoder.layer.3.attention.self.value.weight" in changed
    assert "classifier.weight" in changed
    assert not any("embeddings" in name for name in changed)


def test_same_seed_same_model(tiny_encoder: Encoder) -> None:
    train_set = dataset(*reviews(24), 3)
    first, second = (
        a_classifier(tiny_encoder, epochs=1).fit(train_set).predict_proba(train_set) for _ in range(2)
    )
    assert (first == second).all()


def test_a_loss_that_is_no_number_stops_the_training(tiny_encoder: Encoder) -> None:
    with pytest.raises(TrainingDiverged, match="smaller learning rate"):
        a_classifier(tiny_encoder).fit(dataset(*reviews(24), 3), weights=np.full(24, 1e38))


def test_cancelling_stops_within_a_batch(tiny_encoder: Encoder) -> None:
    seen: list[int] = []

    def stop(phase: str, done: int, total: int) -> None:
        seen.append(done)
        if done == 2:
            raise Cancelled("The round was cancelled.")

    with pytest.raises(Cancelled):
        a_classifier(tiny_encoder).fit(dataset(*reviews(60), 3), progress=stop)
    assert seen[-1] == 2


def test_self_training_tunes_a_second_time_with_the_pool(tiny_encoder: Encoder) -> None:
    train_set, (pool, _) = dataset(*reviews(30), 3), reviews(60, seed=5)
    told: list[float] = []

    def tell(phase: str, done: int, total: int) -> None:
        if phase == "train":
            told.append(done / total)

    alone = a_classifier(tiny_encoder).fit(train_set, pool=pool)
    taught = a_classifier(tiny_encoder, self_training=True).fit(train_set, pool=pool, progress=tell)
    assert not np.array_equal(alone.predict_proba(train_set), taught.predict_proba(train_set))
    assert told == sorted(told) and told[-1] == 1
    without = a_classifier(tiny_encoder, self_training=True).fit(train_set)
    assert np.array_equal(alone.predict_proba(train_set), without.predict_proba(train_set))
