"""Checkpoints to export, of both kinds, made on the spot."""

from pathlib import Path

import numpy as np
import pytest

from learner import checkpoint
from learner.classifiers.head import HeadModel
from learner.classifiers.starting_point import open_model
from learner.encoders import Encoder
from learner.encoding import encode_texts
from learner.evaluation import Metric
from learner.export.model_card import CardFacts
from learner.settings import RoundSettings

LABELS = ["bad|worst", "good: 好"]


@pytest.fixture
def facts() -> CardFacts:
    return CardFacts(
        project="Shoes <script>\n| x",
        labels=LABELS,
        language="en",
        training_labels=120,
        model_version=3,
        created="2026-03-01",
        encoder="tiny",
        classifier="head",
        metrics=[
            Metric("holdout", "all", "accuracy", 0.8125, 0.701, 0.9, 64),
            Metric("holdout", "good: 好", "recall", 0.75, None, None, 30),
            Metric("holdout", "all", "confusion:bad|worst:good: 好", 7, None, None, 64),
        ],
    )


@pytest.fixture(scope="session")
def head_checkpoint(tiny_encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    model = HeadModel(
        LABELS,
        lambda texts, progress=None: encode_texts(tiny_encoder, texts, exact=True),
        rng.normal(0, 8, (2, tiny_encoder.dimensions)).astype(np.float32),
        rng.normal(0, 1, 2).astype(np.float32),
        temperature=1.7,
    )
    folder = tmp_path_factory.mktemp("checkpoints") / "head"
    checkpoint.save(folder, checkpoint.facts(RoundSettings(encoder="tiny"), LABELS, tiny_encoder), model)
    return folder


@pytest.fixture(scope="session")
def tuned_checkpoint(tiny_encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = RoundSettings(encoder="tiny", classifier="finetune")
    folder = tmp_path_factory.mktemp("checkpoints") / "tuned"
    model = open_model(tiny_encoder, LABELS, 32)
    # An untrained output layer is never sure of anything; labels would be compared at the toss of a coin.
    model.output.weight.data.mul_(50)
    checkpoint.save(folder, checkpoint.facts(settings, LABELS, tiny_encoder), model)
    return folder
