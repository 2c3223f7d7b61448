"""Checkpoints are whole or absent, verified before use, and honest about the encoder they need."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from learner import checkpoint
from learner.classifiers.head import HeadModel
from learner.encoders import Encoder
from learner.encoding import encode_texts
from learner.errors import CheckpointError
from learner.progress import Progress, silent
from learner.settings import RoundSettings

LABELS = ["negative", "positive"]
TEXTS = ["good phone", "bad battery, broke in a day"]


@pytest.fixture
def model(tiny_encoder: Encoder) -> HeadModel:
    def encode(texts: Sequence[str], progress: Progress = silent) -> np.ndarray:
        return encode_texts(tiny_encoder, texts, progress, exact=True)

    coef = np.random.default_rng(0).normal(size=(2, tiny_encoder.dimensions)).astype(np.float32)
    return HeadModel(LABELS, encode, coef, np.array([0.1, -0.1], np.float32), 0.5)


@pytest.fixture
def saved(tmp_path: Path, model: HeadModel, tiny_encoder: Encoder) -> Path:
    folder = tmp_path / "checkpoints" / "7"
    checkpoint.save(folder, checkpoint.facts(RoundSettings(), LABELS, tiny_encoder), model)
    return folder


def test_a_head_comes_back_as_it_was(
    saved: Path, model: HeadModel, encoders_root: Path, tmp_path: Path
) -> None:
    # Stored features come from the quick engine, int8 on a CPU, and are kept in half precision.
    for features, tolerance in ((None, 1e-6), (tmp_path / "features", 0.02)):
        again = checkpoint.load(saved, encoders_root, features)
        assert again.labels == LABELS
        assert np.allclose(again.predict_proba(TEXTS), model.predict_proba(TEXTS), atol=tolerance)
    assert again.predict_proba([]).shape == (0, 2)


def test_the_published_manifest_is_recognised(saved: Path, encoders_root: Path) -> None:
    checkpoint.load(saved, encoders_root, expected=checkpoint.manifest_sha256(saved))
    with pytest.raises(CheckpointError, match="not the one that was published"):
        checkpoint.load(saved, encoders_root, expected="0" * 64)


def alter(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: alter(folder / "model" / "head.safetensors"),
        lambda folder: (folder / "model" / "head.safetensors").unlink(),
        lambda folder: (folder / "model" / "extra.bin").write_bytes(b"x"),
        lambda folder: (folder / "model" / "link").symlink_to("/etc/passwd"),
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: (folder / "manifest.json").write_text("[" * 100_000),
        lambda folder: (folder / "manifest.json").write_bytes(b"\xff\xfe"),
        lambda folder: (folder / "checkpoint.json").write_text("{}"),
    ],
)
def test_any_damage_is_refused(saved: Path, encoders_root: Path, damage: object) -> None:
    assert callable(damage)
    damage(saved)
    with pytest.raises(CheckpointError):
        checkpoint.load(saved, encoders_root)


def forge(folder: Path, **values: object) -> None:
    """Change checkpoint.json and make the manifest agree, as an intruder would."""
    facts = json.loads((folder / "checkpoint.json").read_text())
    (folder / "checkpoint.json").write_text(json.dumps(facts | values))
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | checkpoint._hashes(folder)))


@pytest.mark.parametrize(
    "values",
    [
        {"format": 99},
        {"classifier": "../evil"},
        {"labels": ["one"]},
        {"labels": [1, 2]},
        {"labels": ["a", "b", "c"]},
        {"encoder_settings": []},
        {"more": 1},
    ],
)
def test_a_forged_description_is_refused(saved: Path, encoders_root: Path, values: dict[str, object]) -> None:
    forge(saved, **values)
    with pytest.raises(CheckpointError):
        checkpoint.load(saved, encoders_root)


def test_another_encoder_under_the_name_is_refused(saved: Path, encoders_root: Path) -> None:
    forge(saved, encoder_sha256="0" * 64)
    with pytest.raises(CheckpointError, match="has changed since"):
        checkpoint.load(saved, encoders_root)


def test_the_encoder_is_found_where_it_was(saved: Path, tmp_path: Path) -> None:
    assert checkpoint.load(saved, tmp_path / "elsewhere").labels == LABELS
    forge(saved, encoder_folder=str(tmp_path / "gone"))
    with pytest.raises(CheckpointError, match="is missing"):
        checkpoint.load(saved, tmp_path / "elsewhere")


def test_a_save_that_fails_leaves_nothing_and_spares_the_old_one(
    saved: Path, model: HeadModel, tiny_encoder: Encoder
) -> None:
    class FullDisk(HeadModel):
        def save(self, folder: Path) -> None:
            super().save(folder)
            raise OSError("No space left on device")

    before = checkpoint.manifest_sha256(saved)
    full = FullDisk(LABELS, model.encode, model.coef, model.intercept)
    about = checkpoint.facts(RoundSettings(), LABELS, tiny_encoder)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(saved, about, full)
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]
    assert checkpoint.manifest_sha256(saved) == before


def test_what_a_killed_worker_left_is_swept_and_replaced(
    saved: Path, model: HeadModel, tiny_encoder: Encoder
) -> None:
    (saved.parent / f"{checkpoint.TEMPORARY}{saved.name}-abc").mkdir()
    about = checkpoint.facts(RoundSettings(seed=3), LABELS, tiny_encoder)
    checkpoint.save(saved, about, model)
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]
    assert checkpoint.verify(saved).settings["seed"] == 3


def test_no_checkpoint_says_so(tmp_path: Path, encoders_root: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint"):
        checkpoint.load(tmp_path / "none", encoders_root)
