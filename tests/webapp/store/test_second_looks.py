"""Second looks: further labels for one review."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlite_utils import Database

from webapp.store import adjudications, annotations, audit, queue, reviews, second_looks
from webapp.store.annotations import Answer
from webapp.store.errors import ChangedMeanwhile, InvalidValue, NotFound
from webapp.store.projects import Project
from webapp.store.queue import Lease, QueueEmpty

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def label(db: Database, project: Project, person: int) -> int:
    """The next review, labelled by this person."""
    lease = queue.claim(db, project.id, person, NOON)
    assert isinstance(lease, Lease)
    annotations.record(db, lease.token, person, Answer("label", project.labels[0].id), NOON)
    return lease.review_id


def test_a_review_with_all_its_labels_opens_again_for_others(
    db: Database, people: list[int], a_project: Callable[..., Project]
) -> None:
    project = a_project(1)
    review_id = label(db, project, people[0])
    assert isinstance(queue.claim(db, project.id, people[1], NOON), QueueEmpty)
    second_looks.request(db, project.id, review_id, 2, people[-1], NOON)
    assert [label(db, project, person) for person in people[1:3]] == [review_id, review_id]
    assert isinstance(queue.claim(db, project.id, people[-1], NOON), QueueEmpty)


def test_a_request_is_kept_and_logged(
    db: Database, people: list[int], a_project: Callable[..., Project]
) -> None:
    project = a_project(1)
    second_looks.request(db, project.id, 1, 1, people[-1], NOON)
    second_looks.request(db, project.id, 1, 2, None, NOON)
    kept = second_looks.of_review(db, 1)
    assert [(each.labels, each.requested_by) for each in kept] == [(1, "root"), (2, None)]
    review = reviews.get(db, 1)
    assert (review["wanted"], review["needed"]) == (4, 4)
    entry = audit.latest(db)[0]
    assert (entry.action, entry.subject, entry.detail) == ("second_look.request", "review:1", {"labels": 2})


def test_the_same_request_sent_twice_asks_once_and_one_not_seen_is_not_added_to(
    db: Database, people: list[int], a_project: Callable[..., Project]
) -> None:
    project = a_project(1)
    for _ in range(2):
        second_looks.request(db, project.id, 1, 1, people[-1], NOON, based_on=0)
    assert reviews.get(db, 1)["wanted"] == 2
    with pytest.raises(ChangedMeanwhile):
        second_looks.request(db, project.id, 1, 1, people[0], NOON, based_on=0)
    seen = second_looks.newest(db, project.id)
    second_looks.request(db, project.id, 1, 1, people[0], NOON, based_on=seen)
    assert [each.labels for each in second_looks.of_review(db, 1)] == [1, 1]


@pytest.mark.parametrize("labels", [0, -1, 11])
def test_a_request_asks_for_a_sensible_number(
    db: Database, a_project: Callable[..., Project], labels: int
) -> None:
    project = a_project(1)
    with pytest.raises(InvalidValue):
        second_looks.request(db, project.id, 1, labels, None, NOON)


def test_reviews_settled_left_out_or_of_another_project_are_refused(
    db: Database, people: list[int], a_project: Callable[..., Project]
) -> None:
    project, other = a_project(1), a_project(2)
    adjudications.decide(db, 2, other.labels[0].id, people[-1], "", NOON)
    with pytest.raises(InvalidValue):
        second_looks.request(db, other.id, 2, 1, None, NOON)
    with pytest.raises(NotFound):
        second_looks.request(db, other.id, 1, 1, None, NOON)
    with db.conn:
        db.execute("UPDATE reviews SET excluded_at = '2026-03-01' WHERE id = 1")
    with pytest.raises(InvalidValue):
        second_looks.request(db, project.id, 1, 1, None, NOON)
    assert reviews.get(db, 1)["needed"] == 1
