"""Half precision: where the hardware has it, in training, and never in what a CPU scores."""

import pytest
import torch
from sentiment import LABELS, reviews
from torch import nn

from learner import devices
from learner.classifiers.starting_point import open_model
from learner.encoders import Encoder


@pytest.mark.parametrize(
    ("capabilities", "fast"),
    [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx2": True}, False), ({}, False)],
)
def test_bf16_asks_for_hardware_that_multiplies_in_it(
    capabilities: dict[str, bool], fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert devices.bf16_is_fast("cpu") is fast
    assert devices.bf16_is_fast("cuda")


def test_a_torch_that_does_not_tell_trains_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not devices.bf16_is_fast("cpu")


@pytest.mark.parametrize("fast", [True, False])
def test_training_takes_bf16_and_scores_stay_in_fp32(
    fast: bool, tiny_encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": fast}, raising=False)
    model = open_model(tiny_encoder, LABELS, 64)
    products: list[torch.dtype] = []
    layer = next(module for module in model.model.modules() if isinstance(module, nn.Linear))
    layer.register_forward_hook(lambda _, inputs, output: products.append(output.dtype))
    ids = model.reader(reviews(4)[0])

    model.model.train()
    logits = model.forward(ids)
    model.logits(ids)

    assert products == [torch.bfloat16 if fast else torch.float32, torch.float32]
    assert logits.dtype == torch.float32
