"""Suspects: a decision holds while the label it was about stays; what is not found again is forgotten."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlite_utils import Database

from webapp.store import adjudications, audit, suspects
from webapp.store.errors import ChangedMeanwhile, NotFound
from webapp.store.projects import Project
from webapp.store.suspects import FoundSuspect

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ProjectBuilder = Callable[..., Project]


def found(project: Project, review: int, score: float = 0.9, label: int = 0, **more: int) -> FoundSuspect:
    suggested, star = more.get("suggested", 2), more.get("star")
    star_id = None if star is None else project.labels[star].id
    return FoundSuspect(review, project.labels[label].id, project.labels[suggested].id, star_id, score)


@pytest.fixture
def project(a_project: ProjectBuilder) -> Project:
    return a_project(6)


@pytest.fixture
def reviews(db: Database, project: Project) -> list[int]:
    return [row[0] for row in db.execute("SELECT id FROM reviews ORDER BY id")]


def waiting(db: Database, project: Project) -> list[int]:
    return [each.review_id for each in suspects.waiting(db, project.id, 10)]


def test_where_the_stars_side_with_the_model_comes_first(
    db: Database, project: Project, reviews: list[int]
) -> None:
    listed = [
        found(project, reviews[0], 0.95),
        found(project, reviews[1], 0.7, star=2),
        found(project, reviews[2], 0.99, star=0),
    ]
    suspects.replace(db, project.id, listed, NOON)
    assert waiting(db, project) == [reviews[1], reviews[2], reviews[0]]
    first = suspects.waiting(db, project.id, 1)[0]
    assert (first.label_id, first.suggested_id, first.star_id) == (
        project.labels[0].id,
        project.labels[2].id,
        project.labels[2].id,
    )
    assert first.text == "review number 1" and suspects.count_waiting(db, project.id) == 3


def test_a_dismissed_one_comes_back_only_with_another_label(
    db: Database, project: Project, reviews: list[int], people: list[int]
) -> None:
    suspects.replace(db, project.id, [found(project, reviews[0]), found(project, reviews[1])], NOON)
    (one,) = [each for each in suspects.waiting(db, project.id, 10) if each.review_id == reviews[0]]
    assert suspects.dismiss(db, project.id, one.id, people[-1], NOON) == reviews[0]
    assert waiting(db, project) == [reviews[1]]
    suspects.replace(db, project.id, [found(project, reviews[0], 0.99)], NOON)
    assert waiting(db, project) == []
    assert suspects.decided(db, project.id) == {"dismissed": 1}
    suspects.replace(db, project.id, [found(project, reviews[0], label=1)], NOON)
    assert waiting(db, project) == [reviews[0]]
    assert audit.latest(db)[0].action == "suspect.dismiss"


def test_one_that_is_sent_back_wants_further_labels(
    db: Database, project: Project, reviews: list[int], people: list[int]
) -> None:
    suspects.replace(db, project.id, [found(project, reviews[0])], NOON)
    (one,) = suspects.waiting(db, project.id, 10)
    before = db.execute("SELECT wanted FROM reviews WHERE id = ?", [reviews[0]]).fetchone()[0]
    suspects.send_back(db, project.id, one.id, 2, people[-1], NOON)
    assert waiting(db, project) == []
    assert db.execute("SELECT labels FROM second_looks WHERE review_id = ?", [reviews[0]]).fetchone()[0] == 2
    assert db.execute("SELECT wanted FROM reviews WHERE id = ?", [reviews[0]]).fetchone()[0] >= before + 1


def test_only_one_decision_counts(
    db: Database, project: Project, reviews: list[int], people: list[int]
) -> None:
    suspects.replace(db, project.id, [found(project, reviews[0])], NOON)
    (one,) = suspects.waiting(db, project.id, 10)
    suspects.dismiss(db, project.id, one.id, people[-1], NOON)
    with pytest.raises(ChangedMeanwhile):
        suspects.send_back(db, project.id, one.id, 1, people[-1], NOON)
    assert db.execute("SELECT count(*) FROM second_looks").fetchone()[0] == 0
    with pytest.raises(NotFound):
        suspects.dismiss(db, project.id, 999, people[-1], NOON)


def test_settled_and_left_out_reviews_do_not_wait(
    db: Database, project: Project, reviews: list[int], people: list[int]
) -> None:
    suspects.replace(db, project.id, [found(project, review) for review in reviews[:3]], NOON)
    adjudications.decide(db, reviews[0], project.labels[0].id, people[-1], "", NOON)
    db["reviews"].update(reviews[1], {"excluded_at": "2026-03-01"})
    assert waiting(db, project) == [reviews[2]] and suspects.count_waiting(db, project.id) == 1
