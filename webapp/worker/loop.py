"""The worker's loops: rounds, exports, quality, simulations, encoding ahead; imports and erasures beside."""

import logging
import re
import secrets
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path

import pysqlite3
from sqlite_utils import Database

from learner.errors import Cancelled, LearnerError
from learner.progress import Progress
from webapp.importing.errors import FileError
from webapp.store import jobs, projects, quality, rounds, work
from webapp.store.connection import database_path, open_database, utc_now
from webapp.store.errors import RoundAlreadyOpen, StaleToken, StoreError
from webapp.usual_settings import usual_settings
from webapp.worker import monitor
from webapp.worker.imports import remove_finished_uploads
from webapp.worker.lease import Lease, Stopped
from webapp.worker.processes import this_process

log = logging.getLogger(__name__)
IDLE_SECONDS = 1.0
# What torch and ONNX Runtime say instead of a MemoryError.
OUT_OF_MEMORY = re.compile(r"out of memory|can't allocate memory|bad_alloc|bad allocation", re.I)
# What runs beside the rest.
BESIDE = ("import", "erase")
# What is claimed first. Quality, simulations and encoding ahead yield to what stands before them, and to rounds.
ORDER = ((*BESIDE, "export"), ("quality",), ("simulate",), ("encode",))
YIELDS = {
    "quality": ("export",),
    "simulate": ("export", "quality"),
    "encode": ("export", "quality", "simulate"),
}
Run = Callable[[Database, Path, work.Claim, Progress], object]
Turn = Callable[[Database, Path, datetime, threading.Event | None], bool]


def run_forever(instance: Path, stop: threading.Event, worker_id: str | None = None) -> None:
    """Work until `stop` is set; an error of one turn is logged and the next turn goes on."""
    holder = worker_id or secrets.token_hex(8)
    beside = [
        threading.Thread(target=_pulse, args=(instance, stop, holder), name="pulse", daemon=True),
        threading.Thread(target=monitor.run_forever, args=(instance, stop), name="monitor", daemon=True),
        # Nobody should wait for a round to end before their file comes in, or before they are erased.
        threading.Thread(
            target=_repeat,
            args=(partial(import_next, holder=holder), instance, stop),
            name="imports",
            daemon=True,
        ),
    ]
    for thread in beside:
        thread.start()
    _repeat(partial(run_next, holder=holder), instance, stop)
    for thread in beside:
        thread.join()


def run_next(
    db: Database,
    instance: Path,
    now: datetime,
    stop: threading.Event | None = None,
    holder: str | None = None,
) -> bool:
    """Do the most urgent piece of work; False when there is none."""
    queue_what_is_due(db, now)
    claim = work.claim_next(db, "rounds", now, holder=holder)
    if claim is not None:
        _run(db, instance, claim, _round_runner(), stop)
        return True
    claim = _next_job(db, now, holder)
    if claim is not None:
        kind = jobs.get(db, claim.id).kind
        _run(db, instance, claim, _job_runner(kind), stop, lambda: _must_yield(db, kind))
    return claim is not None


def _next_job(db: Database, now: datetime, holder: str | None) -> work.Claim | None:
    for kinds in ORDER:
        # What they yield to may rest after a death; begun now, they would only be interrupted again and again.
        if any(work.people_wait(db, YIELDS[kind]) for kind in kinds if kind in YIELDS):
            return None
        claim = work.claim_next(db, "jobs", now, kinds, holder)
        if claim is not None:
            return claim
    return None


def import_next(
    db: Database,
    instance: Path,
    now: datetime,
    stop: threading.Event | None = None,
    holder: str | None = None,
) -> bool:
    """Do the oldest import or erasure; False when there is none."""
    claim = work.claim_next(db, "jobs", now, BESIDE, holder)
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
        settings = usual_settings(projects.get(db, project_id))
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
    while not stop.is_set():
        try:
            with closing(open_database(database_path(instance))) as db:
                while not stop.is_set():
                    if not turn(db, instance, utc_now(), stop):
                        stop.wait(IDLE_SECONDS)
        except Exception:
            # The outermost turn: the loop must outlive any single fault; its connection need not.
            log.exception("a turn of the worker failed")
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
        work.put_back(db, claim, utc_now())
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
    if isinstance(error, MemoryError) or OUT_OF_MEMORY.search(str(error)):
        return (
            "The memory ran out. Give the worker more, or choose a smaller encoder or fewer reviews to score."
        )
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
    if kind == "simulate":
        from webapp.worker import simulations  # loads torch

        return simulations.run
    from webapp.worker import exports  # loads torch

    return exports.run


def _pulse(instance: Path, stop: threading.Event, worker_id: str) -> None:
    """Tell the health page that this process is alive, whatever its work does."""
    name = this_process()

    def seen(db: Database, instance: Path, now: datetime, stop: threading.Event | None) -> bool:
        work.worker_seen(db, worker_id, name.host, name.pid, now, name.boot, name.born)
        return stop is not None and not stop.wait(work.HEARTBEAT_INTERVAL.total_seconds())

    _repeat(seen, instance, stop)
    with closing(open_database(database_path(instance))) as db:
        work.worker_gone(db, worker_id)
