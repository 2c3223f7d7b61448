"""Decisions: an admin settles a review, leaves it out, or gives it to the team again. Answers stay as they are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from webapp.store import audit, queue, reviews
from webapp.store.connection import timestamp, write_transaction
from webapp.store.errors import ChangedMeanwhile, InvalidValue, NothingToUndo, UnknownLabel

REASON_LIMIT = 2_000


@dataclass(frozen=True)
class Decision:
    """The newest decision on a review is its gold label; earlier ones are its history."""

    id: int
    review_id: int
    label: str
    position: int
    decided_by: str
    reason: str
    created_at: str


def decide(
    db: Database,
    review_id: int,
    label_id: int,
    by: int,
    reason: str,
    now: datetime,
    based_on: int | None = None,
) -> int:
    """Settle the review: the label is gold, nobody is asked any more. Deciding again supersedes. Returns its id.

    based_on: the newest decision that one has seen (0: none); ChangedMeanwhile if another one counts now. What was
    decided just so already, as by a form that is sent twice, is not decided again.
    """
    reason = _checked(reason)
    with write_transaction(db):
        review = _kept(db, review_id)
        _check_label(db, review["project_id"], label_id)
        newest = _newest(db, review_id)
        unseen = newest is not None and based_on not in (None, newest["id"])
        if unseen and (newest["label_id"], newest["decided_by"], newest["reason"]) == (label_id, by, reason):
            return int(newest["id"])
        _check_seen(newest, based_on)
        decision_id = db.execute(
            "INSERT INTO adjudications (review_id, label_id, decided_by, reason, created_at)"
            " VALUES (?, ?, ?, ?, ?) RETURNING id",
            [review_id, label_id, by, reason, timestamp(now)],
        ).fetchone()[0]
        db.execute(
            "UPDATE suspects SET state = 'adjudicated', decided_by = ?, decided_at = ?"
            " WHERE review_id = ? AND state = 'open'",
            [by, timestamp(now), review_id],
        )
        _close(db, review_id)
        audit.log(db, by, "review.decide", f"review:{review_id}", now, label=label_id)
    return int(decision_id)


def owned(db: Database, project_id: int, decision_id: int, by: int) -> None:
    """NothingToUndo unless this person took the decision, in this project."""
    found = db.execute(
        "SELECT 1 FROM adjudications d JOIN reviews r ON r.id = d.review_id"
        " WHERE d.id = ? AND r.project_id = ? AND d.decided_by = ?",
        [decision_id, project_id, by],
    ).fetchone()
    if found is None:
        raise NothingToUndo("This decision is not yours, was taken back, or another one followed.")


def take_back(db: Database, decision_id: int, by: int, now: datetime) -> int:
    """Withdraw one's own decision while none is newer; returns the review's id. The audit log keeps its label."""
    with write_transaction(db):
        row = db.execute(
            "SELECT * FROM adjudications d WHERE id = ? AND decided_by = ?"
            " AND NOT EXISTS (SELECT 1 FROM adjudications n WHERE n.review_id = d.review_id AND n.id > d.id)",
            [decision_id, by],
        ).fetchone()
        if row is None:
            raise NothingToUndo("This decision is not yours, was taken back, or another one followed.")
        db.execute("DELETE FROM adjudications WHERE id = ?", [decision_id])
        db.execute(
            "UPDATE suspects SET state = 'open', decided_by = NULL, decided_at = NULL"
            " WHERE review_id = ? AND state = 'adjudicated' AND decided_at = ? AND NOT EXISTS (SELECT 1 FROM labels l"
            "  WHERE l.id IN (label_id, suggested_id, star_id) AND l.retired_at IS NOT NULL)",
            [row["review_id"], row["created_at"]],
        )
        kept: dict[str, Any] = {"label": row["label_id"], "decided_at": row["created_at"]}
        if outdated := _drop_outdated(db, row["review_id"]):
            kept["outdated"] = outdated
        reviews.recount(db, row["review_id"])
        audit.log(db, by, "review.take_back", f"review:{row['review_id']}", now, **kept)
    return int(row["review_id"])


def leave_out(
    db: Database, review_id: int, by: int, reason: str, now: datetime, based_on: int | None = None
) -> None:
    """Take the review out of queue, training and agreement; its answers are kept. based_on: as in `decide`."""
    reason = _checked(reason)
    with write_transaction(db):
        _kept(db, review_id)
        _check_seen(_newest(db, review_id), based_on)
        db.execute(
            "UPDATE reviews SET excluded_at = ?, excluded_reason = ? WHERE id = ?",
            [timestamp(now), reason, review_id],
        )
        _close(db, review_id)
        audit.log(db, by, "review.leave_out", f"review:{review_id}", now)


def take_back_in(db: Database, review_id: int, by: int, now: datetime) -> None:
    """Undo `leave_out`: the review waits for the labels it still wants."""
    with write_transaction(db):
        review = reviews.get(db, review_id)
        if review["excluded_at"] is None:
            return
        # Changed settings meanwhile set what it wants to nothing.
        least = 0 if review["near_duplicate_of"] else 1
        db.execute(
            "UPDATE reviews SET excluded_at = NULL, excluded_reason = NULL, wanted = max(wanted, ?) WHERE id = ?",
            [least, review_id],
        )
        reviews.recount(db, review_id)
        audit.log(db, by, "review.take_back_in", f"review:{review_id}", now)


def send_back(db: Database, review_id: int, by: int, now: datetime) -> None:
    """Withdraw the skips and flags of a review, so that it may come before everybody anew."""
    with write_transaction(db):
        _kept(db, review_id)
        declined = db.execute(
            "SELECT id, project_id, origin, probability FROM annotations WHERE review_id = ?"
            " AND action IN ('skip', 'flag') AND undone_by IS NULL",
            [review_id],
        ).fetchall()
        if not declined:
            raise NothingToUndo("Nobody skips or flags this review now.")
        for row in declined:
            _withdraw(db, row, review_id, by, now)
        audit.log(db, by, "review.send_back", f"review:{review_id}", now, answers=len(declined))


def of_review(db: Database, review_id: int) -> list[Decision]:
    """The decisions on one review, newest first."""
    rows = db.execute(f"{_DECISIONS} WHERE d.review_id = ? ORDER BY d.id DESC", [review_id])
    return [Decision(*tuple(row)) for row in rows]


def latest_by(db: Database, project_id: int, user_id: int, since: datetime) -> Decision | None:
    """The last decision of this person that still holds and is not older than `since`."""
    row = db.execute(
        f"{_DECISIONS} JOIN reviews r ON r.id = d.review_id WHERE r.project_id = ? AND d.decided_by = ?"
        " AND d.created_at >= ? AND r.excluded_at IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM adjudications n WHERE n.review_id = d.review_id AND n.id > d.id)"
        " ORDER BY d.id DESC LIMIT 1",
        [project_id, user_id, timestamp(since)],
    ).fetchone()
    return Decision(*tuple(row)) if row else None


_DECISIONS = (
    "SELECT d.id, d.review_id, l.name, l.position, u.name, d.reason, d.created_at FROM adjudications d"
    " JOIN labels l ON l.id = d.label_id JOIN users u ON u.id = d.decided_by"
)


def _kept(db: Database, review_id: int) -> Any:
    review = reviews.get(db, review_id)
    if review["excluded_at"] is not None:
        raise InvalidValue("This review is left out. Take it back in first.")
    return review


def _newest(db: Database, review_id: int) -> Any:
    """The decision in force, None where there is none."""
    return db.execute(
        "SELECT * FROM adjudications WHERE review_id = ? ORDER BY id DESC LIMIT 1", [review_id]
    ).fetchone()


def _check_seen(newest: Any, based_on: int | None) -> None:
    if based_on is not None and based_on != (newest["id"] if newest else 0):
        raise ChangedMeanwhile("The decisions on this review changed meanwhile. Look at them, then decide.")


def _drop_outdated(db: Database, review_id: int) -> list[dict[str, Any]]:
    """Forget the decisions before the one taken back, as far as their labels have left the set; returns what they said.

    In force again, such a decision would close the review and give it no label.
    """
    rows = db.execute(
        "DELETE FROM adjudications WHERE review_id = :review AND id > (SELECT coalesce(max(d.id), 0)"
        " FROM adjudications d JOIN labels l ON l.id = d.label_id AND l.retired_at IS NULL WHERE d.review_id = :review)"
        " RETURNING label_id AS label, decided_by, created_at AS decided_at",
        {"review": review_id},
    ).fetchall()
    return [dict(zip(row.keys(), row, strict=True)) for row in rows]


def _checked(reason: str) -> str:
    if len(reason.strip()) > REASON_LIMIT:
        raise InvalidValue(f"A reason has at most {REASON_LIMIT} characters.")
    return reason.strip()


def _check_label(db: Database, project_id: int, label_id: int) -> None:
    found = db.execute(
        "SELECT 1 FROM labels WHERE id = ? AND project_id = ? AND retired_at IS NULL", [label_id, project_id]
    ).fetchone()
    if found is None:
        raise UnknownLabel("This label is no longer in the project. Reload the page and decide again.")


def _close(db: Database, review_id: int) -> None:
    """Nobody needs to label it now, and whoever has it on screen gives it back."""
    reviews.recount(db, review_id)
    queue.recall_review(db, review_id)


def _withdraw(db: Database, row: Any, review_id: int, by: int, now: datetime) -> None:
    undone_by = db.execute(
        "INSERT INTO annotations (project_id, review_id, annotator_id, action, origin, probability, created_at)"
        " VALUES (?, ?, ?, 'undo', ?, ?, ?) RETURNING id",
        [row["project_id"], review_id, by, row["origin"], row["probability"], timestamp(now)],
    ).fetchone()[0]
    db.execute("UPDATE annotations SET undone_by = ? WHERE id = ?", [undone_by, row["id"]])
