"""A worker killed anywhere loses nothing: the old model serves on, the next attempt completes, no file is left over."""

import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest
from killing import POINTS, forkserver, run_offline, run_round, states
from sqlite_utils import Database

from learner import checkpoint
from learner.settings import RoundSettings
from webapp.store import model_versions, projects, rounds
from webapp.store.connection import utc_now
from webapp.store.jobs import Job
from webapp.store.projects import Project
from webapp.worker.loop import run_next

pytestmark = pytest.mark.slow
PROCESS_SECONDS = 60


@pytest.fixture
def labelled(db: Database, instance: Path, project: Project, an_import: Callable[..., Job]) -> Project:
    """A project in which two of three reviews are labelled."""
    an_import(text=mixed_file(150))
    run_next(db, instance, utc_now())
    return project


def mixed_file(size: int) -> str:
    words = {"positive": "great", "negative": "terrible", "neutral": "average"}
    rows = ["text,label"]
    for number in range(size):
        label = list(words)[number % 3]
        rows.append(f"the phone was {words[label]} {number} {number * 7},{label if number % 3 < 2 else ''}")
    return "\n".join(rows)


def start(db: Database, project: Project) -> None:
    settings = RoundSettings.from_dict(project.settings.learner).to_dict()
    rounds.start(db, project.id, settings, "button", None, utc_now())


def run(target: Callable[..., None], *values: object) -> int | None:
    """Run it in a process of its own to its end; returns the exit code."""
    process = forkserver().Process(target=target, args=values)
    process.start()
    process.join(PROCESS_SECONDS)
    assert process.exitcode is not None, "the process hangs"
    return process.exitcode


def in_minutes(minutes: int) -> datetime:
    """When whoever died by now is known to be dead."""
    return utc_now() + timedelta(minutes=minutes)


def folders(instance: Path) -> set[str]:
    return {path.name for path in (instance / "checkpoints").iterdir()}


def serving(db: Database, project: Project) -> tuple[int | None, int | None]:
    now = projects.get(db, project.id)
    return now.model_version_id, now.ranking_id


def test_killed_at_every_point_the_round_completes_and_the_old_model_served_on(
    db: Database, instance: Path, labelled: Project
) -> None:
    # Two deaths a round; a third would close it.
    for first, second in zip(POINTS[::2], POINTS[1::2], strict=True):
        before = serving(db, labelled)
        start(db, labelled)
        for attempt, point in enumerate((first, second)):
            assert run(run_round, instance, 2 * attempt, point) == -signal.SIGKILL, point
            assert states(db)[-1] == ("running", attempt + 1, None), point
            assert serving(db, labelled) == before
            old = model_versions.serving(db, labelled.id)
            assert old is not None or point in POINTS[:2]
            if old is not None:
                checkpoint.verify(instance / "checkpoints" / old.checkpoint, old.manifest_sha256)
        assert run_next(db, instance, in_minutes(4))
        assert states(db)[-1] == ("done", 3, None)
        assert serving(db, labelled)[1] != before[1]
        assert folders(instance) == {row["checkpoint"] for row in db["model_versions"].rows}
    scored = db.execute("SELECT count(*) FROM predictions GROUP BY model_version_id").fetchall()
    assert len(scored) == len(POINTS) // 2 and len({tuple(row) for row in scored}) == 1
    assert db.execute("SELECT count(*) FROM rankings WHERE round_id NOT IN (SELECT round_id FROM model_versions)").fetchone()[0] == 0  # fmt: skip # noqa: E501


@pytest.mark.parametrize("point", ["phase save", "phase publish"])
def test_a_zombie_that_wakes_after_its_successor_published_is_refused(
    db: Database, instance: Path, labelled: Project, point: str
) -> None:
    start(db, labelled)
    zombie = forkserver().Process(target=run_round, args=(instance, 0, point, signal.SIGSTOP))
    zombie.start()
    assert zombie.pid is not None
    process = psutil.Process(zombie.pid)
    wait_until(lambda: process.status() == psutil.STATUS_STOPPED)
    assert run_next(db, instance, in_minutes(2))
    published = serving(db, labelled), folders(instance), db["rankings"].count, db["predictions"].count
    assert states(db) == [("done", 2, None)]
    process.resume()
    zombie.join(PROCESS_SECONDS)
    assert zombie.exitcode == 0
    assert published == (
        serving(db, labelled),
        folders(instance),
        db["rankings"].count,
        db["predictions"].count,
    )
    assert states(db) == [("done", 2, None)]


def wait_until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PROCESS_SECONDS
    while not fact():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_a_round_reaches_no_network(db: Database, instance: Path, labelled: Project) -> None:
    start(db, labelled)
    assert run(run_offline, instance) == 0
    assert states(db) == [("done", 1, None)]
