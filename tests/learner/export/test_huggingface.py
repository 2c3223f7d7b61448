"""A fine-tuned export is a folder that transformers alone loads, to Winnow's labels."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from transformers import pipeline

from learner import checkpoint as checkpoints
from learner import classifiers
from learner.classifiers.interface import dataset
from learner.encoders import Encoder
from learner.errors import ExportError
from learner.export.huggingface import export_huggingface
from learner.export.model_card import CardFacts
from learner.settings import RoundSettings

TEXTS = ["good product", "the worst phone, it broke. " * 20, "质量很好", "so so", "love it"]


def test_the_plain_pipeline_gives_winnows_labels(
    tuned_checkpoint: Path, encoders_root: Path, facts: CardFacts, tmp_path: Path
) -> None:
    export_huggingface(tuned_checkpoint, tmp_path / "out", facts)
    ours = checkpoints.load(tuned_checkpoint, encoders_root).predict_proba(TEXTS)
    answers = pipeline("text-classification", model=str(tmp_path / "out"), truncation=True)(TEXTS)
    assert [answer["label"] for answer in answers] == [facts.labels[best] for best in ours.argmax(axis=1)]
    assert [answer["score"] for answer in answers] == pytest.approx(ours.max(axis=1).tolist(), abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["contrastive", "lora"])
def test_pairs_and_adapters_leave_a_folder_for_the_plain_pipeline(
    tiny_encoder: Encoder, encoders_root: Path, facts: CardFacts, tmp_path: Path, name: str
) -> None:
    bold = {"contrastive": {"max_steps": 10, "learning_rate": 1e-3}, "lora": {"learning_rate": 1e-2}}
    settings = RoundSettings.from_dict({"encoder": "tiny", "classifier": name, name: bold[name]})
    classifier = classifiers.create(settings, facts.labels, tiny_encoder, tmp_path / "features")
    classifier.fit(dataset(["awful", "bad phone", "good", "love it"] * 3, np.array([0, 0, 1, 1] * 3), 2))
    checkpoints.save(
        tmp_path / "1", checkpoints.facts(settings, facts.labels, tiny_encoder), classifier.model
    )
    export_huggingface(tmp_path / "1", tmp_path / "out", facts)
    ours = checkpoints.load(tmp_path / "1", encoders_root).predict_proba(TEXTS)
    answers = pipeline("text-classification", model=str(tmp_path / "out"), truncation=True)(TEXTS)
    assert [answer["label"] for answer in answers] == [facts.labels[best] for best in ours.argmax(axis=1)]
    assert [answer["score"] for answer in answers] == pytest.approx(ours.max(axis=1).tolist(), abs=1e-4)


def test_labels_are_exported_as_they_are_called_today(
    tuned_checkpoint: Path, facts: CardFacts, tmp_path: Path
) -> None:
    export_huggingface(tuned_checkpoint, tmp_path / "out", replace(facts, labels=["poor", "fine"]))
    config = json.loads((tmp_path / "out" / "config.json").read_text("utf-8"))
    assert config["id2label"] == {"0": "poor", "1": "fine"}
    assert config["label2id"] == {"poor": 0, "fine": 1}


@pytest.mark.slow
def test_the_example_runs_outside_the_project(
    tuned_checkpoint: Path, facts: CardFacts, tmp_path: Path
) -> None:
    export_huggingface(tuned_checkpoint, tmp_path / "out", facts)
    command = [sys.executable, "-I", str(tmp_path / "out" / "example.py"), "good product"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert printed.startswith(tuple(facts.labels))
    assert "good product" in printed


def test_an_export_says_nothing_of_this_machine(
    tuned_checkpoint: Path, facts: CardFacts, tmp_path: Path
) -> None:
    export_huggingface(tuned_checkpoint, tmp_path / "out", facts)
    for path in (tmp_path / "out").iterdir():
        assert b"/tmp/" not in path.read_bytes(), path
        assert path.suffix in {".json", ".safetensors", ".md", ".py"}


def test_a_head_is_sent_to_onnx(head_checkpoint: Path, facts: CardFacts, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="Export it as ONNX"):
        export_huggingface(head_checkpoint, tmp_path / "out", facts)
    assert not (tmp_path / "out").exists()
