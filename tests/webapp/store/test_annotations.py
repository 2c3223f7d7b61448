"""Answers: withdrawn, changed, refused; the log keeps all of it."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlite_utils import Database

from webapp.store import activity, annotations, my_answers, queue, rounds
from webapp.store.annotations import Answer
from webapp.store.errors import InvalidValue
from webapp.store.projects import Project
from webapp.store.queue import Lease

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ProjectBuilder = Callable[..., Project]


def label_next(db: Database, project: Project, user: int, position: int) -> int:
    lease = queue.claim(db, project.id, user, NOON)
    assert isinstance(lease, Lease)
    answer = Answer("label", project.labels[position].id, note="why", seconds=2.5)
    return annotations.record(db, lease.token, user, answer, NOON).id


def test_a_changed_answer_replaces_the_old_one_and_the_log_keeps_both(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(1)
    first = label_next(db, project, people[0], 0)
    annotations.change(db, first, people[0], Answer("label", project.labels[1].id), NOON)
    (mine,) = my_answers.find(db, project.id, people[0])
    assert mine.label == "neutral"
    assert [earlier.label for earlier in mine.before] == ["negative"]
    history = annotations.of_review(db, mine.review_id)
    assert [row["action"] for row in history] == ["label", "undo", "label"]
    assert db.execute("SELECT needed FROM reviews").fetchone()[0] == 0


def test_progress_counts_up_to_the_next_round(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(5, auto_round_every=2)
    label_next(db, project, people[0], 0)
    progress = activity.progress(db, project.id, people[0], NOON)
    assert (progress.mine_today, progress.mine_total, progress.project_labels, progress.pool_size) == (
        1,
        1,
        1,
        5,
    )
    assert (progress.round_labels, progress.round_size) == (1, 2)
    label_next(db, project, people[1], 0)
    assert rounds.projects_due(db) == [project.id]
    rounds.start(db, project.id, {}, "automatic", None, NOON)
    assert rounds.projects_due(db) == []
    assert activity.progress(db, project.id, people[0], NOON).round_labels == 0


@pytest.mark.parametrize(
    "answer", [Answer("label"), Answer("skip", 1), Answer("shout"), Answer("skip", note="x" * 2001)]
)
def test_an_impossible_answer_is_refused_and_the_lease_kept(
    db: Database, people: list[int], a_project: ProjectBuilder, answer: Answer
) -> None:
    project = a_project(1)
    lease = queue.claim(db, project.id, people[0], NOON)
    assert isinstance(lease, Lease)
    with pytest.raises(InvalidValue):
        annotations.record(db, lease.token, people[0], answer, NOON)
    assert queue.current(db, project.id, people[0], NOON) == lease
