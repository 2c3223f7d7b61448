"""Exports as people get them: an archive whose example runs, and which labels as Winnow does."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlite_utils import Database

from learner import checkpoint
from learner.settings import RoundSettings
from webapp.store import jobs, model_versions, rounds
from webapp.store.connection import utc_now
from webapp.store.jobs import Job
from webapp.store.model_versions import ModelVersion
from webapp.store.projects import Project
from webapp.worker.loop import run_next

ROOT = Path(__file__).parents[3]
TEXTS = ["the phone was great and excellent", "the book was terrible and broken", "the shirt was ok"]


@pytest.fixture
def version(db: Database, instance: Path, project: Project, an_import: Callable[..., Job]) -> ModelVersion:
    an_import(300)
    run_next(db, instance, utc_now())
    settings = RoundSettings.from_dict(project.settings.learner).to_dict()
    rounds.start(db, project.id, settings, "button", None, utc_now())
    run_next(db, instance, utc_now())
    serving = model_versions.serving(db, project.id)
    assert serving is not None
    return serving


def exported(db: Database, instance: Path, version: ModelVersion, format: str) -> Job:
    job = jobs.create(
        db, version.project_id, "export", {"format": format, "version": version.id}, None, utc_now()
    )
    run_next(db, instance, utc_now())
    return jobs.get(db, job.id)


def test_what_a_killed_attempt_left_is_removed(db: Database, instance: Path, version: ModelVersion) -> None:
    left = instance / "exports" / f".export-{db.execute('SELECT max(id) FROM jobs').fetchone()[0] + 1}-abc"
    other = instance / "exports" / ".export-999-abc"
    for folder in (left, other):
        folder.mkdir(parents=True)
    exported(db, instance, version, "hf")
    assert not left.exists() and other.exists()


@pytest.mark.parametrize("format", ["onnx", "onnx-int8"])
def test_the_archive_holds_a_model_whose_example_labels_as_winnow_does(
    db: Database, instance: Path, version: ModelVersion, format: str, tmp_path: Path
) -> None:
    job = exported(db, instance, version, format)
    assert job.state == "done", job.error
    with zipfile.ZipFile(instance / "exports" / job.result["archive"]) as archive:
        archive.extractall(tmp_path)
    (folder,) = (path for path in tmp_path.iterdir() if path.name.startswith("winnow-model"))
    shown = subprocess.run(
        [sys.executable, folder / "example.py", *TEXTS], capture_output=True, text=True, check=True
    )
    model = checkpoint.load(instance / "checkpoints" / version.checkpoint, instance / "encoders")
    answers = [line.split()[0] for line in shown.stdout.splitlines()]
    assert len(answers) == len(TEXTS)
    for answer, row in zip(answers, model.predict_proba(TEXTS), strict=True):
        near_tie = row.max() - np.sort(row)[-2] < 0.1  # int8 may settle one the other way
        assert answer == model.labels[row.argmax()] or (near_tie and format == "onnx-int8")
    assert json.loads((folder / "winnow-model.json").read_text())["labels"] == model.labels
    assert "95 % interval" in (folder / "README.md").read_text("utf-8")


def test_nothing_of_this_machine_or_its_reviews_is_in_an_export(
    db: Database, instance: Path, version: ModelVersion
) -> None:
    job = exported(db, instance, version, "onnx")
    texts = [row["text"] for row in db.execute("SELECT text FROM reviews").fetchall()]
    with zipfile.ZipFile(instance / "exports" / job.result["archive"]) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    machine = (str(instance), str(ROOT), "root", "site-packages", "/home/")
    assert len(texts) == 300
    for canary in (*texts, *machine):
        for encoding in ("utf-8", "utf-16-le"):
            at = everything.find(canary.encode(encoding))
            assert at < 0, everything[max(0, at - 80) : at + 80]


def test_a_head_as_a_hugging_face_folder_fails_with_the_way_out(
    db: Database, instance: Path, version: ModelVersion
) -> None:
    job = exported(db, instance, version, "hf")
    assert job.state == "failed" and job.error is not None and "ONNX" in job.error
    assert list((instance / "exports").iterdir()) == []
