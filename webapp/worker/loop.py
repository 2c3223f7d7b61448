"""The worker's loops: rounds, exports, quality, encoding ahead, in this order; imports and erasures beside them."""

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pysqlite3
from sqlite_utils import Database

from learner.errors import Cancelled, LearnerError
from learner.progress import Progress
from learner.settings import RoundSettings
from webapp.importing.errors import FileError
from webapp.store import jobs, projects, quality, rounds, work
from webapp.store.connection import database_path, open_database, utc_now
from webapp.store.errors import RoundAlreadyOpen, StaleToken, StoreError
from webapp.worker.imports import remove_finished_uploads
from webapp.worker.lease import Lease, Stopped

log = logging.getLogger(__name__)
IDLE_SECONDS = 1.0
# What runs beside the rest.
BESIDE = ("import", "erase")
# What is claimed first. Quality and encoding ahead yield to what stands before them, and to rounds.
ORDER = ((*BESIDE, "export"), ("quality",), ("encode",))
YIELDS = {"quality": ("export",), "encode": ("export", "quality")}
Run = Callable[[Database, Path, work.Claim, Progress], object]
Turn = Callable[[Database, Path, datetime, threading.Event | None], bool]


def run_forever(instance: Path, stop: threading.Event) -> None:
    """Work until `stop` is set; an error of one turn is logged and the next turn goes on."""
    beside = [
        threading.Thread(target=_pulse, args=(instance, stop), name="pulse", daemon=True),
        # Nobody should wait for a round to end before their file comes in, or before they are erased.
        threading.Thread(target=_repeat, args=(import_next, instance, stop), name="imports", daemon=True),
    ]
    for thread in beside:
        thread.start()
    _repeat(run_next, instance, stop)
    for thread in beside:
        thread.join()


def run_next(db: Database, instance: Path, now: datetime, stop: threading.Event | None = None) -> bool:
    """Do the most urgent piece of work; False when there is none."""
    queue_what_is_due(db, now)
    claim = work.claim_next(db, "rounds", now)
    if claim is not None:
        _run(db, instance, claim, _round_runner(), stop)
        return True
    claim = next(filter(None, (work.claim_next(db, "jobs", now, kinds) for kinds in ORDER)), None)
    if claim is not None:
        kind = jobs.get(db, claim.id).kind
        _run(db, instance, claim, _job_runner(kind), stop, lambda: _must_yield(db, kind))
    return claim is not None


def import_next(db: Database, instance: Path, now: datetime, stop: threading.Event | None = None) -> bool:
    """Do the oldest import or erasure; False when there is none."""
    claim = work.claim_next(db, "jobs", now, BESIDE)
    if claim is not None:
        _run(db, instance, claim, _job_runner(jobs.get(db, claim.id).kind), stop)
    return claim is not None


def run_now(db: Database, instance: Path, table: work.Table, row_id: int, progress: Progress) -> None:
    """Run one queued round or job in this process, as the command line does; StoreError when a worker has it."""
    claim = work.claim_this(db, table, row_id, utc_now())
    if claim is None:
        raise StaleToken("A worker has taken this up already. Watch it there.")
    run = _round_runner() if table == "rounds" else _job_runner(jobs.get(db, row_id).kind)
    _run(db, instance, claim, run, None, progress=progress)


def queue_what_is_due(db: Database, now: datetime) -> None:
    """Queue a round wherever enough new labels came in, and a quality job after a round or enough labels."""
    for project_id in rounds.projects_due(db):
        settings = RoundSettings.from_dict(projects.get(db, project_id).settings.learner)
        try:
            rounds.start(db, project_id, settings.to_dict(), "automatic", None, now)
        except RoundAlreadyOpen:
            log.info("project %s has a round by now", project_id)
    for project_id in quality.projects_due(db):
        quality.request(db, project_id, None, now)


def _must_yield(db: Database, kind: str) -> bool:
    """Whether something more urgent waits, a round that fell due meanwhile included."""
    if kind not in YIELDS:
        return False
    queue_what_is_due(db, utc_now())
    return work.people_wait(db, YIELDS[kind])


def _repeat(turn: Turn, instance: Path, stop: threading.Event) -> None:
    """Take turn after turn, with a rest when there is nothing to do, over a connection of its own."""
    with closing(open_database(database_path(instance))) as db:
        while not stop.is_set():
            try:
                busy = turn(db, instance, utc_now(), stop)
            except Exception:  # the outermost turn: the loop must outlive any single fault
                log.exception("a turn of the worker failed")
                busy = False
            if not busy:
                stop.wait(IDLE_SECONDS)


def _run(
    db: Database,
    instance: Path,
    claim: work.Claim,
    run: Run,
    stop: threading.Event | None,
    preempted: Callable[[], bool] = lambda: False,
    progress: Progress | None = None,
) -> None:
    """Run claimed work under its lease and record the outcome that people will see."""
    log.info("%s %s begins, attempt %s", claim.table, claim.id, claim.attempt)
    must_stop = lambda: (stop is not None and stop.is_set()) or preempted()  # noqa: E731
    try:
        with Lease(db, instance, claim, must_stop) as lease:
            run(db, instance, claim, _both(lease, progress))
        if work.is_held(db, claim):
            work.finish(db, claim, "done", utc_now())
        log.info("%s %s done", claim.table, claim.id)
    except Stopped:
        work.put_back(db, claim)
    except Cancelled:
        work.finish(db, claim, "cancelled", utc_now())
    except StaleToken:
        log.warning("%s %s was given to another worker", claim.table, claim.id)
    except Exception as error:  # recorded for people, whatever it was
        log.exception("%s %s failed", claim.table, claim.id)
        work.finish(db, claim, "failed", utc_now(), _for_people(error))
    if claim.table == "jobs":  # an upload holds people's words as they wrote them, unmasked
        remove_finished_uploads(db, instance)


def _both(lease: Lease, also: Progress | None) -> Progress:
    def tell(phase: str, done: int, total: int) -> None:
        lease(phase, done, total)
        if also is not None:
            also(phase, done, total)

    return tell


def _for_people(error: Exception) -> str:
    if isinstance(error, LearnerError | StoreError | FileError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({Path(str(error.filename)).name if error.filename else 'no file named'})."
    if isinstance(error, pysqlite3.OperationalError) and "full" in str(error):
        return "The disk is full. Free some space, then try again; nothing was lost."
    return f"Unexpected {type(error).__name__}: {error}. The worker's log has the details."


def _round_runner() -> Run:
    from webapp.worker import rounds as runner  # loads torch

    return runner.run


def _job_runner(kind: str) -> Run:
    if kind == "import":
        from webapp.worker import imports

        return imports.run
    if kind == "erase":
        from webapp.worker import erasures

        return erasures.run
    if kind == "encode":
        from webapp.worker import encodings  # loads torch

        return encodings.run
    if kind == "quality":
        from webapp.worker import quality as runner  # loads torch

        return runner.run
    from webapp.worker import exports  # loads torch

    return exports.run


def _pulse(instance: Path, stop: threading.Event) -> None:
    """Tell the health page that this process is alive, whatever its work does."""
    worker_id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    with closing(open_database(database_path(instance))) as db:
        while True:
            try:
                work.worker_seen(db, worker_id, socket.gethostname(), os.getpid(), utc_now())
            except pysqlite3.OperationalError:
                log.warning("the worker could not report that it is alive", exc_info=True)
            if stop.wait(work.HEARTBEAT_INTERVAL.total_seconds()):
                break
        work.worker_gone(db, worker_id)
