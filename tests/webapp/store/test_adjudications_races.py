"""Decisions of two admins at once, sent twice, or on labels that have left the set meanwhile."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from builders import NOON
from sqlite_utils import Database

from webapp.store import adjudications, annotations, audit, cases, consensus, label_sets, queue, suspects
from webapp.store.annotations import Answer
from webapp.store.errors import ChangedMeanwhile
from webapp.store.projects import Project
from webapp.store.queue import Lease

LATER = NOON + timedelta(minutes=5)
REVIEW = 1


@pytest.fixture
def project(db: Database, people: list[int], a_project: Callable[..., Project]) -> Project:
    """One review on which ada and ben disagree."""
    made = a_project(1, overlap_share=1.0)
    for person, position in zip(people, (0, 2), strict=False):
        lease = queue.claim(db, made.id, person, NOON)
        assert isinstance(lease, Lease)
        annotations.record(db, lease.token, person, Answer("label", made.labels[position].id), NOON)
    db.execute("UPDATE jobs SET state = 'done'")
    return made


def counted(db: Database, project: Project) -> dict[str, int]:
    return {kind: n for kind, n in cases.counts(db, project.id, LATER).items() if n}


def test_a_decision_that_one_has_not_seen_is_not_overruled(
    db: Database, people: list[int], project: Project
) -> None:
    negative, _, positive = (label.id for label in project.labels)
    first = adjudications.decide(db, REVIEW, negative, people[-1], "", LATER, based_on=0)
    with pytest.raises(ChangedMeanwhile):
        adjudications.decide(db, REVIEW, positive, people[-1], "", LATER, based_on=0)
    with pytest.raises(ChangedMeanwhile):
        adjudications.decide(db, REVIEW, negative, people[0], "", LATER, based_on=0)
    with pytest.raises(ChangedMeanwhile):
        adjudications.leave_out(db, REVIEW, people[0], "", LATER, based_on=0)
    assert [each.id for each in adjudications.of_review(db, REVIEW)] == [first]
    second = adjudications.decide(db, REVIEW, positive, people[0], "", LATER, based_on=first)
    adjudications.take_back(db, second, people[0], LATER)
    with pytest.raises(ChangedMeanwhile):
        adjudications.leave_out(db, REVIEW, people[0], "", LATER, based_on=second)


def test_the_same_decision_sent_twice_is_one(db: Database, people: list[int], project: Project) -> None:
    sent = [
        adjudications.decide(db, REVIEW, project.labels[0].id, people[-1], " why ", LATER, based_on=0)
        for _ in range(2)
    ]
    assert sent[0] == sent[1] and len(adjudications.of_review(db, REVIEW)) == 1
    adjudications.take_back(db, sent[0], people[-1], LATER)
    assert counted(db, project) == {"disagreement": 1}


@pytest.mark.parametrize(("earlier", "gold"), [([], None), ([0], 0), ([0, 1], 0), ([1, 0], 0)])
def test_no_decision_comes_back_whose_label_has_left_the_set(
    db: Database, people: list[int], project: Project, earlier: list[int], gold: int | None
) -> None:
    for position in (*earlier, 1):
        adjudications.decide(db, REVIEW, project.labels[position].id, people[-1], "", LATER)
    label_sets.retire(db, project.id, project.labels[1].id, project.labels[2].id, people[-1], LATER)
    moved = adjudications.latest_by(db, project.id, people[-1], NOON)
    assert moved is not None and moved.label == "positive"
    adjudications.take_back(db, moved.id, people[-1], LATER)
    assert counted(db, project) == ({"disagreement": 1} if gold is None else {"settled": 1})
    expected = {} if gold is None else {REVIEW: project.labels[gold].id}
    assert consensus.gold(db, project.id) == expected
    outdated: Any = audit.latest(db)[0].detail["outdated"]
    assert {(each["label"], each["decided_by"]) for each in outdated} == {(project.labels[1].id, people[-1])}


def test_a_suspect_whose_label_has_left_the_set_stays_closed(
    db: Database, people: list[int], project: Project
) -> None:
    db.execute(
        "INSERT INTO suspects (project_id, review_id, label_id, suggested_id, score, created_at)"
        " VALUES (?, ?, ?, ?, 0.1, '')",
        [project.id, REVIEW, project.labels[0].id, project.labels[1].id],
    )
    decision = adjudications.decide(db, REVIEW, project.labels[0].id, people[-1], "", LATER)
    label_sets.retire(db, project.id, project.labels[1].id, None, people[-1], LATER)
    adjudications.take_back(db, decision, people[-1], LATER)
    assert suspects.waiting(db, project.id, 10) == []
