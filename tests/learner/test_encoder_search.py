"""Layers and C chosen by measurement: found where they help, left alone where they do not."""

from dataclasses import replace

import numpy as np
import pytest

from learner import encoder_search, encoders
from learner.encoder_search import runs, search, tuned
from learner.encoders import Encoder
from learner.encoding import encode_texts
from learner.errors import EncoderError, NotEnoughLabels

RNG = np.random.default_rng(0)
SIZE = 200
Y = np.arange(SIZE) % 2


def states(informative: int, strength: float) -> np.ndarray:
    """Four hidden states (n, 4, 8), one of which tells the classes apart."""
    found = RNG.normal(size=(SIZE, 4, 8))
    found[:, informative, 0] += strength * (2 * Y - 1)
    return np.asarray(found / np.linalg.norm(found, axis=2, keepdims=True), dtype=np.float32)


def found_in(
    monkeypatch: pytest.MonkeyPatch, encoder: Encoder, hidden: np.ndarray
) -> encoder_search.SearchResult:
    """What a search finds in these hidden states, the encoder's own settings being its last layer."""
    rows = {f"text {row}": row for row in range(SIZE)}
    monkeypatch.setattr(
        encoder_search, "_hidden_states", lambda encoder, texts, progress: hidden[[rows[t] for t in texts]]
    )
    monkeypatch.setattr(encoder_search, "C_GRID", (1.0, 3.0))
    monkeypatch.setattr(encoder_search, "RESAMPLES", 200)
    return search(replace(encoder, settings=replace(encoder.settings, layers=(-1,))), list(rows), Y)


def test_layers_that_tell_the_classes_apart_are_found(
    tiny_encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = found_in(monkeypatch, tiny_encoder, states(1, 1.5))
    assert result.present.layers == (3,) and 1 in result.best.layers
    assert result.is_better and 0 < result.low < result.difference < result.high
    settings = tuned(tiny_encoder.settings, result.best)
    assert (settings.layers, settings.head_c) == (result.best.layers, result.best.head_c)
    assert settings.max_length == tiny_encoder.settings.max_length


def test_where_no_layer_says_anything_the_present_ones_stay(
    tiny_encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pick of many looks better on the texts that chose it; others judge it."""
    results = [found_in(monkeypatch, tiny_encoder, states(0, 0)) for _ in range(3)]
    assert sum(result.is_better for result in results) <= 1


def test_a_resample_without_the_last_class_is_scored_all_the_same() -> None:
    """Five of a hundred texts: one resample in two hundred has none of them."""
    y = np.repeat([0, 1, 2], [60, 35, 5])
    right, wrong = np.tile(y, (2, 1)), np.full((2, 100), 2)
    low, high = encoder_search._interval(y, wrong, right, seed=0)
    assert 0.9 < low < high <= 1  # macro-F1 from .03 to 1


def test_a_text_or_two_over_the_limit_need_no_split() -> None:
    y = np.arange(encoder_search.TEXTS + 2) % 3
    assert len(encoder_search._sample(y, 0)) == len(y)
    twice = np.arange(2 * encoder_search.TEXTS) % 3
    assert encoder_search.TEXTS <= len(encoder_search._sample(twice, 0)) < 1.1 * encoder_search.TEXTS


def test_all_hidden_states_come_from_one_pass(tiny_encoder: Encoder) -> None:
    texts = ["a great phone", "awful", "the book broke after two days, never again"]
    hidden = encoder_search._hidden_states(tiny_encoder, texts, lambda *_: None)
    assert hidden.shape == (3, 4, 32)
    alone = replace(tiny_encoder, settings=replace(tiny_encoder.settings, layers=(2,)))
    assert np.allclose(hidden[:, 2], encode_texts(alone, texts, exact=True), atol=1e-5)


def test_runs_are_of_the_upper_half() -> None:
    assert runs(6)[:4] == [(3,), (4,), (5,), (6,)]
    assert {(3, 4), (5, 6), (3, 4, 5), (4, 5, 6), (3, 4, 5, 6)} <= set(runs(6))
    assert len(set(runs(6))) == len(runs(6))
    assert runs(1) == [(0,), (1,), (0, 1)]


@pytest.mark.parametrize("y", [[0, 1] * 50, [0] * 300, [0] * 295 + [1] * 5, []])
def test_too_few_labels_are_said(tiny_encoder: Encoder, y: list[int]) -> None:
    with pytest.raises(NotEnoughLabels, match="Label more"):
        search(tiny_encoder, ["text"] * len(y), y)


def test_a_tuned_encoder_stands_beside_the_former_one(tiny_encoder: Encoder) -> None:
    root = tiny_encoder.folder.parent
    settings = replace(tiny_encoder.settings, layers=(1,), head_c=3.0)
    derived = encoders.derive(root, tiny_encoder, "tiny-tuned", settings)
    assert encoders.resolve(root, "tiny-tuned") == derived
    assert (derived.sha256, derived.dimensions) == (tiny_encoder.sha256, 32)
    assert encoders.resolve(root, "tiny") == tiny_encoder
    assert encoders.derive(root, tiny_encoder, "tiny-tuned", settings) == derived
    with pytest.raises(EncoderError, match="other settings"):
        encoders.derive(root, tiny_encoder, "tiny-tuned", replace(settings, head_c=1.0))
    with pytest.raises(EncoderError, match="cannot be an encoder's name"):
        encoders.derive(root, tiny_encoder, "../tiny", settings)
