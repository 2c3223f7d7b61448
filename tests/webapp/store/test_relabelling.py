"""A label leaves the set, and nothing that people said is lost: counts before are counts after."""

import random
from collections import Counter
from collections.abc import Callable

import pytest
from builders import NOON
from sqlite_utils import Database

from webapp.store import annotations, audit, label_sets, labelled, projects, queue
from webapp.store.annotations import Answer
from webapp.store.errors import InvalidValue, NotFound, UnknownLabel
from webapp.store.projects import Project
from webapp.store.queue import Lease
from webapp.worker.consensus import settle

Build = Callable[..., Project]
Row = dict[str, object]


@pytest.fixture
def project(labelled_project: Project) -> Project:
    return labelled_project


def names(db: Database, project: Project) -> list[str]:
    return [label.name for label in projects.get(db, project.id).labels]


def positions(db: Database, project: Project) -> list[int]:
    return [label.position for label in projects.get(db, project.id).labels]


def log(db: Database) -> list[Row]:
    return list(db.query("SELECT * FROM annotations ORDER BY id"))


def current(db: Database) -> list[Row]:
    return list(
        db.query(
            "SELECT review_id, annotator_id, label_id, note, seconds, origin, created_at, action FROM annotations"
            " WHERE undone_by IS NULL AND action <> 'undo' ORDER BY review_id, annotator_id"
        )
    )


def gold(db: Database) -> dict[int, int]:
    return {row["review_id"]: row["label_id"] for row in db.query("SELECT * FROM adjudications ORDER BY id")}


def test_merging_moves_every_label_and_decision_and_keeps_the_log(
    db: Database, project: Project, people: list[int]
) -> None:
    negative, neutral, _ = (label.id for label in project.labels)
    before, answers, decided = log(db), current(db), gold(db)
    snapshot = labelled.snapshot(db, project.id)
    as_it_was = {each.review_id: each.label_id for each in settle(db, project, snapshot)}
    expected = label_sets.impact(db, project.id, neutral)
    assert expected.labels == sum(row["label_id"] == neutral for row in answers) > 0
    assert dict(expected.people) == {
        name: sum(row["label_id"] == neutral and row["annotator_id"] == user for row in answers)
        for name, user in zip(("ada", "ben"), people, strict=False)
    }

    assert label_sets.retire(db, project.id, neutral, negative, people[-1], NOON) == expected

    def moved(label_id: object) -> object:
        return negative if label_id == neutral else label_id

    assert current(db) == [{**row, "label_id": moved(row["label_id"])} for row in answers]
    assert gold(db) == {review: moved(label) for review, label in decided.items()}
    after = log(db)
    unchanged = [{**row, "undone_by": None} for row in before]
    assert [{**row, "undone_by": None} for row in after[: len(before)]] == unchanged
    assert all(
        new["undone_by"] == old["undone_by"]
        for old, new in zip(before, after, strict=False)
        if old["undone_by"]
    )
    assert len(after) == len(before) + expected.labels
    assert names(db, project) == ["negative", "positive"] and positions(db, project) == [0, 1]
    assert as_it_was.keys() <= {row["review_id"] for row in before}
    assert audit.latest(db)[0].detail["labels"] == expected.labels
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_an_old_snapshot_still_sees_what_was_said_then(db: Database, project: Project) -> None:
    negative, neutral, _ = project.labels
    snapshot = labelled.snapshot(db, project.id)
    label_sets.retire(db, project.id, neutral.id, negative.id, None, NOON)
    then = db.execute(
        "SELECT count(*) FROM annotations WHERE id <= :s AND action = 'label' AND label_id = :l"
        " AND (undone_by IS NULL OR undone_by > :s)",
        {"s": snapshot, "l": neutral.id},
    ).fetchone()[0]
    assert then == sum(
        row["label_id"] == neutral.id
        for row in log(db)
        if row["undone_by"] is None or row["undone_by"] > snapshot
    )  # type: ignore[operator]
    assert then > 0


def test_the_learner_sees_only_labels_that_are_there(db: Database, project: Project) -> None:
    for into in (project.labels[2].id, None):
        target = projects.get(db, project.id).labels[0]
        if len(projects.get(db, project.id).labels) == 2:
            label_sets.add(db, project.id, "mixed", None, NOON)
        label_sets.retire(db, project.id, target.id, into, None, NOON)
        seen = {
            each.label_id
            for each in settle(db, projects.get(db, project.id), labelled.snapshot(db, project.id))
        }
        assert seen <= {label.id for label in projects.get(db, project.id).labels}


def test_withdrawing_opens_the_reviews_again_and_touches_nothing_else(db: Database, project: Project) -> None:
    neutral = project.labels[1].id
    answers, decided = current(db), gold(db)
    label_sets.retire(db, project.id, neutral, None, None, NOON)
    assert current(db) == [row for row in answers if row["label_id"] != neutral]
    assert gold(db) == {review: label for review, label in decided.items() if label != neutral}
    withdrawn = Counter(row["review_id"] for row in answers if row["label_id"] == neutral)
    for review in db.query("SELECT id, wanted, needed FROM reviews"):
        given = sum(row["review_id"] == review["id"] and row["action"] == "label" for row in current(db))
        if review["id"] in withdrawn:
            assert review["needed"] == (0 if review["id"] in gold(db) else review["wanted"] - given)
    taken_back = [entry for entry in audit.latest(db, 50) if entry.action == "review.take_back"]
    assert len(taken_back) == sum(label == neutral for label in decided.values())


@pytest.mark.parametrize("seed", range(8))
def test_whatever_the_changes_answers_are_kept_or_withdrawn_one_by_one(
    db: Database, project: Project, seed: int
) -> None:
    draw = random.Random(seed)
    for number in range(8):
        labels = projects.get(db, project.id).labels
        one, other = draw.sample(labels, 2)
        kind = draw.choice(["merge", "withdraw", "add", "rename", "move"])
        if kind in ("merge", "withdraw") and len(labels) == 2:
            kind = "add"
        before, touched = len(current(db)), label_sets.impact(db, project.id, one.id).labels
        if kind == "add":
            label_sets.add(db, project.id, f"label {number}", None, NOON)
        elif kind == "rename":
            label_sets.rename(db, project.id, one.id, f"name {number}", None, NOON)
        elif kind == "move":
            label_sets.move(db, project.id, one.id, draw.randint(-2, 2), None, NOON)
        else:
            label_sets.retire(db, project.id, one.id, other.id if kind == "merge" else None, None, NOON)
        assert len(current(db)) == before - (touched if kind == "withdraw" else 0)
        known = {label.id for label in projects.get(db, project.id).labels}
        assert {row["label_id"] for row in current(db) if row["label_id"]} <= known
        assert set(gold(db).values()) <= known
        assert positions(db, project) == list(range(len(known)))
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_moving_to_itself_or_to_another_project_is_refused(
    db: Database, project: Project, a_project: Build
) -> None:
    foreign = a_project(2).labels[0].id
    one = project.labels[0].id
    for into in (one, foreign, 999):
        with pytest.raises(InvalidValue):
            label_sets.retire(db, project.id, one, into, None, NOON)
    with pytest.raises(NotFound):
        label_sets.retire(db, project.id, foreign, one, None, NOON)


def test_a_late_answer_with_a_retired_label_is_refused(
    db: Database, project: Project, people: list[int]
) -> None:
    db.execute(
        "UPDATE reviews SET wanted = 9, needed = 5 WHERE id NOT IN (SELECT review_id FROM adjudications)"
    )
    lease = queue.claim(db, project.id, people[2], NOON)
    assert isinstance(lease, Lease)
    label_sets.retire(db, project.id, project.labels[1].id, project.labels[0].id, None, NOON)
    with pytest.raises(UnknownLabel):
        annotations.record(db, lease.token, people[2], Answer("label", project.labels[1].id), NOON)
    annotations.record(db, lease.token, people[2], Answer("label", project.labels[0].id), NOON)


def test_what_was_worked_out_from_the_label_is_forgotten(db: Database, project: Project) -> None:
    negative, neutral, positive = (label.id for label in project.labels)
    touched = next(row["review_id"] for row in current(db) if row["label_id"] == neutral)
    untouched = next(
        row["review_id"] for row in log(db)
        if not any(each["review_id"] == row["review_id"] and each["label_id"] == neutral for each in log(db))
    )  # fmt: skip
    for review_id, label in ((touched, positive), (untouched, negative)):
        db.execute(
            "INSERT INTO consensus VALUES (?, ?, ?, 'majority', 0.9, 2, 1)", [review_id, project.id, label]
        )
    for review_id, suggested in ((touched, neutral), (untouched, positive)):
        db.execute(
            "INSERT INTO suspects (project_id, review_id, label_id, suggested_id, score, created_at)"
            " VALUES (?, ?, ?, ?, 0.5, '')",
            [project.id, review_id, negative, suggested],
        )
    label_sets.retire(db, project.id, neutral, negative, None, NOON)
    for table in ("consensus", "suspects"):
        assert [row["review_id"] for row in db.query(f"SELECT review_id FROM {table}")] == [untouched]
