"""Suspects: labels that are likely wrong, and what an admin decided about each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from webapp.store import audit, second_looks, work
from webapp.store.connection import timestamp, write_transaction
from webapp.store.errors import ChangedMeanwhile, NotFound

CHUNK = 500


@dataclass(frozen=True)
class FoundSuspect:
    """What the learner found; label ids, `score` from 0 to 1."""

    review_id: int
    label_id: int
    suggested_id: int
    star_id: int | None
    score: float


@dataclass(frozen=True)
class Suspect:
    """A review with the three voices: people, model, stars (None where they say nothing); labels by id."""

    id: int
    review_id: int
    text: str
    language: str | None
    rating: float | None
    label_id: int
    suggested_id: int
    star_id: int | None
    score: float
    method: str | None
    votes: int | None


# Settled or left-out reviews need no decision, whatever the last job found.
_OPEN = (
    " FROM suspects s JOIN reviews r ON r.id = s.review_id WHERE s.project_id = ? AND s.state = 'open'"
    " AND r.excluded_at IS NULL AND NOT EXISTS (SELECT 1 FROM adjudications d WHERE d.review_id = s.review_id)"
)


def replace(
    db: Database,
    project_id: int,
    found: Sequence[FoundSuspect],
    now: datetime,
    claim: work.Claim | None = None,
) -> None:
    """Store what was found; fenced where there is a claim.

    A decision holds as long as the review keeps the label that it was about, and a settled review is found only if
    that was taken back; suspects without a decision that were not found again are forgotten.
    """
    rows = [
        (
            project_id,
            each.review_id,
            each.label_id,
            each.suggested_id,
            each.star_id,
            each.score,
            timestamp(now),
        )
        for each in found
    ]
    with write_transaction(db):
        if claim is not None:
            work.check(db, claim)
        db.execute("DELETE FROM suspects WHERE project_id = ? AND state = 'open'", [project_id])
        db.conn.executemany(
            "INSERT INTO suspects (project_id, review_id, label_id, suggested_id, star_id, score, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (project_id, review_id) DO UPDATE SET"
            " label_id = excluded.label_id, suggested_id = excluded.suggested_id, star_id = excluded.star_id,"
            " score = excluded.score, created_at = excluded.created_at, state = 'open', decided_by = NULL,"
            " decided_at = NULL WHERE suspects.label_id <> excluded.label_id OR suspects.state = 'adjudicated'",
            rows,
        )


def waiting(db: Database, project_id: int, limit: int, offset: int = 0) -> list[Suspect]:
    """Those without a decision: first where the stars side with the model, then the likeliest errors."""
    rows = db.execute(
        "SELECT s.id, s.review_id, r.text, r.language, r.rating, s.label_id, s.suggested_id, s.star_id, s.score,"
        " (SELECT method FROM consensus c WHERE c.review_id = s.review_id),"
        f" (SELECT votes FROM consensus c WHERE c.review_id = s.review_id) {_OPEN}"
        " ORDER BY s.star_id IS s.suggested_id DESC, s.score DESC, s.id LIMIT ? OFFSET ?",
        [project_id, limit, offset],
    )
    return [Suspect(*tuple(row)) for row in rows]


def count_waiting(db: Database, project_id: int) -> int:
    """How many have no decision yet."""
    return int(db.execute(f"SELECT count(*) {_OPEN}", [project_id]).fetchone()[0])


def decided(db: Database, project_id: int) -> dict[str, int]:
    """How many were dismissed, sent back or settled."""
    rows = db.execute(
        "SELECT state, count(*) FROM suspects WHERE project_id = ? AND state <> 'open' GROUP BY state",
        [project_id],
    )
    return {row[0]: row[1] for row in rows}


def dismiss(db: Database, project_id: int, suspect_id: int, by: int, now: datetime) -> int:
    """The label is right; it is not doubted again while it stays. Returns the review's id."""
    with write_transaction(db):
        review_id = _decide(db, project_id, suspect_id, "dismissed", by, now)
        audit.log(db, by, "suspect.dismiss", f"review:{review_id}", now)
    return review_id


def send_back(db: Database, project_id: int, suspect_id: int, labels: int, by: int, now: datetime) -> int:
    """Let that many more people say, before the ranking. Returns the review's id."""
    with write_transaction(db):
        review_id = _decide(db, project_id, suspect_id, "sent-back", by, now)
        second_looks.request(db, project_id, review_id, labels, by, now)
    return review_id


def _decide(db: Database, project_id: int, suspect_id: int, state: str, by: int, now: datetime) -> int:
    row = db.execute(
        "UPDATE suspects SET state = ?, decided_by = ?, decided_at = ? WHERE id = ? AND project_id = ?"
        " AND state = 'open' RETURNING review_id",
        [state, by, timestamp(now), suspect_id, project_id],
    ).fetchone()
    if row is not None:
        return int(row["review_id"])
    known = db.execute(
        "SELECT 1 FROM suspects WHERE id = ? AND project_id = ?", [suspect_id, project_id]
    ).fetchone()
    if known is None:
        raise NotFound("This suspect is no longer on the list.")
    raise ChangedMeanwhile("Somebody has decided about this one already. Reload the page.")
