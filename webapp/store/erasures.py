"""Erasures: who was erased, kept without saying who, and what an erasure takes out of the database."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlite_utils import Database

from webapp.store import audit
from webapp.store.connection import timestamp, write_transaction
from webapp.store.errors import NotFound

Kind = Literal["customer", "annotator"]


@dataclass(frozen=True)
class Erasure:
    """`subject_key` tells the subject to whoever has the secret key; a `project_id` of None means all projects."""

    id: int
    kind: Kind
    subject_key: bytes
    project_id: int | None
    reviews: int
    annotations: int
    model_versions: list[int]
    requested_by: int | None
    state: str
    created_at: str
    finished_at: str | None


def begin(
    db: Database, kind: Kind, subject_key: bytes, project_id: int | None, by: int | None, now: datetime
) -> Erasure:
    """Note an erasure before anything goes; one that runs for the same subject is gone on with."""
    with write_transaction(db):
        row = db.execute(
            "SELECT * FROM erasures WHERE kind = ? AND subject_key = ? AND project_id IS ? AND state = 'running'",
            [kind, subject_key, project_id],
        ).fetchone()
        if row is None:
            row = db.execute(
                "INSERT INTO erasures (kind, subject_key, project_id, requested_by, state, created_at)"
                " VALUES (?, ?, ?, ?, 'running', ?) RETURNING *",
                [kind, subject_key, project_id, by, timestamp(now)],
            ).fetchone()
            audit.log(db, by, f"erasure.{kind}", f"erasure:{row['id']}", now)
    return _erasure(row)


def get(db: Database, erasure_id: int) -> Erasure:
    """The erasure with that id; NotFound otherwise."""
    row = db.execute("SELECT * FROM erasures WHERE id = ?", [erasure_id]).fetchone()
    if row is None:
        raise NotFound("There is no such erasure.")
    return _erasure(row)


def everything(db: Database) -> list[Erasure]:
    """All erasures, newest first."""
    return [_erasure(row) for row in db.execute("SELECT * FROM erasures ORDER BY id DESC")]


def finish(db: Database, erasure_id: int, now: datetime) -> None:
    """Nothing of the subject is left."""
    with write_transaction(db):
        db.execute(
            "UPDATE erasures SET state = 'done', finished_at = ? WHERE id = ?", [timestamp(now), erasure_id]
        )


def add(db: Database, erasure_id: int, reviews: int, annotations: int, versions: Collection[int]) -> None:
    """Count what has gone; call it in the transaction that lets it go."""
    known = get(db, erasure_id)
    db.execute(
        "UPDATE erasures SET reviews = reviews + ?, annotations = annotations + ?, model_versions = ? WHERE id = ?",
        [reviews, annotations, json.dumps(sorted({*known.model_versions, *versions})), erasure_id],
    )


def erased_customers(db: Database, project_id: int) -> set[bytes]:
    """The keys of customers whose rows no import may bring into this project again."""
    rows = db.execute(
        "SELECT subject_key FROM erasures WHERE kind = 'customer' AND (project_id IS NULL OR project_id = ?)",
        [project_id],
    )
    return {bytes(row["subject_key"]) for row in rows}


def customers(db: Database, project_id: int | None) -> Iterator[str]:
    """Every customer named by a review, of one project or of all."""
    rows = db.execute(
        "SELECT DISTINCT author_id FROM reviews WHERE author_id IS NOT NULL AND project_id = coalesce(?, project_id)",
        [project_id],
    )
    return (row["author_id"] for row in rows.fetchall())


def reviews_of(db: Database, customers: Collection[str], project_id: int | None) -> list[Any]:
    """Id, project and text of the reviews of these customers."""
    return db.execute(
        "SELECT id, project_id, text, text_hash FROM reviews WHERE author_id IN (SELECT value FROM json_each(?))"
        " AND project_id = coalesce(?, project_id) ORDER BY id",
        [json.dumps(list(customers)), project_id],
    ).fetchall()


def is_said_by_others(db: Database, words: str) -> bool:
    """Whether a text that is still there holds these words."""
    return (
        db.execute("SELECT 1 FROM reviews WHERE instr(text, ?) > 0 LIMIT 1", [words]).fetchone() is not None
    )


def text_hashes(db: Database) -> Iterator[bytes]:
    """The hash of every text that any project has."""
    return (bytes(row[0]) for row in db.execute("SELECT text_hash FROM reviews"))


def versions_that_saw(db: Database, review_ids: Sequence[int]) -> list[int]:
    """Model versions that learned from these reviews or were chosen by them; the holdout only measures."""
    rows = db.execute(
        "SELECT v.id FROM annotations a JOIN reviews r ON r.id = a.review_id AND r.part <> 'holdout'"
        " JOIN model_versions v ON v.project_id = a.project_id JOIN rounds n ON n.id = v.round_id"
        " WHERE a.review_id IN (SELECT value FROM json_each(:ids)) AND a.action = 'label' AND a.id <= n.snapshot"
        " AND (a.undone_by IS NULL OR a.undone_by > n.snapshot)"
        " UNION SELECT v.id FROM adjudications d JOIN reviews r ON r.id = d.review_id AND r.part <> 'holdout'"
        " JOIN model_versions v ON v.project_id = r.project_id AND v.created_at >= d.created_at"
        " WHERE d.review_id IN (SELECT value FROM json_each(:ids))"
        # Which stars took part is not kept: any that were there may have.
        " UNION SELECT v.id FROM reviews r JOIN model_versions v ON v.project_id = r.project_id AND v.weak_labels > 0"
        " AND v.created_at >= r.created_at WHERE r.id IN (SELECT value FROM json_each(:ids)) AND r.part = 'pool'"
        " AND r.rating IS NOT NULL ORDER BY 1",
        {"ids": json.dumps(list(review_ids))},
    )
    return [row[0] for row in rows]


def annotation_count(db: Database, review_ids: Sequence[int]) -> int:
    """Answers in the log that these reviews got, withdrawn ones included."""
    return int(
        db.execute(
            "SELECT count(*) FROM annotations WHERE review_id IN (SELECT value FROM json_each(?))",
            [json.dumps(list(review_ids))],
        ).fetchone()[0]
    )


def prediction_count(db: Database, review_ids: Sequence[int]) -> int:
    """What model versions said of these reviews."""
    return int(
        db.execute(
            "SELECT count(*) FROM predictions WHERE review_id IN (SELECT value FROM json_each(?))",
            [json.dumps(list(review_ids))],
        ).fetchone()[0]
    )


def put_running_work_back(db: Database, projects: Collection[int]) -> None:
    """Let rounds and jobs that read these projects' texts begin anew: what they have read is fenced off."""
    marks = json.dumps(sorted(projects))
    for table, only in (("rounds", ""), ("jobs", " AND kind IN ('encode', 'quality', 'simulate')")):
        db.execute(
            f"UPDATE {table} SET state = 'queued', attempts = attempts - 1 WHERE state = 'running'{only}"
            " AND project_id IN (SELECT value FROM json_each(?))",
            [marks],
        )


def _erasure(row: Any) -> Erasure:
    return Erasure(
        row["id"],
        row["kind"],
        bytes(row["subject_key"]),
        row["project_id"],
        row["reviews"],
        row["annotations"],
        json.loads(row["model_versions"]),
        row["requested_by"],
        row["state"],
        row["created_at"],
        row["finished_at"],
    )
