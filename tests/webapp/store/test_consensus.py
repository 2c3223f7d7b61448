"""Votes as of a snapshot, and the consensus that was made of them."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlite_utils import Database

from learner import consensus as learner_consensus
from webapp.store import adjudications, annotations, consensus, jobs, labelled, queue, work
from webapp.store.annotations import Answer
from webapp.store.consensus import Consensus
from webapp.store.errors import StaleToken
from webapp.store.projects import Project
from webapp.store.queue import Lease
from webapp.worker.consensus import settle

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ProjectBuilder = Callable[..., Project]


def label_next(db: Database, project: Project, user: int, position: int) -> int:
    """The review that was labelled."""
    lease = queue.claim(db, project.id, user, NOON)
    assert isinstance(lease, Lease)
    annotations.record(db, lease.token, user, Answer("label", project.labels[position].id), NOON)
    return lease.review_id


def found(db: Database, project: Project) -> dict[int, tuple[int, str, float, int, int]]:
    """What is stored, by review."""
    rows = db.execute("SELECT review_id, label_id, method, confidence, votes, snapshot FROM consensus")
    return {row[0]: tuple(row)[1:] for row in rows}


def test_a_label_withdrawn_after_the_snapshot_still_counts_in_it(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(3)
    label_next(db, project, people[0], 0)
    before = labelled.snapshot(db, project.id)
    annotations.undo_last(db, project.id, people[0], NOON)
    assert len(consensus.votes(db, project.id, before)) == 1
    assert consensus.votes(db, project.id, labelled.snapshot(db, project.id)) == []


def test_a_label_given_after_the_snapshot_does_not_count_in_it(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(3)
    before = labelled.snapshot(db, project.id)
    label_next(db, project, people[0], 0)
    assert consensus.votes(db, project.id, before) == []


def test_reviews_left_out_and_retired_labels_do_not_count(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(3)
    left_out, retired, kept = (label_next(db, project, people[0], position) for position in (0, 1, 2))
    adjudications.decide(db, left_out, project.labels[0].id, people[-1], "", NOON)
    adjudications.decide(db, kept, project.labels[1].id, people[-1], "", NOON)
    db["reviews"].update(left_out, {"excluded_at": "2026-03-01"})
    db["labels"].update(project.labels[1].id, {"retired_at": "2026-03-01"})
    votes = consensus.votes(db, project.id, labelled.snapshot(db, project.id))
    assert [vote.review_id for vote in votes] == [kept] and retired not in consensus.gold(db, project.id)
    assert consensus.gold(db, project.id) == {}


def test_the_majority_decides_and_a_tie_waits_for_adjudication(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(1, overlap_share=1.0, overlap_labels=3)
    review = label_next(db, project, people[0], 0)
    settle(db, project, labelled.snapshot(db, project.id))
    assert found(db, project)[review][1:4] == ("single", 1.0, 1)
    label_next(db, project, people[1], 2)
    assert settle(db, project, labelled.snapshot(db, project.id)) == []
    assert found(db, project) == {}
    label_next(db, project, people[2], 2)
    now = labelled.snapshot(db, project.id)
    settle(db, project, now)
    assert found(db, project) == {review: (project.labels[2].id, "majority", pytest.approx(2 / 3), 3, now)}
    adjudications.decide(db, review, project.labels[1].id, people[-1], "", NOON)
    adjudications.decide(db, review, project.labels[0].id, people[-1], "", NOON)
    settle(db, project, now)
    assert found(db, project) == {review: (project.labels[0].id, "gold", 1.0, 3, now)}


def test_an_older_snapshot_does_not_replace_a_newer_one(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(2)
    first = label_next(db, project, people[0], 0)
    before = labelled.snapshot(db, project.id)
    label_next(db, project, people[0], 1)
    now = labelled.snapshot(db, project.id)
    settle(db, project, now)
    stored = found(db, project)
    settle(db, project, before)
    assert found(db, project) == stored and len(stored) == 2
    assert consensus.snapshot_of(db, project.id) == now and consensus.count(db, project.id) == 2
    assert stored[first][4] == now


def test_a_worker_that_lost_its_claim_writes_nothing(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(1)
    review = label_next(db, project, people[0], 0)
    job = jobs.create(db, project.id, "quality", {}, None, NOON)
    claim = work.claim_this(db, "jobs", job.id, NOON)
    assert claim is not None
    work.put_back(db, claim, NOON)
    one = Consensus(review, project.labels[0].id, "single", 1.0, 1)
    with pytest.raises(StaleToken):
        consensus.write(db, project.id, [one], 1, claim)
    assert consensus.count(db, project.id) == 0


def test_the_export_has_one_row_a_review(db: Database, people: list[int], a_project: ProjectBuilder) -> None:
    project = a_project(2, overlap_share=1.0, overlap_labels=2)
    for user in people[:2]:
        for _ in range(2):
            label_next(db, project, user, 2)
    settle(db, project, labelled.snapshot(db, project.id))
    rows = list(consensus.export_rows(db, project.id))
    assert len(rows) == 2
    assert list(rows[0]) == "id external_id text label method confidence votes part".split()
    assert {(row["label"], row["method"], row["confidence"], row["votes"]) for row in rows} == {
        ("positive", "majority", 1.0, 2)
    }
    db["reviews"].update(rows[0]["id"], {"excluded_at": "2026-03-01"})
    assert [row["id"] for row in consensus.export_rows(db, project.id)] == [rows[1]["id"]]
    assert consensus.count(db, project.id) == 1


def test_the_projects_method_decides_where_it_knows_enough(
    db: Database, people: list[int], a_project: ProjectBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = a_project(8, overlap_share=1.0, overlap_labels=3, consensus="dawid-skene")
    for user, positions in zip(people[:3], ("02020202", "02020200", "02020222"), strict=True):
        for position in positions:  # all get the reviews in one order
            label_next(db, project, user, int(position))
    now = labelled.snapshot(db, project.id)
    assert {each.method for each in settle(db, project, now)} == {"majority"}
    for name, value in {"FEWEST_REVIEWS": 8, "FEWEST_LABELS": 8, "SURE": 0.0}.items():
        monkeypatch.setattr(learner_consensus, name, value)
    methods = [each.method for each in settle(db, project, now)]
    assert methods.count("dawid-skene") == 2 and methods.count("majority") == 6
