"""Rounds that cannot end well: each says why, and the model that served goes on serving."""

import json
import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sqlite_utils import Database

from learner import checkpoint, encoders
from learner.settings import CLASSIFIERS, RoundSettings
from webapp import instance as instances
from webapp.store import annotations, label_sets, model_versions, rounds
from webapp.store.annotations import Answer
from webapp.store.connection import utc_now, write_transaction
from webapp.store.model_versions import ModelVersion
from webapp.store.projects import Project
from webapp.worker.loop import run_next

BRIEF = {"epochs": 1, "batch_size": 32}
EVERY = [name if name == "head" else pytest.param(name, marks=pytest.mark.slow) for name in CLASSIFIERS]


@pytest.fixture
def serving(db: Database, instance: Path, project: Project, after_one_round: Path) -> ModelVersion:
    """The version that the first round published, in a copy of the instance where it was made."""
    with closing(instances.open_instance(instances.locate(after_one_round))) as made:
        made.conn.backup(db.conn)
    shutil.copytree(after_one_round / "checkpoints", instance / "checkpoints", dirs_exist_ok=True)
    shutil.copytree(after_one_round / "features", instance / "features", dirs_exist_ok=True)
    version = model_versions.serving(db, project.id)
    assert version is not None
    return version


def run_round(db: Database, instance: Path, project: Project, **settings: object) -> rounds.Round:
    """The round at its end. Tuned classifiers train for one epoch."""
    values = {**project.settings.learner, "finetune": BRIEF, **settings}
    started = rounds.start(
        db, project.id, RoundSettings.from_dict(values).to_dict(), "button", None, utc_now()
    )
    run_next(db, instance, utc_now())
    return rounds.get(db, started.id)


def refused(db: Database, this: rounds.Round, serving: ModelVersion, instance: Path) -> str:
    """The message of a failed round, once it is certain that nothing else came of it."""
    assert this.state == "failed" and this.model_version_id is None
    assert model_versions.serving(db, this.project_id) == serving
    assert [path.name for path in (instance / "checkpoints").iterdir() if path.is_dir()] == [
        serving.checkpoint
    ]
    model = checkpoint.load(instance / "checkpoints" / serving.checkpoint, instance / "encoders")
    assert np.isfinite(model.predict_proba(["great phone", "awful phone"])).all()
    assert this.error is not None
    return this.error


def spoil(folder: Path, value: float) -> None:
    """Weights as of a damaged download, or of a training that went astray."""
    tensors = load_file(folder / "model.safetensors")
    tensors["encoder.layer.0.output.dense.weight"][:] = value
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def without_note(folder: Path, into: Path) -> Path:
    """A plain copy of an added encoder, to be added again."""
    shutil.copytree(folder, into, ignore=shutil.ignore_patterns("winnow-encoder.json", "onnx"))
    return into


@pytest.mark.parametrize("classifier", EVERY)
@pytest.mark.parametrize("value", [np.nan, 1e30])
def test_an_encoder_whose_numbers_are_none_is_named(
    db: Database,
    instance: Path,
    project: Project,
    serving: ModelVersion,
    tmp_path: Path,
    classifier: str,
    value: float,
) -> None:
    folder = without_note(instance / "encoders" / "tiny", tmp_path / "broken")
    spoil(folder, value)
    encoders.add(instance / "encoders", str(folder))
    this = run_round(db, instance, project, classifier=classifier, encoder="broken")
    assert "encoder" in refused(db, this, serving, instance)


@pytest.mark.parametrize("classifier", EVERY)
def test_labels_of_one_class_say_which_one_is_missing(
    db: Database, instance: Path, project: Project, serving: ModelVersion, classifier: str
) -> None:
    positive = project.label_named("positive")
    assert positive is not None
    with write_transaction(db):
        for row in db.execute("SELECT id, annotator_id FROM current_labels").fetchall():
            annotations.change(db, *row, Answer("label", positive.id), utc_now())
    this = run_round(db, instance, project, classifier=classifier)
    assert "negative; neutral" in refused(db, this, serving, instance)


@pytest.mark.parametrize("classifier", EVERY)
def test_an_altered_encoder_is_refused(
    db: Database, instance: Path, project: Project, serving: ModelVersion, tmp_path: Path, classifier: str
) -> None:
    kept = without_note(instance / "encoders" / "tiny", tmp_path / "kept")
    spoil(instance / "encoders" / "tiny", 0.5)
    this = run_round(db, instance, project, classifier=classifier)
    assert "have changed" in (this.error or "")
    shutil.copyfile(kept / "model.safetensors", instance / "encoders" / "tiny" / "model.safetensors")
    refused(db, this, serving, instance)


def test_a_missing_encoder_is_named_with_how_to_get_it(
    db: Database, instance: Path, project: Project, serving: ModelVersion
) -> None:
    this = run_round(db, instance, project, encoder="lost")
    assert "winnow encoder add lost" in refused(db, this, serving, instance)


@pytest.mark.parametrize("classifier", EVERY)
def test_another_encoder_under_the_same_name_cannot_be_compared_and_is_told(
    db: Database, instance: Path, project: Project, serving: ModelVersion, tmp_path: Path, classifier: str
) -> None:
    folder = without_note(instance / "encoders" / "tiny", tmp_path / "tiny")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "layer_norm_eps": 1e-6}))
    shutil.rmtree(instance / "encoders" / "tiny")
    encoders.add(instance / "encoders", str(folder))
    this = run_round(db, instance, project, classifier=classifier)
    assert this.state == "done", this.error
    version = model_versions.get(db, this.model_version_id or 0)
    assert version.verdict == "unmeasured" and "has changed since" in version.reason


@pytest.mark.parametrize("classifier", EVERY)
def test_after_the_label_set_changed_the_next_version_is_the_first_of_its_labels(
    db: Database, instance: Path, project: Project, serving: ModelVersion, classifier: str
) -> None:
    """The former version knows a label that is no more: nothing is compared with it, and it is kept."""
    _, neutral, positive = project.labels
    label_sets.retire(db, project.id, neutral.id, positive.id, None, utc_now())
    this = run_round(db, instance, project, classifier=classifier)
    assert this.state == "done", this.error
    version = model_versions.get(db, this.model_version_id or 0)
    assert version.verdict == "first" and not model_versions.fits(db, serving)
    model = checkpoint.load(instance / "checkpoints" / version.checkpoint, instance / "encoders")
    assert model.labels == ["negative", "positive"]
    assert checkpoint.verify(instance / "checkpoints" / serving.checkpoint).labels == [
        "negative",
        "neutral",
        "positive",
    ]
