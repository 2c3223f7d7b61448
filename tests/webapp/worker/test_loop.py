"""The worker as a process runs it: an import need not wait for a round, and stopping loses nothing."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import a_project, a_user, an_annotation
from sqlite_utils import Database

from learner.settings import RoundSettings
from webapp.store import jobs, rounds, work
from webapp.store.connection import utc_now
from webapp.store.jobs import Job
from webapp.store.projects import Project
from webapp.worker import loop


def wait_until(fact: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_an_import_comes_in_while_other_work_runs(
    db: Database, instance: Path, project: Project, an_import: Callable[..., Job]
) -> None:
    rounds.start(db, project.id, {}, "button", None, utc_now())
    busy = work.claim_next(db, "rounds", utc_now())  # by the loop that does rounds
    assert busy is not None
    job = an_import(size=20)
    assert loop.import_next(db, instance, utc_now())
    assert jobs.get(db, job.id).state == "done"
    assert not loop.import_next(db, instance, utc_now())


def test_a_project_whose_settings_no_longer_fit_gets_the_usual_ones_and_holds_up_nobody(
    db: Database, instance: Path, an_import: Callable[..., Job], caplog: pytest.LogCaptureFixture
) -> None:
    """As after an upgrade that narrows a setting."""
    other = a_project(db, "Old", auto_round_every=1)
    an_annotation(db, other, a_user(db))
    db.execute(
        "UPDATE projects SET settings = json_set(settings, '$.learner.query_size', -5) WHERE id = ?",
        [other.id],
    )
    job = an_import(size=20)
    while loop.run_next(db, instance, utc_now()):
        pass
    assert jobs.get(db, job.id).state == "done"
    [started] = rounds.of_project(db, other.id)
    assert RoundSettings.from_dict(started.settings) == RoundSettings()
    assert f"project {other.id}" in caplog.text and "query_size" in caplog.text


def test_a_worker_runs_what_is_queued_shows_that_it_lives_and_stops_when_told(
    db: Database, instance: Path, an_import: Callable[..., Job]
) -> None:
    job = an_import(size=20)
    stop = threading.Event()
    worker = threading.Thread(target=loop.run_forever, args=(instance, stop))
    worker.start()
    try:
        wait_until(lambda: jobs.get(db, job.id).state == "done")
        wait_until(lambda: jobs.open_job(db, job.project_id, "encode") is None)
        assert len(work.live_workers(db, utc_now())) == 1
    finally:
        stop.set()
        worker.join()
    assert work.live_workers(db, utc_now()) == []
