"""Alarms, and the look that raises one when annotations vanish (D23)."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlite_utils import Database

from webapp.store import alarms, annotations, my_answers, queue
from webapp.store.annotations import Answer
from webapp.store.connection import open_database
from webapp.store.errors import NotFound
from webapp.store.projects import Project
from webapp.store.queue import Lease

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def labelled(db: Database, a_project: Callable[..., Project], people: list[int]) -> Project:
    """A project with five labels, counted by the monitor."""
    project = a_project(10)
    label(db, project, people[0], 5)
    assert alarms.watch_annotations(db, NOON) == []
    return project


def label(db: Database, project: Project, user: int, times: int) -> None:
    for _ in range(times):
        lease = queue.claim(db, project.id, user, NOON)
        assert isinstance(lease, Lease)
        annotations.record(db, lease.token, user, Answer("label", project.labels[0].id), NOON)


def test_labelling_undoing_and_changing_raise_no_alarm(
    db: Database, labelled: Project, people: list[int]
) -> None:
    label(db, labelled, people[1], 3)
    mine = my_answers.find(db, labelled.id, people[1])
    annotations.undo(db, mine[0].id, people[1], NOON)
    annotations.change(db, mine[1].id, people[1], Answer("label", labelled.labels[1].id), NOON)
    assert alarms.watch_annotations(db, NOON) == []


def test_a_silent_delete_raises_an_alarm_once_until_it_is_cleared(
    db: Database, labelled: Project, people: list[int]
) -> None:
    db.execute("DELETE FROM annotations WHERE id IN (2, 3)")
    later = NOON + timedelta(minutes=1)
    for _ in range(2):
        (alarm,) = alarms.watch_annotations(db, later)
        assert (alarm.name, alarm.subject) == ("annotations-lost", f"project:{labelled.id}")
        assert alarm.detail == {"before": 5, "found": 3}
    alarms.clear(db, alarm.id, people[-1], later)
    assert alarms.watch_annotations(db, later) == [] == alarms.open_alarms(db)
    entry = db.execute("SELECT user_id, subject FROM audit_log WHERE action = 'alarm.clear'").fetchone()
    assert tuple(entry) == (people[-1], f"alarm:{alarm.id}")
    db.execute("DELETE FROM annotations WHERE id = 4")
    (again,) = alarms.watch_annotations(db, later)
    assert again.detail == {"before": 3, "found": 2}


def test_labels_that_came_in_meanwhile_do_not_hide_a_delete_of_more(
    db: Database, labelled: Project, people: list[int]
) -> None:
    db.execute("DELETE FROM annotations WHERE id <= 3")
    label(db, labelled, people[1], 2)
    assert [alarm.detail for alarm in alarms.watch_annotations(db, NOON)] == [{"before": 5, "found": 4}]


def test_a_project_that_vanishes_with_its_labels_raises_an_alarm(db: Database, labelled: Project) -> None:
    """As a tool would delete it that checks no foreign keys."""
    db.execute("PRAGMA foreign_keys = OFF")
    for table in ("annotations", "projects"):
        db.execute(f"DELETE FROM {table}")
    assert len(alarms.watch_annotations(db, NOON)) == 1


def test_an_alarm_that_somebody_clears_meanwhile_is_settled_all_the_same(
    db: Database, db_path: Path, people: list[int]
) -> None:
    for number in (1, 2):
        alarms.raise_alarm(db, "test", f"project:{number}", NOON)
    first = alarms.open_alarms(db)[0].id
    with closing(open_database(db_path)) as other:
        once = iter([first])

        def be_faster(statement: str) -> None:
            """Between the look and the lock."""
            if statement == "BEGIN IMMEDIATE":
                for alarm_id in once:
                    alarms.clear(other, alarm_id, people[-1], NOON)

        db.conn.set_trace_callback(be_faster)
        alarms.settle(db, "test", NOON)
        db.conn.set_trace_callback(None)
    assert alarms.open_alarms(db) == []
    assert db.execute("SELECT cleared_by FROM alarms WHERE id = ?", [first]).fetchone()[0] == people[-1]


def test_an_alarm_can_be_cleared_once(db: Database, people: list[int]) -> None:
    assert alarms.raise_alarm(db, "test", "project:1", NOON, why="because")
    assert not alarms.raise_alarm(db, "test", "project:1", NOON)
    (alarm,) = alarms.open_alarms(db)
    alarms.clear(db, alarm.id, people[-1], NOON)
    with pytest.raises(NotFound):
        alarms.clear(db, alarm.id, people[-1], NOON)
    assert alarms.raise_alarm(db, "test", "project:1", NOON)
