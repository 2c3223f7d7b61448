"""Real web workers: killed in the middle of requests (D01), and forked from a master with the application (D05)."""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from builders import a_project, a_user
from invariants import missing, violations
from remote import Remote
from served import family, free_port
from sqlite_utils import Database

from webapp.instance import ENVIRONMENT, Instance
from webapp.serving import supervise
from webapp.store import sessions
from webapp.store.connection import open_database, utc_now

KILLS = int(os.environ.get("WINNOW_TEST_WEB_KILLS", "6"))
ROOT = Path(__file__).resolve().parents[2]
People = Callable[[int], list[Remote]]


@contextmanager
def gunicorn(instance: Instance, processes: int, *more: str) -> Iterator[tuple[int, int]]:
    """The web server as `winnow run` starts it; its port and the process id of its master."""
    port = free_port()
    *command, application = supervise.web_command(instance, "127.0.0.1", port, processes, 4)
    environment = os.environ | {
        ENVIRONMENT: str(instance.folder),
        "PYTHONPATH": str(ROOT),
        "WINNOW_COOKIE_SECURE": "false",
    }
    with (instance.folder / "web.log").open("ab") as log:
        process = subprocess.Popen([*command, *more, application], env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not supervise.answers(("127.0.0.1", port)):
            assert process.poll() is None and time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(timeout=40)


@pytest.fixture
def sessions_of(web_db: Database) -> list[str]:
    """Sessions of four annotators, and reviews for all of them."""
    people = [a_user(web_db, name) for name in ("ada", "ben", "cyd", "dan")]
    a_project(web_db, size=3_000, auto_round_every=0)
    return [sessions.start(web_db, person.id, utc_now()) for person in people]


def at_once(
    annotators: list[Remote], answers: int, over: Callable[[], bool] = lambda: False
) -> list[threading.Thread]:
    """Let all of them answer, each so often or until it is over; an error in one fails the test."""

    def work(annotator: Remote) -> None:
        draw = random.Random()
        for _ in range(answers):
            if over() or not annotator.answer(draw):
                return

    threads = [threading.Thread(target=work, args=(each,)) for each in annotators]
    for thread in threads:
        thread.start()
    return threads


def check(instance: Instance, annotators: list[Remote], least: int) -> None:
    db = open_database(instance.database)
    acknowledged = [told for each in annotators for told in each.acknowledged.values()]
    assert missing(db, acknowledged) == [] and violations(db) == []
    stored = db.execute("SELECT count(*) FROM annotations").fetchone()[0]
    db.close()
    # Each answer is sent until it is acknowledged, so nothing is stored that its author does not know of.
    assert stored == len(acknowledged) >= least
    assert all(each.refused == 0 for each in annotators)


def test_no_acknowledged_answer_is_lost_when_web_workers_are_killed(
    web_instance: Instance, sessions_of: list[str]
) -> None:
    draw = random.Random()
    with gunicorn(web_instance, 2) as (port, master):
        annotators = [Remote(port, session, [1, 2, 3]) for session in sessions_of]
        done = threading.Event()
        threads = at_once(annotators, 100_000, done.is_set)
        for _ in range(KILLS):
            before = sum(len(each.acknowledged) for each in annotators)
            while sum(len(each.acknowledged) for each in annotators) < before + 10:
                assert all(thread.is_alive() for thread in threads)
                time.sleep(0.005)
            time.sleep(draw.uniform(0, 0.1))  # the moment is what is drawn
            os.kill(draw.choice(family(master)[1:]), signal.SIGKILL)
        done.set()
        for thread in threads:
            thread.join()
    check(web_instance, annotators, least=10 * KILLS)
    assert sum(each.cut_off for each in annotators) > 0


def test_an_application_loaded_before_the_fork_writes_from_every_worker(
    web_instance: Instance, sessions_of: list[str]
) -> None:
    with gunicorn(web_instance, 4, "--preload") as (port, master):
        annotators = [Remote(port, session, [1, 2, 3]) for session in sessions_of]
        for thread in at_once(annotators, 125):
            thread.join()
        assert len(set(family(master))) == 5
    check(web_instance, annotators, least=500)
