"""A migrated database per test, a clock that stands still, and a small project in it."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlite_utils import Database

import migrations
from webapp.importing import ParsedReview
from webapp.store import annotations, insertion, jobs, my_answers, projects, queue, users
from webapp.store.annotations import Answer
from webapp.store.connection import open_database, write_transaction
from webapp.store.projects import Project, ProjectSettings
from webapp.store.queue import Lease

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    path = tmp_path / "winnow.sqlite"
    database = open_database(path, create=True)
    migrations.apply(database)
    database.close()
    return path


@pytest.fixture
def db(db_path: Path) -> Iterator[Database]:
    database = open_database(db_path)
    yield database
    database.close()


@pytest.fixture
def people(db: Database) -> list[int]:
    """Ids of three annotators, and last of an admin."""
    roles = {"ada": "annotator", "ben": "annotator", "cyd": "annotator", "root": "admin"}
    return [users.add(db, name, "hash", role).id for name, role in roles.items()]


@pytest.fixture
def a_project(db: Database, people: list[int]) -> Callable[..., Project]:
    """Build a project of `size` reviews, all in the pool unless settings say otherwise."""

    def build(size: int = 10, labelled: dict[int, str] | None = None, **settings: object) -> Project:
        quiet = {"overlap_share": 0.0, "holdout_size": 0, "validation_size": 0, **settings}
        project = projects.create(db, f"project {size}", settings=ProjectSettings(**quiet))  # type: ignore[arg-type]
        texts = [f"review number {number}" for number in range(size)]
        add_reviews(db, project, texts, labelled or {}, by=people[-1])
        return project

    return build


def add_reviews(
    db: Database,
    project: Project,
    texts: list[str],
    labels: dict[int, str] | None = None,
    by: int | None = None,
) -> insertion.BatchOutcome:
    """Import texts the way the worker does."""
    job = jobs.create(db, project.id, "import", {}, by, NOON)
    batch = [a_parsed_review(row, text, (labels or {}).get(row)) for row, text in enumerate(texts)]
    outcome = insertion.insert_batch(
        db, project, job.id, insertion.with_hashes(batch), by if labels else None, NOON
    )
    insertion.open_import(db, project, job.id)
    return outcome


def a_parsed_review(row: int, text: str, label: str | None = None, **columns: object) -> ParsedReview:
    values: dict[str, object] = dict.fromkeys(
        ("external_id", "rating", "product_id", "author_id", "reviewed_at", "category", "part")
    )
    return ParsedReview(row=row, text=text, label=label, extra={}, notes=(), **{**values, **columns})  # type: ignore[arg-type]


def settle(db: Database, review_id: int, label_id: int, by: int) -> None:
    db.execute(
        "INSERT INTO adjudications (review_id, label_id, decided_by, reason, created_at)"
        " VALUES (?, ?, ?, 'because', '')",
        [review_id, label_id, by],
    )


@pytest.fixture
def labelled_project(db: Database, a_project: Callable[..., Project], people: list[int]) -> Project:
    """Thirty reviews, each labelled at random by two people, some skipped, some withdrawn, five settled."""
    made = a_project(30, overlap_share=1.0, overlap_labels=2)
    draw = random.Random(7)
    with write_transaction(db):  # one commit, not sixty
        for _ in range(30):
            for user in people[:2]:
                lease = queue.claim(db, made.id, user, NOON)
                if isinstance(lease, Lease):
                    label = draw.choice(made.labels)
                    answer = (
                        Answer("skip")
                        if draw.random() < 0.1
                        else Answer("label", label.id, f"note {draw.random()}", 3.5)
                    )
                    annotations.record(db, lease.token, user, answer, NOON)
        for user in people[:2]:
            annotations.undo(db, my_answers.find(db, made.id, user)[0].id, user, NOON)
        for review_id in range(1, 6):
            for label in draw.sample(made.labels, 2):
                settle(db, review_id, label.id, people[-1])
    db.execute("UPDATE jobs SET state = 'done'")  # nothing runs any more
    return made
