"""Many reviews at once: what changes, what stays, and that nobody labelling is kept waiting."""

from collections.abc import Callable

import pytest
from conftest import NOON
from sqlite_utils import Database

from webapp.store import annotations, assignments, audit, browse, bulk, queue, rankings, second_looks
from webapp.store.annotations import Answer
from webapp.store.bulk import Selection
from webapp.store.connection import write_transaction
from webapp.store.errors import InvalidValue
from webapp.store.filters import Filters
from webapp.store.projects import Project
from webapp.store.queue import Lease, QueueEmpty


@pytest.fixture
def project(db: Database, a_project: Callable[..., Project]) -> Project:
    project = a_project(size=4)
    rankings.publish_random(db, project.id, NOON)
    return project


def everything(db: Database, project: Project) -> list[int]:
    return browse.ids(db, project.id, Filters())


def label_next(db: Database, project: Project, user_id: int) -> int:
    lease = queue.claim(db, project.id, user_id, NOON)
    assert isinstance(lease, Lease)
    return annotations.record(db, lease.token, user_id, Answer("label", project.labels[0].id), NOON).review_id


def test_a_selection_is_ticked_or_filtered_and_never_another_projects(
    db: Database, project: Project, a_project: Callable[..., Project]
) -> None:
    ids = everything(db, project)
    foreign = everything(db, a_project(size=2))
    assert bulk.chosen(db, project.id, Selection(Filters(text="number 1"))) == [ids[1]]
    ticked = Selection(Filters(text="number 1"), (ids[0], foreign[0], 999))
    assert bulk.chosen(db, project.id, ticked) == [ids[0]]


def test_left_out_reviews_leave_the_queue_and_come_back_with_what_they_want(
    db: Database, project: Project, people: list[int]
) -> None:
    ada, root = people[0], people[3]
    held = queue.claim(db, project.id, ada, NOON)
    assert isinstance(held, Lease)
    ids = everything(db, project)
    assert bulk.leave_out(db, project.id, ids, root, NOON) == len(ids)
    assert isinstance(queue.claim(db, project.id, ada, NOON), QueueEmpty)
    assert bulk.leave_out(db, project.id, ids, root, NOON) == 0
    assert bulk.take_back_in(db, project.id, ids, root, NOON) == len(ids)
    assert isinstance(queue.claim(db, project.id, ada, NOON), Lease)


def test_further_labels_are_asked_of_other_people_and_not_of_settled_reviews(
    db: Database, project: Project, people: list[int]
) -> None:
    ada, ben, _cyd, root = people
    labelled, settled = label_next(db, project, ada), label_next(db, project, ada)
    with write_transaction(db):
        db.execute(
            "INSERT INTO adjudications (review_id, label_id, decided_by, created_at) VALUES (?, ?, ?, '')",
            [settled, project.labels[0].id, root],
        )
    assert bulk.ask_for_labels(db, project.id, [labelled, settled], 1, root, NOON) == 1
    lease = queue.claim(db, project.id, ben, NOON)
    assert isinstance(lease, Lease)
    assert (lease.review_id, lease.origin) == (labelled, "disagreement")
    with pytest.raises(InvalidValue):
        bulk.ask_for_labels(db, project.id, [labelled], 11, root, NOON)


def test_the_same_request_sent_twice_asks_once_and_one_cut_off_goes_on(
    db: Database, project: Project, people: list[int]
) -> None:
    ids, root = everything(db, project), people[3]
    seen = second_looks.newest(db, project.id)
    assert bulk.ask_for_labels(db, project.id, ids[:2], 1, root, NOON, seen) == 2
    assert bulk.ask_for_labels(db, project.id, ids, 1, root, NOON, seen) == 2
    assert bulk.ask_for_labels(db, project.id, ids, 1, root, NOON, seen) == 0
    assert [row[0] for row in db.execute("SELECT wanted FROM reviews")] == [2, 2, 2, 2]
    assert bulk.ask_for_labels(db, project.id, ids, 1, root, NOON, second_looks.newest(db, project.id)) == 4


def test_a_category_is_set_and_taken_away(db: Database, project: Project, people: list[int]) -> None:
    ids = everything(db, project)
    assert bulk.set_category(db, project.id, ids[:2], " phones ", people[3], NOON) == 2
    assert browse.ids(db, project.id, Filters(category="phones")) == ids[:2]
    assert assignments.choices(db, project.id).categories == {"phones": 2}
    assert bulk.set_category(db, project.id, ids, "", people[3], NOON) == 2
    assert browse.ids(db, project.id, Filters(category="phones")) == []


def test_labels_of_the_chosen_reviews_alone_are_exported(
    db: Database, project: Project, people: list[int]
) -> None:
    first, _second = label_next(db, project, people[0]), label_next(db, project, people[0])
    rows = list(bulk.label_rows(db, project.id, Selection(Filters(), (first,))))
    assert [(row["id"], row["label"]) for row in rows] == [(first, "negative")]
    assert len(list(bulk.label_rows(db, project.id, Selection(Filters(state="labelled"))))) == 2


def test_steps_are_short_and_the_log_tells_it_once(
    db: Database, project: Project, people: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 2)
    locked: list[bool] = []
    monkeypatch.setattr(bulk.time, "sleep", lambda _seconds: locked.append(db.conn.in_transaction))
    ids = everything(db, project)
    bulk.leave_out(db, project.id, ids, people[3], NOON)
    assert locked == [False, False]
    entries = [entry for entry in audit.latest(db) if entry.action == "reviews.leave_out"]
    assert [(entry.subject, entry.detail) for entry in entries] == [(f"project:{project.id}", {"count": 4})]
