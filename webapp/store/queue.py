"""Leases: one person's claims on the next reviews, which expire."""

import random
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from webapp.store import candidates, projects
from webapp.store.candidates import QueueEmpty
from webapp.store.connection import from_timestamp, timestamp, write_transaction
from webapp.store.errors import LeaseExpired, LeaseNotYours
from webapp.store.projects import Project

__all__ = ["Lease", "QueueEmpty"]

# What measures must not be swayed by what it measures.
ALWAYS_BLIND = ("holdout", "validation", "gold")
# How leases end that no page brings back to life: by the answer, or by an admin. Others may have left with a page that
# comes back (released) or have run out (expired).
FOR_GOOD = ("answered", "recalled")


@dataclass(frozen=True)
class Lease:
    """One person's claim on one review, until `expires_at` (UTC).

    suggestion_id and confidence: what the serving model says, on screen only where shown is "suggestion".
    """

    token: str
    project_id: int
    review_id: int
    text: str
    language: str
    external_id: str | None
    origin: str
    expires_at: datetime
    shown: str
    suggestion_id: int | None
    confidence: float | None
    guidelines_id: int | None


def claim(db: Database, project_id: int, user_id: int, now: datetime) -> Lease | QueueEmpty:
    """The review on top of what this person holds, else the best free one, leased to them."""
    found = claim_ahead(db, project_id, user_id, 1, now)
    return found if isinstance(found, QueueEmpty) else found[0]


def claim_ahead(
    db: Database, project_id: int, user_id: int, count: int, now: datetime
) -> list[Lease] | QueueEmpty:
    """All that this person holds, in order, topped up to `count` reviews (the one on screen and `settings.ahead`).

    Every lease gets a new term. QueueEmpty only where there is none at all.
    """
    project = projects.get(db, project_id)
    until = _end_of_term(project, now)
    with write_transaction(db):
        expire(db, project, now)
        tokens = _held_tokens(db, project_id, user_id)
        db.execute(
            "UPDATE leases SET expires_at = ? WHERE user_id = ? AND project_id = ? AND ended IS NULL",
            [timestamp(until), user_id, project_id],
        )
        while len(tokens) < min(count, 1 + project.settings.ahead) and not project.paused_at:
            best = candidates.best(db, project_id, user_id, now)
            if best is None:
                break
            tokens.append(_lease(db, project, user_id, best, now))
        if not tokens:
            if project.paused_at:
                return QueueEmpty("paused")
            return candidates.why_empty(db, project_id, user_id, now)
    return [by_token(db, token) for token in tokens]


def claim_review(db: Database, project_id: int, user_id: int, review_id: int, now: datetime) -> Lease | None:
    """Lease this very review on top, as after an undo; None where others give it all the labels it wants."""
    project = projects.get(db, project_id)
    with write_transaction(db):
        expire(db, project, now)
        row = db.execute(
            "SELECT r.id, coalesce(a.origin, 'audit') AS origin, a.probability, a.ranking_id FROM reviews r"
            " LEFT JOIN annotations a ON a.id = (SELECT max(id) FROM annotations WHERE review_id = r.id"
            " AND annotator_id = ? AND action <> 'undo') WHERE r.id = ?",
            [user_id, review_id],
        ).fetchone()
        if not candidates.has_room(db, project_id, user_id, review_id, row["origin"], now):
            return None
        token = _lease(db, project, user_id, row, now, on_top=True)
        # What was fetched last makes room for the one taken back.
        for surplus in _held_tokens(db, project_id, user_id)[1 + project.settings.ahead :]:
            release(db, surplus, user_id)
    return by_token(db, token)


def current(db: Database, project_id: int, user_id: int, now: datetime) -> Lease | None:
    """The review on top of what this person holds; reads only."""
    return next(iter(held(db, project_id, user_id, now)), None)


def held(db: Database, project_id: int, user_id: int, now: datetime) -> list[Lease]:
    """The live leases of this person, in the order in which they see them; reads only."""
    rows = db.execute(f"{_LIVE} AND expires_at > ? ORDER BY turn", [user_id, project_id, timestamp(now)])
    return [by_token(db, row["token"]) for row in rows.fetchall()]


def by_token(db: Database, token: str) -> Lease:
    """The lease of that token, live or not; LeaseExpired when it is unknown."""
    row = db.execute(
        "SELECT l.token, l.project_id, l.review_id, r.text, coalesce(r.language, p.language) AS language,"
        " r.external_id, l.origin, l.expires_at, l.shown, l.suggestion_id, l.confidence, l.guidelines_id"
        " FROM leases l JOIN reviews r ON r.id = l.review_id JOIN projects p ON p.id = l.project_id"
        " WHERE l.token = ?",
        [token],
    ).fetchone()
    if row is None:
        raise LeaseExpired("This review is no longer yours. Take the next one.")
    values = dict(zip(row.keys(), row, strict=True))
    return Lease(**{**values, "expires_at": from_timestamp(row["expires_at"])})


def renew(db: Database, token: str, user_id: int, now: datetime) -> datetime:
    """Keep a lease for another term; one that lapsed comes back to life while nobody else took its place.

    LeaseExpired when it was answered, when an admin took the review back, when this person has a newer lease on it or
    is assigned to others, or when others give it all the labels it wants.
    """
    with write_transaction(db):
        lease = owned(db, token, user_id)
        project = projects.get(db, lease["project_id"])
        until = _end_of_term(project, now)
        if lease["ended"] is not None or from_timestamp(lease["expires_at"]) <= now:
            if lease["ended"] in FOR_GOOD:
                raise LeaseExpired("This review is no longer yours. Take the next one.")
            expire(db, project, now)
            if not candidates.has_room(db, project.id, user_id, lease["review_id"], lease["origin"], now):
                raise LeaseExpired("This review was open too long and went back to the queue.")
        db.execute(
            "UPDATE leases SET expires_at = ?, ended = NULL WHERE token = ?", [timestamp(until), token]
        )
    return until


def release(db: Database, token: str, user_id: int) -> None:
    """Give the review back to the queue at once; a lease that ended stays as it is."""
    with write_transaction(db):
        owned(db, token, user_id)
        db.execute("UPDATE leases SET ended = 'released' WHERE token = ? AND ended IS NULL", [token])


def recall_review(db: Database, review_id: int) -> None:
    """Take a review back from whoever holds it, as when an admin decides on it."""
    with write_transaction(db):
        db.execute("UPDATE leases SET ended = 'recalled' WHERE review_id = ? AND ended IS NULL", [review_id])


def owned(db: Database, token: str, user_id: int) -> Any:
    """The lease's row, if it is this person's; LeaseExpired or LeaseNotYours otherwise."""
    row = db.execute("SELECT * FROM leases WHERE token = ?", [token]).fetchone()
    if row is None:
        raise LeaseExpired("This review is no longer yours. Take the next one.")
    if row["user_id"] != user_id:
        raise LeaseNotYours("This review was given to somebody else.")
    return row


def end_answered(db: Database, review_id: int, user_id: int, token: str | None) -> None:
    """Close the lease that was answered, and whatever else this person holds of the review."""
    db.execute(
        "UPDATE leases SET ended = CASE token WHEN :token THEN 'answered' ELSE 'released' END"
        " WHERE token = :token OR (review_id = :review AND user_id = :user AND ended IS NULL)",
        {"token": token, "review": review_id, "user": user_id},
    )


def expire(db: Database, project: Project, now: datetime) -> None:
    """End what ran out; after the clock was set back, what is held ends a term from now, not some day."""
    db.execute(
        "UPDATE leases SET ended = 'expired' WHERE ended IS NULL AND expires_at <= ?", [timestamp(now)]
    )
    db.execute(
        "UPDATE leases SET expires_at = :until WHERE ended IS NULL AND expires_at > :until AND project_id = :project",
        {"until": timestamp(_end_of_term(project, now)), "project": project.id},
    )


def others_on(db: Database, review_id: int, user_id: int, now: datetime) -> int:
    """How many other people hold this review now."""
    return int(
        db.execute(
            "SELECT count(*) FROM leases WHERE review_id = ? AND user_id <> ? AND ended IS NULL AND expires_at > ?",
            [review_id, user_id, timestamp(now)],
        ).fetchone()[0]
    )


_LIVE = "SELECT token, turn FROM leases WHERE user_id = ? AND project_id = ? AND ended IS NULL"


def _held_tokens(db: Database, project_id: int, user_id: int) -> list[str]:
    return [row["token"] for row in db.execute(f"{_LIVE} ORDER BY turn", [user_id, project_id])]


def _lease(
    db: Database, project: Project, user_id: int, review: Any, now: datetime, on_top: bool = False
) -> str:
    token = secrets.token_urlsafe(24)
    turns = [row["turn"] for row in db.execute(_LIVE, [user_id, project.id])]
    turn = min(turns, default=0) - 1 if on_top else max(turns, default=0) + 1
    suggestion_id, confidence = _suggestion(db, project, review["id"])
    seen = suggestion_id is not None and review["origin"] not in ALWAYS_BLIND and _shows(project)
    row = {
        "token": token,
        "project_id": project.id,
        "review_id": review["id"],
        "user_id": user_id,
        "ranking_id": review["ranking_id"],
        "origin": review["origin"],
        "probability": review["probability"],
        "created_at": timestamp(now),
        "expires_at": timestamp(_end_of_term(project, now)),
        "turn": turn,
        "suggestion_id": suggestion_id,
        "confidence": confidence,
        "shown": "suggestion" if seen else "blind",
    }
    db.execute(
        f"INSERT INTO leases ({', '.join(row)}, guidelines_id) VALUES ({', '.join('?' * len(row))},"
        " (SELECT id FROM guidelines WHERE project_id = ? ORDER BY number DESC LIMIT 1))",
        [*row.values(), project.id],
    )
    return token


def _suggestion(db: Database, project: Project, review_id: int) -> tuple[int | None, float | None]:
    row = db.execute(
        "SELECT label_id, confidence FROM predictions WHERE model_version_id = ? AND review_id = ?",
        [project.model_version_id, review_id],
    ).fetchone()
    return (row["label_id"], row["confidence"]) if row else (None, None)


def _shows(project: Project) -> bool:
    """Assisted, less the slice that stays blind so that the sway of suggestions can be measured."""
    if project.settings.assistance != "assisted":
        return False
    return random.random() >= project.settings.blind_share  # noqa: S311 - a sample, not a secret


def _end_of_term(project: Project, now: datetime) -> datetime:
    return now + timedelta(minutes=project.settings.lease_minutes)
