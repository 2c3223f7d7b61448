"""Each filter finds its reviews and no others; together they narrow."""

from collections.abc import Callable

import pytest
from builders import a_parsed_review
from conftest import NOON
from sqlite_utils import Database

from webapp.store import annotations, browse, insertion, jobs, projects, queue
from webapp.store.annotations import Answer
from webapp.store.connection import write_transaction
from webapp.store.filters import STATES, Filters
from webapp.store.projects import Project, ProjectSettings
from webapp.store.queue import Lease

from .conftest import add_reviews

TEXTS = ("first", "second", "third")


@pytest.fixture
def project(db: Database) -> Project:
    """Three reviews that differ in all that a file says of them."""
    settings = ProjectSettings(overlap_share=1, overlap_labels=2, holdout_size=0, validation_size=0)
    project = projects.create(db, "Phones", settings=settings)
    job = jobs.create(db, project.id, "import", {}, None, NOON)
    rows = [
        a_parsed_review(
            row,
            text,
            rating=row + 1.5,
            category=("phones", "cases")[row % 2],
            product_id=f"p{row}",
            reviewed_at=f"2026-01-0{row + 1}T10:00:00Z",
        )
        for row, text in enumerate(TEXTS)
    ]
    insertion.insert_batch(db, project, job.id, insertion.with_hashes(rows), None, NOON)
    insertion.open_import(db, project, job.id)
    db.execute("UPDATE reviews SET language = 'zh' WHERE text = 'third'")
    return project


@pytest.fixture
def answer(db: Database, project: Project) -> Callable[..., int]:
    """answer(user_id, "first", label=0), answer(user_id, "first", Answer("skip")): the review's id."""

    def give(user_id: int, text: str, given: Answer | None = None, label: int = 0) -> int:
        review_id = int(db.execute("SELECT id FROM reviews WHERE text = ?", [text]).fetchone()[0])
        lease = queue.claim_review(db, project.id, user_id, review_id, NOON)
        assert isinstance(lease, Lease)
        given = given or Answer("label", project.labels[label].id)
        annotations.record(db, lease.token, user_id, given, NOON)
        return review_id

    return give


def texts(db: Database, project: Project, **wanted: object) -> list[str]:
    """What the list shows; the count agrees with it."""
    filters = Filters(**wanted)  # type: ignore[arg-type]
    found = [each.text for each in browse.find(db, project.id, filters)]
    assert (
        browse.count(db, project.id, filters, 100) == len(found) == len(browse.ids(db, project.id, filters))
    )
    return found


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"category": "phones"}, ["first", "third"]),
        ({"product": "p1"}, ["second"]),
        ({"stars_from": 2.5}, ["second", "third"]),
        ({"stars_to": 2.5}, ["first", "second"]),
        ({"stars_from": 2, "stars_to": 3}, ["second"]),
        ({"since": "2026-01-02"}, ["second", "third"]),
        ({"until": "2026-01-02"}, ["first", "second"]),
        ({"language": "zh"}, ["third"]),
        ({"language": "en"}, ["first", "second"]),
        ({"import_id": 1}, list(TEXTS)),
        ({"import_id": 2}, []),
        ({"category": "phones", "text": "fir"}, ["first"]),
    ],
)
def test_what_the_file_said(
    db: Database, project: Project, wanted: dict[str, object], found: list[str]
) -> None:
    assert texts(db, project, **wanted) == found


def test_who_answered_what(
    db: Database, project: Project, people: list[int], answer: Callable[..., int]
) -> None:
    ada, ben = people[:2]
    answer(ada, "first", label=0)
    answer(ben, "first", label=2)
    answer(ben, "second", label=0)
    negative = project.labels[0].id
    assert texts(db, project, annotator_id=ben) == ["first", "second"]
    assert texts(db, project, label_id=negative) == ["first", "second"]
    assert texts(db, project, annotator_id=ben, label_id=negative) == ["second"]


def test_notes_and_reasons(
    db: Database, project: Project, people: list[int], answer: Callable[..., int]
) -> None:
    answer(people[0], "first", Answer("skip", reason="mixed", note="Two Products"))
    answer(people[0], "second", Answer("flag", note="spam"))
    assert texts(db, project, note="two prod") == ["first"]
    assert texts(db, project, state="noted") == ["first", "second"]
    assert texts(db, project, reason="mixed") == ["first"]
    assert texts(db, project, reason="unclear") == []
    assert texts(db, project, state="skipped") == ["first"]
    assert texts(db, project, state="flagged") == ["second"]


def test_quarrels_until_they_are_settled(
    db: Database, project: Project, people: list[int], answer: Callable[..., int]
) -> None:
    answer(people[0], "first", label=0)
    review_id = answer(people[1], "first", label=1)
    answer(people[0], "second", label=1)
    assert texts(db, project, state="disagreed") == texts(db, project, state="unsettled") == ["first"]
    with write_transaction(db):
        db.execute(
            "INSERT INTO adjudications (review_id, label_id, decided_by, created_at) VALUES (?, ?, ?, '')",
            [review_id, project.labels[0].id, people[3]],
        )
    assert texts(db, project, state="settled") == texts(db, project, state="disagreed") == ["first"]
    assert texts(db, project, state="unsettled") == []


def test_left_out_and_suspect(db: Database, project: Project) -> None:
    with write_transaction(db):
        db.execute("UPDATE reviews SET excluded_at = '2026-01-01' WHERE text = 'first'")
        db.execute(
            "INSERT INTO suspects (project_id, review_id, label_id, suggested_id, score, created_at)"
            " SELECT project_id, id, 1, 2, 0.1, '' FROM reviews WHERE text = 'second'"
        )
    assert texts(db, project, state="left-out") == ["first"]
    assert texts(db, project, state="suspect") == ["second"]


@pytest.mark.parametrize("state", STATES)
def test_another_projects_reviews_never_show(db: Database, project: Project, state: str) -> None:
    other = projects.create(db, "Books")
    assert texts(db, other, state=state) == []


def test_neighbours_stay_inside_the_filters(db: Database, project: Project) -> None:
    first, second, third = browse.ids(db, project.id, Filters())
    assert browse.neighbours(db, project.id, Filters(), second) == browse.Neighbours(first, third)
    phones = Filters(category="phones")
    assert browse.neighbours(db, project.id, phones, first) == browse.Neighbours(None, third)
    assert browse.neighbours(db, project.id, phones, second) == browse.Neighbours(first, third)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("100%", ["100% good"]),
        ("item_no", ["Item_No 5"]),
        ("___", ["fill in: ___"]),
        ("%", ["100% good"]),
        ("LASTED", ["lasted 100 days"]),
        ("\\", [r"C:\new"]),
        (r":\n", [r"C:\new"]),
        ("Größe", ["Größe M"]),
        ("很好用", ["手机很好用"]),
    ],
)
def test_the_searched_text_is_taken_letter_by_letter(
    db: Database, a_project: Callable[..., Project], typed: str, found: list[str]
) -> None:
    project = a_project(0)
    given = (
        "lasted 100 days", "100% good", "item no 5", "Item_No 5", "fill in: ___", r"C:\new", "Größe M", "手机很好用"
    )  # fmt: skip
    add_reviews(db, project, list(given))
    assert texts(db, project, text=typed) == found
