"""A paused project hands out nothing and starts no round; nothing that was held is lost."""

from collections.abc import Callable

from builders import NOON
from sqlite_utils import Database

from webapp.store import annotations, audit, projects, queue, rounds
from webapp.store.annotations import Answer
from webapp.store.projects import Project
from webapp.store.queue import Lease, QueueEmpty

Build = Callable[..., Project]


def test_a_paused_project_hands_out_nothing_and_stores_what_is_held(
    db: Database, a_project: Build, people: list[int]
) -> None:
    project = a_project()
    lease = queue.claim(db, project.id, people[0], NOON)
    assert isinstance(lease, Lease)
    projects.pause(db, project.id, people[-1], NOON)
    assert queue.claim(db, project.id, people[1], NOON) == QueueEmpty("paused")
    annotations.record(db, lease.token, people[0], Answer("label", project.labels[0].id), NOON)
    assert queue.claim(db, project.id, people[0], NOON) == QueueEmpty("paused")
    projects.resume(db, project.id, people[-1], NOON)
    assert isinstance(queue.claim(db, project.id, people[0], NOON), Lease)


def test_no_round_starts_by_itself_while_a_project_is_paused(
    db: Database, a_project: Build, people: list[int]
) -> None:
    project = a_project(auto_round_every=1)
    lease = queue.claim(db, project.id, people[0], NOON)
    assert isinstance(lease, Lease)
    annotations.record(db, lease.token, people[0], Answer("label", project.labels[0].id), NOON)
    assert rounds.projects_due(db) == [project.id]
    projects.pause(db, project.id, None, NOON)
    assert rounds.projects_due(db) == []
    projects.resume(db, project.id, None, NOON)
    assert rounds.projects_due(db) == [project.id]


def test_pausing_twice_keeps_the_first_moment_and_is_logged_once(
    db: Database, a_project: Build, people: list[int]
) -> None:
    project = a_project()
    for hour in (13, 14):
        projects.pause(db, project.id, people[-1], NOON.replace(hour=hour))
    paused_at = projects.get(db, project.id).paused_at
    assert paused_at is not None and "T13:" in paused_at
    for _ in range(2):
        projects.resume(db, project.id, people[-1], NOON)
    assert projects.get(db, project.id).paused_at is None
    logged = [entry.action for entry in audit.latest(db)]
    assert logged[:2] == ["project.resume", "project.pause"]
    assert logged.count("project.pause") == logged.count("project.resume") == 1
