"""Everything that ever happened to one review, from the logs and tables that remember it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlite_utils import Database

from webapp.store import annotations

# What an admin did, by the name it has in the audit log; those of `reviews.` are bulk actions.
ADMIN_ACTIONS = {
    "review.take_back": "unsettled",
    "review.leave_out": "left-out",
    "review.take_back_in": "taken-back-in",
    "review.send_back": "sent-back",
}


@dataclass(frozen=True)
class Event:
    """One thing that happened; `who` is a name, None where nobody in person did it.

    kind: label, skip, flag and undo of an annotator; settled, unsettled, second-look, left-out, taken-back-in and
    sent-back of an admin; suspected (the model finds the label unlikely) and suspect-closed.
    """

    at: str
    kind: str
    who: str | None
    label: str | None = None
    position: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """The label a review has today, and how it came by it: single, majority, dawid-skene or gold."""

    label: str
    position: int
    method: str
    confidence: float
    votes: int


def events(db: Database, review_id: int) -> list[Event]:
    """What happened to a review, oldest first."""
    found = [
        *_answers(db, review_id),
        *_decisions(db, review_id),
        *_second_looks(db, review_id),
        *_admin_actions(db, review_id),
        *_left_out_with_others(db, review_id),
        *_suspicions(db, review_id),
    ]
    return sorted(found, key=lambda event: event.at)


def verdict(db: Database, review_id: int) -> Verdict | None:
    """The consensus that was computed for a review; None where there is none yet."""
    row = db.execute(
        "SELECT l.name, l.position, c.method, c.confidence, c.votes FROM consensus c"
        " JOIN labels l ON l.id = c.label_id WHERE c.review_id = ?",
        [review_id],
    ).fetchone()
    return Verdict(*tuple(row)) if row else None


def _answers(db: Database, review_id: int) -> Iterator[Event]:
    rows = annotations.of_review(db, review_id)
    withdrawn = {row["id"]: row["created_at"] for row in rows}
    names = ("note", "seconds", "reason", "origin", "probability", "shown", "suggestion", "guidelines")
    for row in rows:
        detail = {name: row[name] for name in names}
        detail["withdrawn_at"] = withdrawn.get(row["undone_by"])
        yield Event(row["created_at"], row["action"], row["annotator"], row["label"], row["position"], detail)


def _decisions(db: Database, review_id: int) -> Iterator[Event]:
    rows = db.execute(
        "SELECT d.created_at, u.name AS who, l.name, l.position, d.reason FROM adjudications d"
        " JOIN users u ON u.id = d.decided_by JOIN labels l ON l.id = d.label_id WHERE d.review_id = ?",
        [review_id],
    )
    for row in rows:
        yield Event(
            row["created_at"], "settled", row["who"], row["name"], row["position"], {"note": row["reason"]}
        )


def _second_looks(db: Database, review_id: int) -> Iterator[Event]:
    rows = db.execute(
        "SELECT s.created_at, u.name AS who, s.labels FROM second_looks s"
        " LEFT JOIN users u ON u.id = s.requested_by WHERE s.review_id = ?",
        [review_id],
    )
    for row in rows:
        yield Event(row["created_at"], "second-look", row["who"], detail={"labels": row["labels"]})


def _admin_actions(db: Database, review_id: int) -> Iterator[Event]:
    rows = db.execute(
        "SELECT a.at, a.action, u.name AS who, CASE WHEN r.excluded_at = a.at THEN r.excluded_reason END AS note"
        " FROM audit_log a JOIN reviews r ON r.id = ? LEFT JOIN users u ON u.id = a.user_id WHERE a.subject = ?",
        [review_id, f"review:{review_id}"],
    )
    for row in rows:
        if row["action"] in ADMIN_ACTIONS:
            yield Event(
                row["at"], ADMIN_ACTIONS[row["action"]], row["who"], detail={"note": row["note"] or ""}
            )


def _left_out_with_others(db: Database, review_id: int) -> Iterator[Event]:
    """Left out by a bulk action, which the log holds once for all of its reviews."""
    rows = db.execute(
        "SELECT a.at, u.name AS who FROM reviews r JOIN audit_log a ON a.at = r.excluded_at"
        " AND a.action = 'reviews.leave_out' AND a.subject = 'project:' || r.project_id"
        " LEFT JOIN users u ON u.id = a.user_id WHERE r.id = ?",
        [review_id],
    )
    for row in rows:
        yield Event(row["at"], "left-out", row["who"])


def _suspicions(db: Database, review_id: int) -> Iterator[Event]:
    rows = db.execute(
        "SELECT s.created_at, s.state, s.decided_at, u.name AS who, l.name, l.position FROM suspects s"
        " JOIN labels l ON l.id = s.suggested_id LEFT JOIN users u ON u.id = s.decided_by WHERE s.review_id = ?",
        [review_id],
    )
    for row in rows:
        yield Event(row["created_at"], "suspected", None, row["name"], row["position"])
        if row["decided_at"]:
            yield Event(row["decided_at"], "suspect-closed", row["who"], detail={"state": row["state"]})
