"""A full disk: the work fails with words for people, what was there stays, and it goes on when there is room."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from full_disk import small_disk
from sqlite_utils import Database

from learner.settings import RoundSettings
from webapp.store import jobs, model_versions, reviews, rounds
from webapp.store.connection import utc_now
from webapp.store.jobs import Job
from webapp.store.projects import Project
from webapp.worker.loop import run_next

ImportBuilder = Callable[..., Job]


@contextmanager
def full_database(db: Database, pages_left: int) -> Iterator[None]:
    """As on a full disk: the database may grow by so many pages and no more."""
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages + pages_left}")
    yield
    db.execute("PRAGMA max_page_count = 4294967294")


def test_an_import_onto_a_full_disk_fails_and_the_next_one_completes_it(
    db: Database, instance: Path, project: Project, an_import: ImportBuilder
) -> None:
    job = an_import(size=3_000, human_labels=False)
    with full_database(db, pages_left=150):
        run_next(db, instance, utc_now())
    failed = jobs.get(db, job.id)
    assert failed.state == "failed" and failed.error is not None and "disk is full" in failed.error
    assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    again = an_import(size=3_000, human_labels=False)
    run_next(db, instance, utc_now())
    assert jobs.get(db, again.id).state == "done"
    assert reviews.counts(db, project.id)["total"] == 3_000
    closed = "SELECT count(*) FROM reviews WHERE needed = 0 AND near_duplicate_of IS NULL"
    assert db.execute(closed).fetchone()[0] == 0


def test_a_round_that_cannot_save_its_model_leaves_the_old_one_serving(
    db: Database, instance: Path, project: Project, an_import: ImportBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_import(size=300)
    run_next(db, instance, utc_now())
    settings = RoundSettings.from_dict(project.settings.learner).to_dict()
    rounds.start(db, project.id, settings, "button", None, utc_now())
    run_next(db, instance, utc_now())
    serving = model_versions.serving(db, project.id)
    second = rounds.start(db, project.id, settings, "button", None, utc_now())

    def no_space(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("learner.checkpoint.os.fsync", no_space)
    run_next(db, instance, utc_now())
    monkeypatch.undo()
    failed = rounds.get(db, second.id)
    assert failed.state == "failed" and failed.error is not None and "space" in failed.error
    assert model_versions.serving(db, project.id) == serving
    assert len([path for path in (instance / "checkpoints").iterdir() if path.is_dir()]) == 1


def test_a_model_export_that_does_not_fit_leaves_no_file_and_says_why(
    db: Database, instance: Path, project: Project, an_import: ImportBuilder
) -> None:
    an_import(size=300)
    run_next(db, instance, utc_now())
    settings = RoundSettings.from_dict(project.settings.learner).to_dict()
    rounds.start(db, project.id, settings, "button", None, utc_now())
    run_next(db, instance, utc_now())
    version = model_versions.serving(db, project.id)
    assert version is not None
    payload = {"format": "onnx", "version": version.id}
    with small_disk(instance / "exports", 0.05) as exports:
        job = jobs.create(db, project.id, "export", payload, None, utc_now())
        run_next(db, instance, utc_now())
        failed = jobs.get(db, job.id)
        assert failed.state == "failed" and failed.error is not None and "No space left" in failed.error
        assert list(exports.iterdir()) == []
    again = jobs.create(db, project.id, "export", payload, None, utc_now())
    run_next(db, instance, utc_now())
    assert jobs.get(db, again.id).state == "done"
    assert len(list((instance / "exports").iterdir())) == 1
