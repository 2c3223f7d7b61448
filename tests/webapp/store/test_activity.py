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


def test_pace_and_time_left_come_from_the_last_answers_without_their_breaks(
    db: Database, a_project: Callable[..., Project], people: list[int]
) -> None:
    project = a_project(size=20, auto_round_every=12, goal_labels=14)
    for answer in range(10):
        pause = 0.5 if answer >= 5 else 0
        label_one(db, project, people[0], hours=answer / 360 + pause)
    now = NOON + timedelta(hours=9 / 360 + 0.5)
    progress = activity.progress(db, project.id, people[0], now)
    assert (progress.pace, progress.seconds_to_round, progress.seconds_to_goal) == (360, 20, 40)
    others = activity.progress(db, project.id, people[1], now)
    assert (others.pace, others.seconds_to_round) == (None, None)


def test_time_left_counts_what_the_others_give_too(
    db: Database, a_project: Callable[..., Project], people: list[int]
) -> None:
    project = a_project(size=50, auto_round_every=25)
    for answer in range(10):
        label_one(db, project, people[0], hours=answer / 10 / 60)
        label_one(db, project, people[1], hours=answer / 10 / 60)
    progress = activity.progress(db, project.id, people[0], NOON + timedelta(minutes=1))
    assert progress.pace == 600
    assert progress.seconds_to_round == round(3600 * 5 / (600 + 20))


def test_the_leaderboard_counts_this_week_from_monday(
    db: Database, a_project: Callable[..., Project], people: list[int]
) -> None:
    project = a_project()
    label_one(db, project, people[0], hours=-24 * 7)
    for _ in range(2):
        label_one(db, project, people[1])
    label_one(db, project, people[0])
    assert activity.leaderboard(db, project.id, NOON) == [("ben", 2), ("ada", 1)]
