"""Cases: reviews that wait for an admin's decision, and those that are settled or left out."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from webapp.store.candidates import SKIPPERS
from webapp.store.connection import timestamp

# Somebody who answered in this time may still take what another person skipped.
ACTIVE = timedelta(days=7)
PAGE = 50
# From here on the number says no more than that there are many.
MANY = 100

# Current answers; the words "action <> 'undo'" bring in their index.
_CURRENT = "a.undone_by IS NULL AND a.action <> 'undo'"
_SINCE_DECISION = f"""(SELECT max(a.created_at) FROM annotations a WHERE a.review_id = r.id AND {_CURRENT} AND {{what}})
    > coalesce((SELECT max(d.created_at) FROM adjudications d WHERE d.review_id = r.id), '')"""
# Which reviews may be a case, and which of those are. What a hidden check answers opens no settled case again.
KINDS = {
    "disagreement": (
        "SELECT id AS review_id FROM reviews WHERE project_id = :project AND disputed",
        f"""r.needed = 0
        AND (SELECT min(a.label_id) < max(a.label_id) FROM annotations a WHERE a.review_id = r.id AND {_CURRENT})
        AND {_SINCE_DECISION.format(what="a.action = 'label' AND a.origin <> 'gold'")}""",
    ),
    "skipped": (
        f"""SELECT a.review_id FROM annotations a
        WHERE a.project_id = :project AND a.action = 'skip' AND a.undone_by IS NULL GROUP BY a.review_id
        HAVING count(*) >= {SKIPPERS} OR (max(a.attempt) > 1 AND NOT EXISTS (SELECT 1 FROM annotations o
            JOIN users u ON u.id = o.annotator_id AND u.disabled_at IS NULL WHERE o.project_id = :project
            AND o.annotator_id <> a.annotator_id AND o.origin <> 'import' AND o.created_at > :active))""",
        "r.needed > 0",
    ),
    "flagged": (
        "SELECT DISTINCT a.review_id FROM annotations a"
        " WHERE a.project_id = :project AND a.action = 'flag' AND a.undone_by IS NULL",
        _SINCE_DECISION.format(what="a.action = 'flag'"),
    ),
}


@dataclass(frozen=True)
class Voice:
    """One person's answer on a case; the letter stands for the name."""

    letter: str
    action: str
    label: str | None
    position: int | None
    reason: str | None
    note: str


@dataclass(frozen=True)
class Settled:
    """A review with its gold label, and how often it was decided."""

    decision_id: int
    review_id: int
    text: str
    label: str
    position: int
    decided_by: str
    reason: str
    created_at: str
    decisions: int


@dataclass(frozen=True)
class LeftOut:
    review_id: int
    text: str
    excluded_at: str
    by: str | None
    reason: str


def waiting(db: Database, project_id: int, now: datetime, at_most: int = MANY) -> int:
    """How many reviews wait for a decision, of whatever kind; none is looked for beyond `at_most`."""
    values = {**_values(project_id, now), "most": at_most}
    found: set[int] = set()
    for kind in KINDS:
        found.update(row["id"] for row in db.execute(f"{_question(kind)} LIMIT :most", values))
        if len(found) >= at_most:
            return at_most
    return len(found)


def counts(db: Database, project_id: int, now: datetime) -> dict[str, int]:
    """Cases by kind, with `settled` and `left-out`."""
    questions = {kind: _question(kind) for kind in KINDS} | {
        # + as in _question: from the decisions to their reviews, not through all reviews of the project.
        "settled": "SELECT DISTINCT d.review_id FROM adjudications d JOIN reviews r ON r.id = d.review_id"
        " WHERE +r.project_id = :project",
        "left-out": "SELECT id FROM reviews WHERE project_id = :project AND excluded_at IS NOT NULL",
    }
    values = _values(project_id, now)
    return {
        kind: int(db.execute(f"SELECT count(*) FROM ({question})", values).fetchone()[0])
        for kind, question in questions.items()
    }


def following(db: Database, project_id: int, kind: str, after_id: int, now: datetime) -> int | None:
    """The review of the next case of that kind; after the last one the first again."""
    values = {**_values(project_id, now), "after": after_id}
    question = f"SELECT id FROM ({_question(kind)}) ORDER BY id <= :after, id LIMIT 1"
    row = db.execute(question, values).fetchone()
    return int(row["id"]) if row else None


def kinds_of(db: Database, project_id: int, review_id: int, now: datetime) -> list[str]:
    """Why this review waits for a decision; empty where it does not."""
    values = {**_values(project_id, now), "review": review_id}
    return [
        kind
        for kind in KINDS
        if db.execute(f"SELECT 1 FROM ({_question(kind)}) WHERE id = :review", values).fetchone()
    ]


def voices(db: Database, review_id: int) -> list[Voice]:
    """What people say of a review now, without their names: in an order that is the same at every look, but tells
    nothing, since each review mixes people anew."""
    rows = db.execute(
        "SELECT a.annotator_id, a.action, l.name AS label, l.position, a.reason, a.note FROM annotations a"
        " LEFT JOIN labels l ON l.id = a.label_id"
        " WHERE a.review_id = ? AND a.action <> 'undo' AND a.undone_by IS NULL",
        [review_id],
    ).fetchall()

    def mixed(row: Any) -> bytes:
        return hashlib.sha256(f"{review_id}:{row['annotator_id']}".encode()).digest()

    return [
        Voice(_letter(place), row["action"], row["label"], row["position"], row["reason"], row["note"])
        for place, row in enumerate(sorted(rows, key=mixed))
    ]


def settled(db: Database, project_id: int, before_id: int | None = None, limit: int = PAGE) -> list[Settled]:
    """Decided reviews with their newest decision, the last one first."""
    rows = db.execute(
        "SELECT d.id, d.review_id, r.text, l.name, l.position, u.name, d.reason, d.created_at,"
        " (SELECT count(*) FROM adjudications n WHERE n.review_id = r.id) FROM adjudications d"
        " JOIN reviews r ON r.id = d.review_id JOIN labels l ON l.id = d.label_id JOIN users u ON u.id = d.decided_by"
        " WHERE r.project_id = ? AND d.id < ?"
        " AND NOT EXISTS (SELECT 1 FROM adjudications n WHERE n.review_id = r.id AND n.id > d.id)"
        " ORDER BY d.id DESC LIMIT ?",
        [project_id, before_id or 2**62, limit],
    )
    return [Settled(*tuple(row)) for row in rows]


def left_out(db: Database, project_id: int, after_id: int = 0, limit: int = PAGE) -> list[LeftOut]:
    """Reviews that an admin left out, one by one or many at once, with who and why."""
    rows = db.execute(
        "SELECT r.id, r.text, r.excluded_at, u.name, coalesce(r.excluded_reason, '') FROM reviews r"
        " LEFT JOIN audit_log g ON g.at = r.excluded_at AND (g.action = 'review.leave_out'"
        "  AND g.subject = 'review:' || r.id OR g.action = 'reviews.leave_out'"
        "  AND g.subject = 'project:' || r.project_id)"
        " LEFT JOIN users u ON u.id = g.user_id"
        " WHERE r.project_id = ? AND r.excluded_at IS NOT NULL AND r.id > ? GROUP BY r.id ORDER BY r.id LIMIT ?",
        [project_id, after_id, limit],
    )
    return [LeftOut(*tuple(row)) for row in rows]


def _question(kind: str) -> str:
    """The ids of all cases of a kind. CROSS JOIN and +: from the few that may be one to their rows, one by one."""
    candidates, condition = KINDS[kind]
    return (
        f"SELECT r.id FROM ({candidates}) c CROSS JOIN reviews r ON r.id = c.review_id"
        f" WHERE +r.project_id = :project AND r.excluded_at IS NULL AND {condition}"
    )


def _values(project_id: int, now: datetime) -> dict[str, object]:
    return {"project": project_id, "active": timestamp(now - ACTIVE)}


def _letter(place: int) -> str:
    return chr(ord("A") + place) if place < 26 else str(place + 1)
