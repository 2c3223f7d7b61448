"""What people did, counted."""

from collections.abc import Callable
from datetime import timedelta

from conftest import NOON
from sqlite_utils import Database

from webapp.store import activity, annotations, queue
from webapp.store.annotations import Answer
from webapp.store.projects import Project
from webapp.store.queue import Lease


def label_one(db: Database, project: Project, user_id: int, hours: float = 0) -> int:
    now = NOON + timedelta(hours=hours)
    lease = queue.claim(db, project.id, user_id, now)
    assert isinstance(lease, Lease)
    return annotations.record(db, lease.token, user_id, Answer("label", project.labels[0].id), now).id


def test_the_day_begins_at_midnight_and_withdrawn_or_imported_labels_do_not_count(
    db: Database, a_project: Callable[..., Project], people: list[int]
) -> None:
    project = a_project(labelled={9: "positive"})
    label_one(db, project, people[0], hours=-13)
    for _ in range(2):
        label_one(db, project, people[0])
    annotations.undo(db, label_one(db, project, people[1]), people[1], NOON)
    assert activity.labels_today(db, project.id, NOON) == 2
    assert activity.by_person(db)[people[0]].labels == 3
    assert set(activity.by_person(db)) == {people[0]}


def test_labelled_reviews_are_counted_once_whoever_labelled_them(
    db: Database, a_project: Callable[..., Project], people: list[int]
) -> None:
    project = a_project(size=10, holdout_size=2, holdout_labels=2)
    for person in people[:2]:
        while isinstance(queue.claim(db, project.id, person, NOON), Lease):
            label_one(db, project, person)
    assert activity.labelled_by_part(db, project.id) == {"pool": 8, "holdout": 2, "validation": 0}
