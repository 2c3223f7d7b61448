"""What to label next: leases on reviews, in the order of the published ranking."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from webapp.store import projects
from webapp.store.connection import from_timestamp, timestamp, write_transaction
from webapp.store.errors import LeaseExpired, LeaseNotYours

# Free for a person: the review wants more labels than others are giving it, and this person has not answered it.
FREE = """r.needed > (SELECT count(*) FROM leases l WHERE l.review_id = r.id AND l.ended IS NULL)
    AND NOT EXISTS (SELECT 1 FROM annotations a WHERE a.review_id = r.id AND a.annotator_id = :user
                    AND a.undone_by IS NULL AND a.action <> 'undo')"""
# Tried in turn: the ranking, then the serving model's own uncertainty, then chance.
SOURCES = (
    """SELECT r.id, i.origin, i.probability, i.ranking_id
    FROM projects p JOIN ranking_items i ON i.ranking_id = p.ranking_id JOIN reviews r ON r.id = i.review_id
    WHERE p.id = :project AND {free} ORDER BY i.rank LIMIT 1""",
    """SELECT r.id, 'uncertain' AS origin, NULL AS probability, p.ranking_id
    FROM projects p JOIN predictions d ON d.model_version_id = p.model_version_id JOIN reviews r ON r.id = d.review_id
    WHERE p.id = :project AND r.part = 'pool' AND {free} ORDER BY d.margin LIMIT 1""",
    """SELECT r.id, CASE r.part WHEN 'pool' THEN 'audit' ELSE r.part END AS origin, NULL AS probability,
        NULL AS ranking_id
    FROM reviews r WHERE r.project_id = :project AND r.part = :part AND {free} ORDER BY r.shuffle_key LIMIT 1""",
)


@dataclass(frozen=True)
class Lease:
    """One person's claim on one review, until `expires_at` (UTC)."""

    token: str
    project_id: int
    review_id: int
    text: str
    language: str
    external_id: str | None
    origin: str
    expires_at: datetime


@dataclass(frozen=True)
class QueueEmpty:
    """Why there is nothing to label: no-reviews, all-leased (try again in `retry_after` seconds) or nothing-left."""

    reason: str
    retry_after: int | None = None


def claim(db: Database, project_id: int, user_id: int, now: datetime) -> Lease | QueueEmpty:
    """Lease the best free review to this person, or give back the live lease they hold."""
    minutes = projects.get(db, project_id).settings.lease_minutes
    with write_transaction(db):
        _expire(db, now)
        held = current(db, project_id, user_id, now)
        if held is not None:
            renew(db, held.token, user_id, now)
            return held
        best = _best_free(db, project_id, user_id)
        if best is None:
            return _why_empty(db, project_id, user_id, now)
        token = _lease(db, project_id, user_id, best, now, now + timedelta(minutes=minutes))
    return by_token(db, token)


def claim_review(db: Database, project_id: int, user_id: int, review_id: int, now: datetime) -> Lease | None:
    """Lease this very review, as after an undo; None where others give it all the labels it wants."""
    minutes = projects.get(db, project_id).settings.lease_minutes
    with write_transaction(db):
        _expire(db, now)
        row = db.execute(
            "SELECT r.id, coalesce(a.origin, 'audit') AS origin, a.probability, a.ranking_id FROM reviews r"
            " LEFT JOIN annotations a ON a.id = (SELECT max(id) FROM annotations WHERE review_id = r.id"
            f" AND annotator_id = :user AND action <> 'undo') WHERE r.id = :review AND {FREE}",
            {"user": user_id, "review": review_id},
        ).fetchone()
        if row is None:
            return None
        # The card that was on screen makes room for the one taken back.
        db.execute(
            "UPDATE leases SET ended = 'released' WHERE user_id = ? AND project_id = ? AND ended IS NULL",
            [user_id, project_id],
        )
        token = _lease(db, project_id, user_id, row, now, now + timedelta(minutes=minutes))
    return by_token(db, token)


def current(db: Database, project_id: int, user_id: int, now: datetime) -> Lease | None:
    """The live lease this person holds; reads only."""
    row = db.execute(
        "SELECT token FROM leases WHERE user_id = ? AND project_id = ? AND ended IS NULL AND expires_at > ?"
        " ORDER BY created_at LIMIT 1",
        [user_id, project_id, timestamp(now)],
    ).fetchone()
    return by_token(db, row["token"]) if row else None


def by_token(db: Database, token: str) -> Lease:
    """The lease of that token, live or not; LeaseExpired when it is unknown."""
    row = db.execute(
        "SELECT l.token, l.project_id, l.review_id, l.origin, l.expires_at, r.text, r.external_id,"
        " coalesce(r.language, p.language) AS language FROM leases l JOIN reviews r ON r.id = l.review_id"
        " JOIN projects p ON p.id = l.project_id WHERE l.token = ?",
        [token],
    ).fetchone()
    if row is None:
        raise LeaseExpired("This review is no longer yours. Take the next one.")
    return Lease(
        row["token"],
        row["project_id"],
        row["review_id"],
        row["text"],
        row["language"],
        row["external_id"],
        row["origin"],
        from_timestamp(row["expires_at"]),
    )


def renew(db: Database, token: str, user_id: int, now: datetime) -> datetime:
    """Keep a live lease for another term; LeaseExpired when it ran out."""
    with write_transaction(db):
        lease = owned(db, token, user_id)
        until = now + timedelta(minutes=projects.get(db, lease["project_id"]).settings.lease_minutes)
        if lease["ended"] is not None or from_timestamp(lease["expires_at"]) <= now:
            raise LeaseExpired("This review was open too long and went back to the queue.")
        db.execute("UPDATE leases SET expires_at = ? WHERE token = ?", [timestamp(until), token])
    return until


def release(db: Database, token: str, user_id: int) -> None:
    """Give the review back to the queue at once; a lease that ended stays as it is."""
    with write_transaction(db):
        owned(db, token, user_id)
        db.execute("UPDATE leases SET ended = 'released' WHERE token = ? AND ended IS NULL", [token])


def owned(db: Database, token: str, user_id: int) -> Any:
    """The lease's row, if it is this person's; LeaseExpired or LeaseNotYours otherwise."""
    row = db.execute("SELECT * FROM leases WHERE token = ?", [token]).fetchone()
    if row is None:
        raise LeaseExpired("This review is no longer yours. Take the next one.")
    if row["user_id"] != user_id:
        raise LeaseNotYours("This review was given to somebody else.")
    return row


def end(db: Database, token: str, how: str) -> None:
    """Close a lease as answered, released or expired."""
    db.execute("UPDATE leases SET ended = ? WHERE token = ?", [how, token])


def others_on(db: Database, review_id: int, user_id: int, now: datetime) -> int:
    """How many other people hold this review now."""
    return int(
        db.execute(
            "SELECT count(*) FROM leases WHERE review_id = ? AND user_id <> ? AND ended IS NULL AND expires_at > ?",
            [review_id, user_id, timestamp(now)],
        ).fetchone()[0]
    )


def _best_free(db: Database, project_id: int, user_id: int) -> Any:
    for source in SOURCES:
        parts = ("pool", "holdout", "validation") if ":part" in source else ("",)
        for part in parts:
            row = db.execute(
                source.format(free=FREE), {"project": project_id, "user": user_id, "part": part}
            ).fetchone()
            if row is not None:
                return row
    return None


def _lease(db: Database, project_id: int, user_id: int, review: Any, now: datetime, until: datetime) -> str:
    token = secrets.token_urlsafe(24)
    db.execute(
        "INSERT INTO leases (token, project_id, review_id, user_id, ranking_id, origin, probability, created_at,"
        " expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            token,
            project_id,
            review["id"],
            user_id,
            review["ranking_id"],
            review["origin"],
            review["probability"],
            timestamp(now),
            timestamp(until),
        ],
    )
    return token


def _expire(db: Database, now: datetime) -> None:
    db.execute(
        "UPDATE leases SET ended = 'expired' WHERE ended IS NULL AND expires_at <= ?", [timestamp(now)]
    )


def _why_empty(db: Database, project_id: int, user_id: int, now: datetime) -> QueueEmpty:
    if not db.execute("SELECT 1 FROM reviews WHERE project_id = ? LIMIT 1", [project_id]).fetchone():
        return QueueEmpty("no-reviews")
    frees = db.execute(
        "SELECT min(l.expires_at) FROM leases l JOIN reviews r ON r.id = l.review_id"
        " WHERE l.project_id = :project AND l.ended IS NULL AND r.needed > 0"
        " AND NOT EXISTS (SELECT 1 FROM annotations a WHERE a.review_id = r.id AND a.annotator_id = :user"
        " AND a.undone_by IS NULL AND a.action <> 'undo')",
        {"project": project_id, "user": user_id},
    ).fetchone()[0]
    if frees is None:
        return QueueEmpty("nothing-left")
    return QueueEmpty("all-leased", max(1, int((from_timestamp(frees) - now).total_seconds())))
