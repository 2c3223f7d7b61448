"""Take reviews out of the database for good, with everything that hangs on them."""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import parse_qsl

from sqlite_utils import Database

from webapp.store import erasures, insertion, projects
from webapp.store.connection import timestamp, write_transaction

CHUNK = 200
# A saved search this long quotes a review; a shorter one may be anybody's word.
QUOTED = 20


@contextmanager
def overwriting(db: Database) -> Generator[None, None, None]:
    """What is deleted or replaced in this block is overwritten with zeros."""
    db.execute("PRAGMA secure_delete = ON").fetchall()
    try:
        yield
    finally:
        db.execute("PRAGMA secure_delete = OFF").fetchall()


def erase(db: Database, erasure_id: int, review_ids: Sequence[int], now: datetime) -> None:
    """Erase some reviews, mark the model versions that saw them, and count; one transaction."""
    ids = json.dumps(list(review_ids))
    with write_transaction(db):
        found = db.execute(
            "SELECT id, project_id, text, original FROM reviews WHERE id IN (SELECT value FROM json_each(?))",
            [ids],
        ).fetchall()
        affected = sorted({row["project_id"] for row in found})
        # In this transaction, so that nothing that read the texts before can publish after it.
        erasures.put_running_work_back(db, affected)
        versions = erasures.versions_that_saw(db, review_ids)
        erasures.add(db, erasure_id, len(found), erasures.annotation_count(db, review_ids), versions)
        db.execute(
            "UPDATE model_versions SET stale_since = coalesce(stale_since, ?)"
            " WHERE id IN (SELECT value FROM json_each(?))",
            [timestamp(now), json.dumps(versions)],
        )
        texts = [text for row in found for text in (row["text"], row["original"]) if text]
        _forget_quotes(db, texts)
        _keep_the_counts(db, ids)
        heirs = _name_heirs(db, ids)
        _delete(db, ids)
        for project_id in affected:
            insertion.want_labels(db, projects.get(db, project_id), heirs.get(project_id, []))


def forget_categories(db: Database) -> None:
    """Imports keep counts by category: one that no review has any more may have been in the erased ones' words."""
    with write_transaction(db):
        counted = db.execute(
            "SELECT id, project_id, result FROM jobs WHERE kind = 'import' AND result ->> '$.categories' <> '{}'"
        ).fetchall()
        left = {
            project_id: _categories(db, project_id) for project_id in {row["project_id"] for row in counted}
        }
        for row in counted:
            result = json.loads(row["result"])
            kept = {name: n for name, n in result["categories"].items() if name in left[row["project_id"]]}
            if kept != result["categories"]:
                result["categories"] = kept
                db.execute("UPDATE jobs SET result = ? WHERE id = ?", [json.dumps(result), row["id"]])


def _categories(db: Database, project_id: int) -> set[str]:
    rows = db.execute(
        "SELECT DISTINCT coalesce(category, '') FROM reviews WHERE project_id = ?", [project_id]
    )
    return {row[0] for row in rows}


def _delete(db: Database, ids: str) -> None:
    # The index of words keeps deleted entries until it is merged, unless told not to; a trigger deletes them.
    db.execute("INSERT INTO reviews_fts (reviews_fts, rank) VALUES ('secure-delete', 1)")
    # Leases, answers, decisions, predictions, places in rankings and the rest go with their review.
    db.execute("DELETE FROM reviews WHERE id IN (SELECT value FROM json_each(?))", [ids])


def _keep_the_counts(db: Database, ids: str) -> None:
    """The counts that are kept beside the rows: reviews of a project, and the log that only an erasure shortens."""
    for table, column, key, counted in (
        ("projects", "review_count", "id", "reviews c WHERE c.id"),
        ("annotation_counts", "annotations", "project_id", "annotations c WHERE c.review_id"),
    ):
        db.execute(
            f"UPDATE {table} SET {column} = max(0, {column} - (SELECT count(*) FROM {counted} IN"
            f" (SELECT value FROM json_each(?)) AND c.project_id = {table}.{key}))",
            [ids],
        )


def _name_heirs(db: Database, ids: str) -> dict[int, list[int]]:
    """Near-duplicates by others stay: the first of each group stands in the original's place. Heirs by project."""
    rows = db.execute(
        "SELECT near_duplicate_of AS original, min(id) AS heir, project_id FROM reviews"
        " WHERE near_duplicate_of IN (SELECT value FROM json_each(:ids))"
        " AND id NOT IN (SELECT value FROM json_each(:ids)) GROUP BY near_duplicate_of",
        {"ids": ids},
    ).fetchall()
    heirs: dict[int, list[int]] = {}
    for row in rows:
        db.execute(
            "UPDATE reviews SET near_duplicate_of = nullif(?, id) WHERE near_duplicate_of = ?",
            [row["heir"], row["original"]],
        )
        heirs.setdefault(row["project_id"], []).append(row["heir"])
    return heirs


def _forget_quotes(db: Database, texts: Sequence[str]) -> None:
    """Stored answers of the API and saved searches may quote a text."""
    spoken = {
        form
        for text in texts
        for form in (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
    }
    answers = db.execute("SELECT token_id, key, body FROM idempotency_keys WHERE body IS NOT NULL").fetchall()
    for row in answers:
        if any(form in row["body"] for form in spoken):
            db.execute(
                "DELETE FROM idempotency_keys WHERE token_id = ? AND key = ?", [row["token_id"], row["key"]]
            )
    for row in db.execute("SELECT id, query FROM saved_views").fetchall():
        sought = [value for _, value in parse_qsl(row["query"]) if len(value) >= QUOTED]
        if any(value in text for value in sought for text in texts):
            db.execute("DELETE FROM saved_views WHERE id = ?", [row["id"]])
