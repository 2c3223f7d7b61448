"""Labels as the learner and the export see them."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlite_utils import Database

from webapp.store import annotations, labelled, queue
from webapp.store.annotations import Answer
from webapp.store.errors import NothingToUndo
from webapp.store.projects import Project
from webapp.store.queue import Lease

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ProjectBuilder = Callable[..., Project]


def label_next(db: Database, project: Project, user: int, position: int) -> int:
    lease = queue.claim(db, project.id, user, NOON)
    assert isinstance(lease, Lease)
    answer = Answer("label", project.labels[position].id, note="why", seconds=2.5)
    return annotations.record(db, lease.token, user, answer, NOON).id


def test_a_label_withdrawn_after_the_snapshot_still_counts_in_it(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(3)
    label_next(db, project, people[0], 0)
    before = labelled.snapshot(db, project.id)
    annotations.undo_last(db, project.id, people[0], NOON)
    assert len(labelled.labelled_reviews(db, project.id, before)) == 1
    assert labelled.labelled_reviews(db, project.id, labelled.snapshot(db, project.id)) == []


def test_a_label_given_after_the_snapshot_does_not_count_in_it(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(3)
    before = labelled.snapshot(db, project.id)
    label_next(db, project, people[0], 0)
    assert labelled.labelled_reviews(db, project.id, before) == []


def test_the_majority_decides_and_a_tie_waits_for_adjudication(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(1, overlap_share=1.0, overlap_labels=3)
    label_next(db, project, people[0], 0)
    label_next(db, project, people[1], 2)
    assert labelled.labelled_reviews(db, project.id, labelled.snapshot(db, project.id)) == []
    label_next(db, project, people[2], 2)
    (review,) = labelled.labelled_reviews(db, project.id, labelled.snapshot(db, project.id))
    assert review.position == 2


def test_imported_gold_counts_as_a_label_and_is_not_asked_for_again(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(2, labelled={0: "positive", 1: "negative"})
    known = labelled.labelled_reviews(db, project.id, labelled.snapshot(db, project.id))
    assert [review.position for review in known] == [2, 0]
    assert isinstance(queue.claim(db, project.id, people[0], NOON), queue.QueueEmpty)
    with pytest.raises(NothingToUndo):
        annotations.undo_last(db, project.id, people[-1], NOON)


def test_the_export_names_who_when_and_why(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(2)
    label_next(db, project, people[0], 2)
    (row,) = labelled.export_rows(db, project.id)
    assert (row["label"], row["annotator"], row["seconds"], row["part"]) == ("positive", "ada", 2.5, "pool")
    assert list(row) == (
        "id external_id text label annotator created_at seconds round model_version origin probability part".split()
    )
