"""Somebody who reads slowly holds up no checkpoint: the write-ahead log stays short beside an export (D08)."""

from collections.abc import Iterator

import pytest
from builders import NOON, a_parsed_review, a_project, the_user
from sqlite_utils import Database
from visitor import Browser

from webapp.instance import Instance
from webapp.store import health, insertion, jobs
from webapp.store.connection import write_transaction
from webapp.store.projects import Project

LABELLED = 6_000
WRITES_MB, LONGEST_LOG_MB = 30, 12


@pytest.fixture
def labelled(web_db: Database, admin: Browser) -> Project:
    """A project with more labels than an export reads at once."""
    project = a_project(web_db, size=1)
    job = jobs.create(web_db, project.id, "import", {}, None, NOON)
    rows = [a_parsed_review(row, f"a labelled text {row}", label="neutral") for row in range(LABELLED)]
    for start in range(0, LABELLED, 1_000):
        batch = insertion.with_hashes(rows[start : start + 1_000])
        insertion.insert_batch(web_db, project, job.id, batch, the_user(admin).id, NOON)
    return project


def some_megabytes(db: Database, megabytes: int) -> None:
    """Commits of 100 kB, as annotators and worker make them all day."""
    for _ in range(10 * megabytes):
        with write_transaction(db):
            db.execute("INSERT INTO login_failures (name, address, at) VALUES ('a', ?, 'c')", ["x" * 100_000])


@pytest.mark.parametrize(
    "address", ["exports/labels.csv", "exports/labels.jsonl", "reviews/bulk/labels.csv?scope=all"]
)
def test_the_log_stays_short_while_an_export_is_read_slowly(
    web_instance: Instance, web_db: Database, admin: Browser, labelled: Project, address: str
) -> None:
    answered = admin.get(f"/projects/{labelled.id}/{address}")
    assert answered.status_code == 200
    pieces: Iterator[bytes] = iter(answered.iter_encoded())
    read = [next(pieces), next(pieces)]
    some_megabytes(web_db, WRITES_MB // 2)
    read.append(next(pieces))
    some_megabytes(web_db, WRITES_MB // 2)
    assert health.wal_bytes(web_instance.database) < LONGEST_LOG_MB * 1_000_000
    read += pieces
    assert b"".join(read).count(b"a labelled text") == LABELLED


def test_a_reader_that_stays_in_one_transaction_would_hold_it_up(
    web_instance: Instance, web_db: Database, labelled: Project
) -> None:
    """What the test above would see of an export that reads in one go."""
    from webapp.store.connection import open_database

    reader = open_database(web_instance.database)
    cursor = reader.execute("SELECT * FROM reviews")
    cursor.fetchone()
    some_megabytes(web_db, WRITES_MB // 2)
    assert health.wal_bytes(web_instance.database) > LONGEST_LOG_MB * 1_000_000
    reader.close()
