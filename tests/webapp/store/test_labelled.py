"""Labels as the learner and the export see them."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from effort import steps_of
from sqlite_utils import Database

from webapp.store import adjudications, annotations, labelled, queue, rankings
from webapp.store.annotations import Answer
from webapp.store.errors import NothingToUndo
from webapp.store.projects import Project
from webapp.store.queue import Lease
from webapp.worker.consensus import settle

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ProjectBuilder = Callable[..., Project]


def label_next(db: Database, project: Project, user: int, position: int) -> int:
    lease = queue.claim(db, project.id, user, NOON)
    assert isinstance(lease, Lease)
    answer = Answer("label", project.labels[position].id, note="why", seconds=2.5)
    return annotations.record(db, lease.token, user, answer, NOON).id


def settled(db: Database, project: Project, snapshot: int) -> list[labelled.LabelledReview]:
    """The reviews as a round gets them."""
    return labelled.labelled_reviews(db, project.id, settle(db, project, snapshot), snapshot)


def test_reviews_come_by_id_with_their_texts_and_parts(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(4)
    for position in (2, 0, 1):
        label_next(db, project, people[0], position)
    found = settled(db, project, labelled.snapshot(db, project.id))
    assert [review.review_id for review in found] == sorted(review.review_id for review in found)
    assert all(review.text.startswith("review number") and review.part == "pool" for review in found)
    assert all(review.drawn_at_random for review in found)  # no model yet: the queue is in random order


def test_a_skipped_review_that_an_admin_settled_counts(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(2)
    lease = queue.claim(db, project.id, people[0], NOON)
    assert isinstance(lease, Lease)
    annotations.record(db, lease.token, people[0], Answer("skip", reason="unclear"), NOON)
    adjudications.decide(db, lease.review_id, project.labels[1].id, people[-1], "", NOON)
    (review,) = settled(db, project, labelled.snapshot(db, project.id))
    assert (review.review_id, review.label_id, review.method) == (
        lease.review_id,
        project.labels[1].id,
        "gold",
    )
    assert review.drawn_at_random


def test_imported_gold_counts_as_a_label_and_is_not_asked_for_again(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(2, labelled={0: "positive", 1: "negative"})
    known = settled(db, project, labelled.snapshot(db, project.id))
    assert [review.label_id for review in known] == [project.labels[2].id, project.labels[0].id]
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


def test_a_page_of_the_export_does_not_sort_all_labels(db: Database, labelled_project: Project) -> None:
    asked: list[str] = []
    db.conn.set_trace_callback(asked.append)
    list(labelled.export_rows(db, labelled_project.id))
    db.conn.set_trace_callback(None)
    (page,) = [sql for sql in asked if "LIMIT" in sql]
    assert not [row["detail"] for row in db.execute(f"EXPLAIN QUERY PLAN {page}") if "TEMP" in row["detail"]]


def test_one_of_several_near_duplicates_weighs_as_many_and_draws_count_alike(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(5)
    for _ in range(5):
        label_next(db, project, people[0], 0)
    first, second = (rankings.publish_random(db, project.id, NOON) for _ in range(2))
    drawn = [(0.5, first), (0.25, first), (0.01, second), (0.01, second), (None, second)]
    given = db.execute("SELECT id FROM annotations ORDER BY id").fetchall()
    for row, (probability, draw) in zip(given, drawn, strict=True):
        db.execute(
            "UPDATE annotations SET probability = ?, ranking_id = ? WHERE id = ?",
            [probability, draw, row["id"]],
        )
    order = [row[0] for row in db.execute("SELECT review_id FROM annotations ORDER BY id")]
    found = {review.review_id: review for review in settled(db, project, labelled.snapshot(db, project.id))}
    assert [found[review_id].weight for review_id in order] == [1.0, 2.0, 1.0, 1.0, 1.0]
    db.execute("UPDATE annotations SET origin = 'uncertain'")
    asked = settled(db, project, labelled.snapshot(db, project.id))
    assert {(review.drawn_at_random, review.weight) for review in asked} == {(False, 1.0)}


def test_new_labels_are_counted_without_reading_the_old_ones_or_another_projects(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project, fresh = a_project(400), a_project(2)
    db.execute(
        "INSERT INTO annotations (project_id, review_id, annotator_id, action, label_id, origin, created_at)"
        " SELECT project_id, id, ?, 'label', ?, 'audit', '' FROM reviews WHERE project_id = ?",
        [people[0], project.labels[0].id, project.id],
    )
    db.execute(
        "INSERT INTO rounds (project_id, number, cause, settings, snapshot, state, created_at)"
        " VALUES (?, 1, 'button', '{}', ?, 'done', '')",
        [project.id, labelled.snapshot(db, project.id) - 1],
    )
    db.conn.commit()
    label_next(db, fresh, people[1], 0)
    for each in (project, fresh):
        assert labelled.labels_since_last_round(db, each.id) == 1
        assert steps_of(db, lambda each=each: labelled.labels_since_last_round(db, each.id)) < 400  # type: ignore[misc]
