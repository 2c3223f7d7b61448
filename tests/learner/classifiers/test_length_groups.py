"""Computed in groups of similar length, a batch comes to the same: embeddings, gradients, whatever the order."""

from typing import Any

import pytest
import torch
from sentiment import reviews

from learner import tokens
from learner.classifiers.length_groups import by_length
from learner.classifiers.starting_point import body_of
from learner.classifiers.tuned_model import open_classifier
from learner.encoders import Encoder


def a_batch(encoder: Encoder) -> dict[str, torch.Tensor]:
    """Short and long reviews in turns, padded to the longest."""
    texts = [text * (1 + 7 * (at % 3 == 0)) for at, text in enumerate(reviews(12)[0])]
    reader = tokens.reader(encoder)
    ids, mask = map(torch.from_numpy, reader.pad(reader(texts)))
    return {"input_ids": ids, "attention_mask": mask}


class Counting:
    """The tiny encoder in evaluation mode, and the shapes it was asked for."""

    def __init__(self, encoder: Encoder) -> None:
        self.body = body_of(open_classifier(encoder.folder)).eval()
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, features: dict[str, Any]) -> torch.Tensor:
        self.shapes.append(tuple(features["input_ids"].shape))
        embeddings: torch.Tensor = self.body(
            input_ids=features["input_ids"], attention_mask=features["attention_mask"]
        ).last_hidden_state
        return embeddings


def test_embeddings_and_gradients_are_those_of_the_whole_batch(tiny_encoder: Encoder) -> None:
    features, compute = a_batch(tiny_encoder), Counting(tiny_encoder)
    weight = compute.body.get_input_embeddings().weight
    real = features["attention_mask"][..., None]
    found = []
    for budget in (10_000, 64):
        compute.body.zero_grad()
        embeddings = by_length(features, compute, budget) * real
        embeddings.pow(2).sum().backward()
        found.append((embeddings.detach(), weight.grad.clone()))
    (whole, gradient), (grouped, its_gradient) = found
    assert torch.allclose(grouped, whole, atol=1e-5) and torch.allclose(its_gradient, gradient, atol=1e-4)
    (rows, width), *groups = compute.shapes
    assert len(groups) > 1 and sum(shape[0] for shape in groups) == rows
    assert sum(shape[0] * shape[1] for shape in groups) < 0.7 * rows * width


@pytest.mark.parametrize("budget", [1, 64])
def test_what_is_no_tensor_of_tokens_reaches_every_group(tiny_encoder: Encoder, budget: int) -> None:
    features, heard = {**a_batch(tiny_encoder), "modality": "text"}, []

    def compute(part: dict[str, Any]) -> torch.Tensor:
        heard.append(part["modality"])
        return torch.zeros(*part["input_ids"].shape, 2)

    whole = features["input_ids"].shape
    assert by_length(features, compute, budget).shape == (*whole, 2)
    assert len(heard) > 1 and set(heard) == {"text"}


def test_a_batch_padded_in_front_stays_whole(tiny_encoder: Encoder) -> None:
    features, compute = a_batch(tiny_encoder), Counting(tiny_encoder)
    by_length({name: value.flip(1) for name, value in features.items()}, compute, 64)
    assert compute.shapes == [tuple(features["input_ids"].shape)]
