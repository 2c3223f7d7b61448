"""The worker as a process runs it: an import need not wait for a round, and stopping loses nothing."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlite_utils import Database

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
