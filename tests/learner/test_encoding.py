"""Features are the same whatever the engine and whoever shares the batch."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx as onnx_library
import pytest
import torch
from google.protobuf.message import EncodeError
from transformers import AutoModel, AutoTokenizer

from learner import encoders, encoding, onnx_graph
from learner.encoders import Encoder
from learner.errors import Cancelled, EncoderError

TEXTS = [
    "good product",
    "the worst phone, it broke in two days. " * 5,
    "",
    "质量很好",
    "ok",
    "so so",
    "👍",
    "love it",
]


def test_features_equal_a_plain_computation_with_transformers(tiny_encoder: Encoder) -> None:
    model = AutoModel.from_pretrained(tiny_encoder.folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder.folder)
    expected = []
    for text in TEXTS:
        batch = tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
        with torch.no_grad():
            states = model(**batch, output_hidden_states=True).hidden_states
        means = [states[layer][0].mean(0) for layer in (-3, -2, -1)]
        expected.append(torch.cat([mean / mean.norm() for mean in means]) / 3**0.5)
    np.testing.assert_allclose(
        encoding.encode_texts(tiny_encoder, TEXTS, exact=True), torch.stack(expected), atol=1e-5
    )


def test_the_company_in_a_batch_makes_no_difference(tiny_encoder: Encoder) -> None:
    together = encoding.encode_texts(tiny_encoder, TEXTS, exact=True)
    alone = np.concatenate([encoding.encode_texts(tiny_encoder, [text], exact=True) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_quick_engine_agrees_with_the_exact_one(tiny_encoder: Encoder) -> None:
    quick, exact = (
        encoding.encode_texts(tiny_encoder, TEXTS),
        encoding.encode_texts(tiny_encoder, TEXTS, exact=True),
    )
    assert (quick * exact).sum(axis=1).min() > 0.99
    np.testing.assert_allclose(np.linalg.norm(quick, axis=1), 1, atol=1e-3)


def test_the_graph_is_built_once(tiny_encoder: Encoder) -> None:
    first = onnx_graph.ensure(tiny_encoder)
    changed = first.stat().st_mtime_ns
    assert onnx_graph.ensure(tiny_encoder) == first
    assert first.stat().st_mtime_ns == changed
    assert first.name.endswith(".int8.onnx")


def test_a_graph_that_strays_is_not_used(
    tiny_encoder: Encoder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(tiny_encoder.folder, tmp_path / "tiny", ignore=shutil.ignore_patterns("onnx"))
    encoder = replace(tiny_encoder, folder=tmp_path / "tiny")
    monkeypatch.setattr(onnx_graph, "PARITY", 1.01)
    with pytest.raises(onnx_graph.GraphError, match="strays"):
        onnx_graph.ensure(encoder)
    assert list((encoder.folder / "onnx").iterdir()) == []
    # The round goes on all the same, through torch.
    assert encoding.encode_texts(encoder, TEXTS).shape == (len(TEXTS), 96)


def test_an_encoder_too_large_for_a_graph_is_read_through_torch(
    tiny_encoder: Encoder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The library's answer to more than 2 GB."""

    def refuse(*_: object, **__: object) -> None:
        raise EncodeError("Failed to serialize proto")

    shutil.copytree(tiny_encoder.folder, tmp_path / "tiny", ignore=shutil.ignore_patterns("onnx"))
    encoder = replace(tiny_encoder, folder=tmp_path / "tiny")
    monkeypatch.setattr(onnx_library, "save", refuse)
    with pytest.raises(onnx_graph.GraphError, match=r"cannot be made smaller \(EncodeError\)"):
        onnx_graph.ensure(encoder)
    assert encoding.encode_texts(encoder, TEXTS).shape == (len(TEXTS), 96)


def test_no_text_gives_no_row(tiny_encoder: Encoder) -> None:
    assert encoding.encode_texts(tiny_encoder, []).shape == (0, 96)


def test_progress_ends_at_the_total_and_can_cancel(tiny_encoder: Encoder) -> None:
    calls: list[tuple[str, int, int]] = []
    encoding.encode_texts(tiny_encoder, TEXTS, lambda *call: calls.append(call))
    assert calls[0] == ("encode", 0, len(TEXTS))
    assert calls[-1] == ("encode", len(TEXTS), len(TEXTS))

    def cancel(phase: str, done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        encoding.encode_texts(tiny_encoder, TEXTS, cancel)


def test_the_layers_and_the_prefix_count(tiny_encoder: Encoder) -> None:
    base = encoding.encode_texts(tiny_encoder, TEXTS, exact=True)
    for change in ({"layers": (1, 2, 3)}, {"prefix": "the best "}):
        other = replace(tiny_encoder, settings=replace(tiny_encoder.settings, **change))
        features = encoding.encode_texts(other, TEXTS, exact=True)
        assert np.allclose(base, features, atol=1e-4) == ("layers" in change)  # 1 to 3 are the last three


def test_a_folder_that_is_no_text_encoder_is_told(tiny_encoder_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_encoder_folder, tmp_path / "odd"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "no-such-type"}))
    encoder = encoders.add(tmp_path / "encoders", str(folder))
    with pytest.raises(EncoderError, match="does not load"):
        encoding.encode_texts(encoder, ["x"], exact=True)


def test_a_large_encoder_with_its_chinese_is_read_by_path(shared: Path, tmp_path: Path) -> None:
    encoder = encoders.resolve(tmp_path, str(shared / "models" / "e5-small-en-zh"))
    assert encoder.settings.prefix == "query: "
    texts = ["The battery lasts two days.", "电池可以用两天。", "The dress is too large."]
    features = encoding.encode_texts(encoder, texts, exact=True)
    assert features.shape == (3, 1152)
    assert features[0] @ features[1] > features[0] @ features[2]
