"""Star ratings teach an encoder sentiment; where they cannot, nothing is added."""

from pathlib import Path

import numpy as np
import pytest
from rated_reviews import rated

from learner import encoders
from learner.adapting import AdaptSettings, adapt
from learner.encoders import Encoder
from learner.errors import AdaptingFailed, Cancelled, EncoderError, NotEnoughLabels

pytestmark = pytest.mark.slow

LABELS = ("negative", "neutral", "positive")
LONG = AdaptSettings(epochs=12, learning_rate=3e-3, per_class=800)
SHORT = AdaptSettings(epochs=1, per_class=400)


def test_it_reads_better_and_the_base_stays(tmp_path: Path, tiny_encoder: Encoder) -> None:
    result = adapt(tmp_path, tiny_encoder, "tiny-stars", *rated(800), LABELS, LONG)
    assert result.after > result.before + 0.1
    assert encoders.resolve(tmp_path, "tiny-stars").sha256 == result.encoder.sha256 != tiny_encoder.sha256
    assert result.encoder.settings == tiny_encoder.settings
    again = encoders.resolve(tiny_encoder.folder.parent, tiny_encoder.name)
    assert again.sha256 == tiny_encoder.sha256


def test_same_reviews_and_seed_same_encoder(tmp_path: Path, tiny_encoder: Encoder) -> None:
    settings = AdaptSettings(epochs=3, learning_rate=3e-3, per_class=800)
    first, second = (
        adapt(tmp_path / folder, tiny_encoder, "tiny-stars", *rated(800), LABELS, settings) for folder in "ab"
    )
    assert first.encoder.sha256 == second.encoder.sha256


def test_ratings_that_say_nothing_add_nothing(tmp_path: Path, tiny_encoder: Encoder) -> None:
    # Every text has no other words than these, so nothing can be read from it.
    texts, y = ["the book is a book"] * 800, np.tile([0, 2], 400)
    with pytest.raises(AdaptingFailed, match="Nothing was added"):
        adapt(tmp_path, tiny_encoder, "tiny-stars", texts, y, LABELS, SHORT)
    assert encoders.available(tmp_path) == []


def test_too_few_of_a_class_are_counted_out(tmp_path: Path, tiny_encoder: Encoder) -> None:
    texts, y = rated(400)
    few = np.concatenate([np.flatnonzero(y == 0)[:100], np.flatnonzero(y == 2)])
    with pytest.raises(NotEnoughLabels, match="100 negative, 0 neutral, 400 positive"):
        adapt(tmp_path, tiny_encoder, "few", [texts[row] for row in few], y[few], LABELS, SHORT)


def test_a_cancel_leaves_nothing(tmp_path: Path, tiny_encoder: Encoder) -> None:
    def stop(phase: str, done: int, total: int) -> None:
        if phase == "train" and done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        adapt(tmp_path, tiny_encoder, "gone", *rated(400), LABELS, SHORT, stop)
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_taken_is_refused(tmp_path: Path, tiny_encoder: Encoder) -> None:
    with pytest.raises(EncoderError, match="Another encoder is called"):
        adapt(tiny_encoder.folder.parent, tiny_encoder, tiny_encoder.name, *rated(400), LABELS, SHORT)
