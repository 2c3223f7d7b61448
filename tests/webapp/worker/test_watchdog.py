"""The watchdog: what hangs is ended with all it started, what kills its worker rests and then fails, others go on."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import killing
import psutil
import pytest
from killing import states
from sqlite_utils import Database

from webapp.store import deaths, jobs, projects, rounds, work
from webapp.store.connection import utc_now
from webapp.store.projects import Project
from webapp.worker import loop, processes, watchdog
from webapp.worker.watchdog import Watchdog, Watched

SECONDS = 60


def wait_until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not fact():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@contextmanager
def watched(instance: Path, limit: float) -> Iterator[psutil.Process]:
    """A watchdog in a process of its own, and its worker; neither outlives the test."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, killing.__file__, "watch", str(instance), str(limit)]
    process = subprocess.Popen(command, env=environment)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(SECONDS)


def an_import(instance: Path, db: Database, project: Project, name: str) -> jobs.Job:
    (instance / "uploads" / name).write_text("text\nThe sound is good.\nThe sound is bad.\n", "utf-8")
    payload = {"file": name, "columns": {"text": "text"}}
    return jobs.create(db, project.id, "import", payload, None, utc_now())


def test_what_always_kills_its_worker_fails_after_three_attempts_and_others_go_on(
    instance: Path, db: Database, project: Project
) -> None:
    an_import(instance, db, project, "poison.csv")
    an_import(instance, db, project, "good.csv")
    with watched(instance, 30):
        wait_until(lambda: all(state in ("done", "failed") for state, _, _ in states(db, "jobs")[:2]))
    poison, good = states(db, "jobs")[:2]
    assert poison[:2] == ("failed", 3)
    assert "memory" in poison[2] and "attempt 3, the last one" in poison[2]
    assert good[0] == "done" and good[1] <= 2
    assert db.execute("SELECT count(*) FROM reviews").fetchone()[0] == 2


def test_two_workers_share_what_there_is_and_do_nothing_twice(
    instance: Path, db: Database, project: Project
) -> None:
    files = [an_import(instance, db, project, f"file-{number}.csv") for number in range(6)]
    with watched(instance, 30), watched(instance, 30):
        wait_until(lambda: len(work.live_workers(db, utc_now())) == 2)
        wait_until(lambda: not any(jobs.get(db, job.id).is_open for job in files))
    imports = [state for state in states(db, "jobs") if state[0] != "queued"][: len(files)]
    assert imports == [("done", 1, None)] * len(files)
    assert db.execute("SELECT count(*) FROM reviews").fetchone()[0] == 2
    assert work.live_workers(db, utc_now()) == []


def test_what_hangs_is_ended_with_all_it_started(instance: Path, db: Database, project: Project) -> None:
    an_import(instance, db, project, "hang.csv")
    with watched(instance, 1) as dog:
        wait_until(lambda: sleepers(dog) != [])
        family = [*dog.children(recursive=True)]
        wait_until(lambda: (states(db, "jobs")[0][2] or "").startswith("It made no progress"))
        wait_until(lambda: not any(each.is_running() and each.status() != "zombie" for each in family))
        assert states(db, "jobs")[0][1] >= 1


def test_cancelling_ends_even_what_hangs(instance: Path, db: Database, project: Project) -> None:
    job = an_import(instance, db, project, "hang.csv")
    with watched(instance, 2) as dog:
        wait_until(lambda: sleepers(dog) != [])
        family = [*dog.children(recursive=True)]
        jobs.cancel(db, job.id, None, utc_now())
        wait_until(lambda: jobs.get(db, job.id).state == "cancelled")
        wait_until(lambda: not any(each.is_running() and each.status() != "zombie" for each in family))


def sleepers(dog: psutil.Process) -> list[psutil.Process]:
    return [each for each in dog.children(recursive=True) if each.name() == "sleep"]


def test_where_the_memory_runs_out_the_message_says_so(
    instance: Path, db: Database, project: Project
) -> None:
    an_import(instance, db, project, "hungry.csv")
    with watched(instance, 30):
        wait_until(lambda: states(db, "jobs")[0][0] == "failed")
    assert "memory ran out" in states(db, "jobs")[0][2]
    assert "memory" in watchdog.reason_of(-signal.SIGKILL, True)
    assert "SIGSEGV" in watchdog.reason_of(-signal.SIGSEGV, False)


def a_watched(instance: Path) -> tuple[Watchdog, Watched]:
    dog = Watchdog(instance, lambda worker_id: [], limit_seconds=60, cancel_grace_seconds=10)
    sleeper = subprocess.Popen(["true"])
    sleeper.wait()
    return dog, Watched("w", sleeper, 0.0, 0)


def a_claim(db: Database, project: Project, holder: str = "w") -> work.Claim:
    rounds.start(db, project.id, {}, "button", None, utc_now())
    claim = work.claim_next(db, "rounds", utc_now(), holder=holder)
    assert claim is not None
    return claim


def test_work_that_goes_on_is_never_ended_however_long_it_takes(
    instance: Path, db: Database, project: Project
) -> None:
    claim = a_claim(db, project)
    dog, watched = a_watched(instance)
    for minute in range(0, 600, 50):
        work.report(db, claim, "train", 0.5, None, utc_now())
        work.worker_seen(db, "w", "here", 1, utc_now() + timedelta(seconds=minute))
        assert dog._stuck(db, watched, float(minute)) is None
    stuck = dog._stuck(db, watched, 550 + 61.0)
    assert stuck is not None and list(stuck) == [claim]


def test_a_process_that_stops_breathing_is_ended(instance: Path, db: Database) -> None:
    dog, watched = a_watched(instance)
    work.worker_seen(db, "w", "here", 1, utc_now())
    assert dog._stuck(db, watched, 0.0) is None
    assert dog._stuck(db, watched, 61.0) == {}


def test_what_ran_beside_a_hang_is_put_back_and_not_counted(
    instance: Path, db: Database, project: Project
) -> None:
    guilty = a_claim(db, project)
    innocent = an_import(instance, db, project, "good.csv")
    assert work.claim_next(db, "jobs", utc_now(), holder="w") is not None
    dog, watched = a_watched(instance)
    dog._bury(db, watched, {guilty: "It hung."})
    assert states(db) == [("queued", 1, "It hung.")]
    assert states(db, "jobs") == [("queued", 0, None)]
    assert jobs.get(db, innocent.id).is_open


@pytest.mark.parametrize(
    ("host", "pid", "boot", "born", "state"),
    [
        (
            "",
            0,
            "an earlier start",
            "",
            "queued",
        ),  # the machine was started again; the number is this process's
        ("", 0, "", "1", "queued"),  # another process has the number now
        ("", 0, "", "", "running"),  # this very process
        ("elsewhere", 0, "an earlier start", "", "running"),
        ("", 2**22 + 1, "", "", "queued"),  # no process has it
    ],
)
def test_after_a_restart_the_work_of_the_dead_is_taken_up_at_once(
    db: Database, project: Project, host: str, pid: int, boot: str, born: str, state: str
) -> None:
    this = processes.this_process()
    a_claim(db, project)
    work.worker_seen(
        db, "w", host or this.host, pid or this.pid, utc_now(), boot or this.boot, this.born + born
    )
    watchdog.recover(db)
    assert states(db)[0][0] == state
    assert bool(work.live_workers(db, utc_now())) == (state == "running")
    assert socket.gethostname() == this.host


def test_an_error_of_one_turn_does_not_end_the_loop(instance: Path, caplog: pytest.LogCaptureFixture) -> None:
    stop = threading.Event()
    turns = []

    def turn(*_: object) -> bool:
        turns.append(len(turns))
        if len(turns) < 3:
            raise RuntimeError("this turn is broken")
        stop.set()
        return True

    loop._repeat(turn, instance, stop)
    assert len(turns) == 3
    assert caplog.text.count("a turn of the worker failed") == 2


def test_the_dead_are_told_from_the_living() -> None:
    sleeper = subprocess.Popen(["sleep", "60"])
    born = processes._born(sleeper.pid)
    this = processes.this_process()
    holder = deaths.Holder("w", this.host, sleeper.pid, this.boot, born)
    assert born and not processes.is_gone(holder)
    sleeper.kill()
    wait_until(lambda: processes.is_gone(holder))  # a zombie has ended too
    sleeper.wait()
    assert processes.is_gone(holder)


def test_a_project_goes_on_while_anothers_round_rests(db: Database, project: Project) -> None:
    claim = a_claim(db, project)
    deaths.note(db, claim, "It died.", utc_now())
    assert work.claim_next(db, "rounds", utc_now()) is None
    other = projects.create(db, "other")
    assert a_claim(db, other).id != claim.id
