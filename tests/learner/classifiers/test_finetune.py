"""Fine-tuning the tiny encoder for real, and what its settings do."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentiment import LABELS, reviews

from learner import encoders
from learner.classifiers.examples import Examples
from learner.classifiers.finetune import FinetuneClassifier
from learner.classifiers.interface import dataset
from learner.classifiers.starting_point import open_model, regress_output
from learner.classifiers.training import stopping
from learner.classifiers.tuned_model import TunedModel
from learner.encoders import Encoder
from learner.errors import Cancelled, CheckpointError, EncoderError, TrainingDiverged
from learner.settings import FinetuneSettings

NONE = dataset([], np.zeros(0, np.int64), 3)


def a_classifier(encoder: Encoder, **settings: object) -> FinetuneClassifier:
    values = {"epochs": 3, "learning_rate": 1e-3, **settings}
    return FinetuneClassifier(LABELS, encoder, FinetuneSettings.from_dict(values), seed=1)


@pytest.mark.slow
def test_a_tuned_model_learns_and_loads_in_a_plain_pipeline(tiny_encoder: Encoder, tmp_path: Path) -> None:
    from transformers import pipeline

    texts, y = reviews(120)
    steps: list[tuple[int, int]] = []
    classifier = a_classifier(tiny_encoder, epochs=8, patience=8, learning_rate=3e-3, dropout=0.0)
    validation = dataset(*reviews(60, seed=1), 3)
    classifier.fit(
        dataset(texts, y, 3),
        validation=validation,
        progress=lambda _, done, total: steps.append((done, total)),
    )
    classifier.calibrate(dataset(texts, y, 3), np.zeros(120, bool), validation)
    unseen, truth = reviews(60, seed=2)
    proba = classifier.model.predict_proba(unseen)
    assert (proba.argmax(axis=1) == truth).mean() > 0.9
    assert steps[-1][0] == steps[-1][1] and [done for done, _ in steps] == sorted(done for done, _ in steps)

    classifier.model.save(tmp_path)
    again = TunedModel.read(tmp_path, LABELS)
    assert np.allclose(again.predict_proba(unseen), proba, atol=1e-6)
    plain = pipeline("text-classification", model=str(tmp_path))(unseen, truncation=True)
    assert [item["label"] for item in plain] == [LABELS[i] for i in proba.argmax(axis=1)]
    assert np.allclose([item["score"] for item in plain], proba.max(axis=1), atol=1e-5)
    with pytest.raises(CheckpointError, match="other labels"):
        TunedModel.read(tmp_path, ["a", "b", "c"])


def test_the_start_averages_all_tokens(tiny_encoder: Encoder) -> None:
    """Embeddings of the added layer point the way of the mean over the last layer's tokens."""
    texts, _ = reviews(30)
    torch.manual_seed(0)
    model = open_model(tiny_encoder, LABELS, 64)
    _, embeddings = model.logits(model.reader(texts))
    body = model.model.bert
    for text, embedding in zip(texts, embeddings, strict=True):
        ids = torch.tensor(model.reader([text]))
        states = body(input_ids=ids, output_hidden_states=True).hidden_states
        mean = states[-2][0].mean(dim=0).detach().numpy()
        assert np.corrcoef(mean, embedding)[0, 1] > 0.98


def test_the_regression_start_is_learnt_before_any_step(tiny_encoder: Encoder) -> None:
    texts, y = reviews(60)
    torch.manual_seed(0)
    model = open_model(tiny_encoder, LABELS, 64)
    regress_output(model, Examples(texts, y, np.ones(60)), balanced=True)
    assert (model.predict_proba(texts).argmax(axis=1) == y).mean() > 0.6


def test_same_seed_same_model(tiny_encoder: Encoder) -> None:
    train = dataset(*reviews(24), 3)
    first, second = (a_classifier(tiny_encoder, epochs=1).fit(train).predict_proba(train) for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize(
    ("settings", "moved", "still"),
    [
        ({}, "encoder.layer.0", "word_embeddings"),
        ({"freeze_embeddings": False}, "word_embeddings", None),
        ({"top_layers": 1}, "encoder.layer.2", "encoder.layer.1"),
        ({"top_layers": 0}, "encoder.layer.3", "encoder.layer.2"),
        ({"optimizer": "sgd", "learning_rate": 1e-2}, "encoder.layer.0", "word_embeddings"),
    ],
)
def test_only_what_the_settings_name_is_trained(
    tiny_encoder: Encoder, settings: dict[str, object], moved: str, still: str | None
) -> None:
    torch.manual_seed(1)
    start = {
        name: value.clone() for name, value in open_model(tiny_encoder, LABELS, 64).model.named_parameters()
    }
    classifier = a_classifier(tiny_encoder, epochs=1, **settings).fit(dataset(*reviews(24), 3))
    changed = {
        n for n, value in classifier.model.model.named_parameters() if not torch.equal(value, start[n])
    }
    assert any(moved in name for name in changed)
    assert still is None or not any(still in name for name in changed)


def test_a_loss_that_is_no_number_stops_the_training(tiny_encoder: Encoder) -> None:
    with pytest.raises(TrainingDiverged, match="smaller learning rate"):
        a_classifier(tiny_encoder).fit(dataset(*reviews(24), 3), weights=np.full(24, 1e38))


def test_an_encoder_of_damaged_weights_is_named(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(tiny_encoder_folder, folder)
    tensors = load_file(folder / "model.safetensors")
    tensors["encoder.layer.0.output.dense.weight"][:] = 1e30
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    encoder = encoders.resolve(tmp_path, str(folder))
    with pytest.raises(EncoderError, match="damaged"):
        a_classifier(encoder).fit(dataset(*reviews(24), 3))


def test_cancelling_stops_within_a_batch(tiny_encoder: Encoder) -> None:
    seen: list[int] = []

    def stop(phase: str, done: int, total: int) -> None:
        seen.append(done)
        if done == 2:
            raise Cancelled("The round was cancelled.")

    with pytest.raises(Cancelled):
        a_classifier(tiny_encoder).fit(dataset(*reviews(60), 3), progress=stop)
    assert seen[-1] == 2


@pytest.mark.parametrize(
    ("labels", "validation", "stops_on"), [(30, 0, None), (200, 0, 30), (30, 24, 24), (30, 10, None)]
)
def test_what_decides_when_to_stop(labels: int, validation: int, stops_on: int | None) -> None:
    held = Examples.of(dataset(*reviews(validation, seed=3), 3)) if validation else Examples.of(NONE)
    examples, stop = stopping(Examples.of(dataset(*reviews(labels), 3)), held, 0.15, seed=1)
    assert (None if stop is None else len(stop.y)) == stops_on
    assert len(examples.y) == labels - (stops_on or 0) * (not validation)


def test_weak_labels_teach_but_do_not_decide_when_to_stop() -> None:
    texts, y = reviews(400)
    weights = np.where(np.arange(400) < 250, 0.2, 1.0)
    examples, stop = stopping(Examples(texts, y, weights), Examples.of(NONE), 0.15, seed=1)
    assert stop is not None and len(stop.y) == 22 and (stop.weights == 1).all()
    assert len(examples.y) == 378 and (examples.weights == 0.2).sum() == 250


def test_a_class_without_a_label_starts_with_no_probability(tiny_encoder: Encoder) -> None:
    texts, y = reviews(60)
    model = open_model(tiny_encoder, LABELS, 64)
    seen = np.flatnonzero(y < 2)
    regress_output(model, Examples(texts, y, np.ones(60)).only(seen), balanced=True)
    assert model.predict_proba(texts)[:, 2].max() < 1e-6


def test_validation_labels_of_a_class_without_training_say_nothing_of_confidence(
    tiny_encoder: Encoder,
) -> None:
    texts, y = reviews(150)
    seen = np.flatnonzero(y < 2)
    train = dataset([texts[row] for row in seen], y[seen], 3)
    confidence = []
    for rows in (seen, np.arange(len(y))):
        classifier = a_classifier(tiny_encoder)
        classifier.model = open_model(tiny_encoder, LABELS, 64)
        regress_output(classifier.model, Examples(texts, y, np.ones(150)).only(seen), balanced=True)
        classifier.calibrate(train, np.zeros(0, bool), dataset([texts[row] for row in rows], y[rows], 3))
        confidence.append(classifier.model.predict_proba(texts).max(axis=1).mean())
    assert confidence[0] == pytest.approx(confidence[1])


def test_a_folder_with_pickled_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x02.")
    with pytest.raises(CheckpointError, match="pickle"):
        TunedModel.read(tmp_path, LABELS)
