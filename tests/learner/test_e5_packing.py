"""A packed file written here, field by field, must be read back to the weights that went in."""

from pathlib import Path

import numpy as np
import pytest
from packing import Tensor, fp32, packed_file, q4_0

from learner import e5_packing
from learner.errors import EncoderError

HIDDEN, VOCABULARY = 32, 4
SIZES = (HIDDEN, 1, 2, 64, VOCABULARY, 8, 2)


def some_tensors() -> tuple[np.ndarray, np.ndarray, dict[str, Tensor]]:
    rng = np.random.default_rng(0)
    # Multiples of a scale that fp16 holds, so that four bits lose nothing.
    words = rng.integers(-7, 8, (VOCABULARY, HIDDEN)).astype(np.float32) * 0.25
    words[:, 0] = 1.75
    bias = rng.normal(size=HIDDEN).astype(np.float32)
    return words, bias, {"emb.word": q4_0(words), "l0.q.b": fp32(bias)}


def test_weights_come_back_under_their_transformers_names(tmp_path: Path) -> None:
    words, bias, packed = some_tensors()
    shape, tensors = e5_packing.read(packed_file(tmp_path / "packed", SIZES, packed))
    read = dict(tensors)
    assert (shape.hidden, shape.vocabulary, shape.positions, shape.token_types) == (HIDDEN, VOCABULARY, 8, 2)
    np.testing.assert_array_equal(read["embeddings.word_embeddings.weight"], words)
    np.testing.assert_array_equal(read["encoder.layer.0.attention.self.query.bias"], bias)


@pytest.mark.parametrize("cut", [1, 40, 150])
def test_a_file_cut_short_is_refused(tmp_path: Path, cut: int) -> None:
    path = packed_file(tmp_path / "packed", SIZES, some_tensors()[2], cut)
    with pytest.raises(EncoderError, match="Add the encoder again"):
        list(e5_packing.read(path)[1])


def test_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "packed").write_bytes(b"GGUF" + bytes(200))
    with pytest.raises(EncoderError, match="E5S1"):
        e5_packing.read(tmp_path / "packed")
