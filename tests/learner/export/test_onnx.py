"""The ONNX export runs with onnxruntime and tokenizers alone, to the labels that Winnow gives."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnxruntime import InferenceSession
from tokenizers import Tokenizer

from learner import checkpoint as checkpoints
from learner import onnx_graph, onnx_shrink, pooling
from learner.encoders import Encoder
from learner.errors import Cancelled, CheckpointError, ExportError
from learner.export import onnx
from learner.export.model_card import CardFacts
from learner.export.onnx import TOLERANCE, export_onnx

TEXTS = [
    "good product",
    "the worst phone, it broke. " * 20,
    "质量很好",
    "so so",
    "👍",
    "love it",
    "a\0b",
    "x" * 5000,
]


def run(folder: Path, texts: list[str]) -> np.ndarray:
    """As a stranger would, with the files of the export only."""
    settings = json.loads((folder / "winnow-model.json").read_text("utf-8"))
    batch = Tokenizer.from_file(str(folder / "tokenizer.json")).encode_batch(
        [settings["prefix"] + t for t in texts]
    )
    inputs = {
        "input_ids": np.array([encoding.ids for encoding in batch]),
        "attention_mask": np.array([encoding.attention_mask for encoding in batch]),
    }
    probabilities: np.ndarray = InferenceSession(folder / "model.onnx").run(None, inputs)[0]
    return probabilities


@pytest.mark.parametrize("kind", ["head", "tuned"])
@pytest.mark.parametrize("int8", [False, True])
def test_the_graph_gives_the_models_labels(
    kind: str,
    int8: bool,
    head_checkpoint: Path,
    tuned_checkpoint: Path,
    encoders_root: Path,
    facts: CardFacts,
    tmp_path: Path,
) -> None:
    checkpoint = head_checkpoint if kind == "head" else tuned_checkpoint
    export_onnx(checkpoint, tmp_path / "out", int8, facts, encoders=encoders_root)
    ours = checkpoints.load(checkpoint, encoders_root).predict_proba(TEXTS)
    theirs = run(tmp_path / "out", TEXTS)
    # int8 as far as the export itself allows: how far it strays hangs on what a machine's sums round to.
    tolerance = TOLERANCE[True] if int8 else 1e-4
    np.testing.assert_allclose(theirs, ours, atol=tolerance)
    clear = np.abs(ours[:, 0] - 0.5) > tolerance
    assert clear.any()
    assert (theirs.argmax(axis=1) == ours.argmax(axis=1))[clear].all()


def test_the_example_runs_outside_the_project(
    head_checkpoint: Path, facts: CardFacts, tmp_path: Path
) -> None:
    export_onnx(head_checkpoint, tmp_path / "out", False, facts)
    command = [sys.executable, "-I", str(tmp_path / "out" / "example.py"), "good product", "bad"]
    printed = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout.splitlines()
    assert len(printed) == 2
    best = run(tmp_path / "out", ["good product"])[0].argmax()
    assert printed[0].startswith(facts.labels[best])


def test_an_export_says_nothing_of_this_machine(
    head_checkpoint: Path, facts: CardFacts, tmp_path: Path
) -> None:
    export_onnx(head_checkpoint, tmp_path / "out", False, facts)
    about = checkpoints.verify(head_checkpoint)
    for path in (tmp_path / "out").iterdir():
        assert str(Path(about.encoder_folder).parent).encode() not in path.read_bytes(), path
        assert b"/tmp/" not in path.read_bytes(), path
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "model.onnx",
        "tokenizer.json",
        "winnow-model.json",
        "README.md",
        "example.py",
    }


def test_labels_are_exported_as_they_are_called_today(
    head_checkpoint: Path, encoders_root: Path, facts: CardFacts, tmp_path: Path
) -> None:
    today = replace(facts, labels=["poor", "fine"])
    export_onnx(head_checkpoint, tmp_path / "out", False, today, encoders=encoders_root)
    assert json.loads((tmp_path / "out" / "winnow-model.json").read_text("utf-8"))["labels"] == [
        "poor",
        "fine",
    ]


def test_files_in_the_way_are_kept(head_checkpoint: Path, facts: CardFacts, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ExportError, match="there already"):
        export_onnx(head_checkpoint, tmp_path, False, facts)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_cancelled_export_leaves_nothing(head_checkpoint: Path, facts: CardFacts, tmp_path: Path) -> None:
    def cancel(phase: str, done: int, total: int) -> None:
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        export_onnx(head_checkpoint, tmp_path / "out", False, facts, cancel)
    assert list(tmp_path.iterdir()) == []


def test_a_graph_that_strays_is_not_written(
    head_checkpoint: Path, facts: CardFacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx, "TOLERANCE", {False: -1.0, True: -1.0})
    with pytest.raises(ExportError, match="strays"):
        export_onnx(head_checkpoint, tmp_path / "out", False, facts)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_checkpoint_is_refused(head_checkpoint: Path, facts: CardFacts, tmp_path: Path) -> None:
    damaged = Path(shutil.copytree(head_checkpoint, tmp_path / "damaged"))
    (damaged / "checkpoint.json").write_text("{}")
    with pytest.raises(CheckpointError):
        export_onnx(damaged, tmp_path / "out", False, facts)


def test_tables_are_halved_only_where_that_loses_nothing(tiny_encoder: Encoder, tmp_path: Path) -> None:
    module = pooling.load(tiny_encoder, "eager")
    onnx_graph.export(module, tmp_path / "full.onnx", "features")
    onnx_shrink.halve_tables(tmp_path / "full.onnx", tmp_path / "same.onnx")
    exact = onnx_graph.sample_features(tiny_encoder, onnx_graph.open_engine(tmp_path / "full.onnx"))
    assert (tmp_path / "same.onnx").stat().st_size >= (tmp_path / "full.onnx").stat().st_size * 0.99
    for part in module.parameters():
        part.data = part.data.half().float()
    onnx_graph.export(module, tmp_path / "full.onnx", "features")
    onnx_shrink.halve_tables(tmp_path / "full.onnx", tmp_path / "half.onnx")
    halved = onnx_graph.sample_features(tiny_encoder, onnx_graph.open_engine(tmp_path / "half.onnx"))
    assert (tmp_path / "half.onnx").stat().st_size < (tmp_path / "full.onnx").stat().st_size
    np.testing.assert_allclose((halved * exact).sum(axis=1), 1, atol=1e-4)
