"""Annotations: an append-only log of answers, each stored once and open to undo and change."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from webapp.store import queue
from webapp.store.connection import from_timestamp, timestamp, write_transaction
from webapp.store.errors import AlreadyAnnotated, InvalidValue, LeaseExpired, NothingToUndo, UnknownLabel

NOTE_LIMIT = 2_000
ACTIONS = ("label", "skip", "flag")


@dataclass(frozen=True)
class Answer:
    """What an annotator says of a review; `seconds` is the time it was on screen."""

    action: str
    label_id: int | None = None
    note: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Annotation:
    id: int
    review_id: int
    action: str
    label_id: int | None
    note: str
    created_at: str
    repeated: bool = False


@dataclass(frozen=True)
class MyAnnotation:
    id: int
    review_id: int
    text: str
    action: str
    label: str | None
    position: int | None
    note: str
    created_at: str


def record(db: Database, token: str, user_id: int, answer: Answer, now: datetime) -> Annotation:
    """Store an answer and end its lease, together. The same answer sent twice is stored once.

    Raises LeaseExpired when the lease ran out and others give the review all the labels it wants,
    AlreadyAnnotated when this person gave another answer, UnknownLabel, InvalidValue, LeaseNotYours.
    """
    _check(answer)
    with write_transaction(db):
        lease = queue.owned(db, token, user_id)
        earlier = db.execute("SELECT * FROM annotations WHERE lease_token = ?", [token]).fetchone()
        if earlier is not None:
            return _repeated(earlier, answer)
        _check_label(db, lease["project_id"], answer.label_id)
        _check_room(db, lease, user_id, now)
        row = db.execute(
            "INSERT INTO annotations (project_id, review_id, annotator_id, action, label_id, note, seconds,"
            " lease_token, ranking_id, origin, probability, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
            [
                lease["project_id"],
                lease["review_id"],
                user_id,
                answer.action,
                answer.label_id,
                answer.note,
                answer.seconds,
                token,
                lease["ranking_id"],
                lease["origin"],
                lease["probability"],
                timestamp(now),
            ],
        ).fetchone()
        queue.end(db, token, "answered")
        if answer.action == "label":
            db.execute("UPDATE reviews SET needed = max(0, needed - 1) WHERE id = ?", [lease["review_id"]])
    return _annotation(row)


def undo(db: Database, annotation_id: int, user_id: int, now: datetime) -> int:
    """Withdraw one's own answer; returns the review's id. The log keeps both the answer and its withdrawal."""
    with write_transaction(db):
        row = db.execute(
            "SELECT * FROM annotations WHERE id = ? AND annotator_id = ? AND action <> 'undo' AND undone_by IS NULL",
            [annotation_id, user_id],
        ).fetchone()
        if row is None:
            raise NothingToUndo("This answer is not yours or was withdrawn already.")
        undone_by = db.execute(
            "INSERT INTO annotations (project_id, review_id, annotator_id, action, origin, probability, created_at)"
            " VALUES (?, ?, ?, 'undo', ?, ?, ?) RETURNING id",
            [row["project_id"], row["review_id"], user_id, row["origin"], row["probability"], timestamp(now)],
        ).fetchone()[0]
        db.execute("UPDATE annotations SET undone_by = ? WHERE id = ?", [undone_by, annotation_id])
        if row["action"] == "label":
            db.execute("UPDATE reviews SET needed = min(wanted, needed + 1) WHERE id = ?", [row["review_id"]])
    return int(row["review_id"])


def undo_last(db: Database, project_id: int, user_id: int, now: datetime) -> queue.Lease | None:
    """Withdraw my last answer in the queue and lease that review to me again."""
    with write_transaction(db):
        row = db.execute(
            "SELECT id FROM annotations WHERE project_id = ? AND annotator_id = ? AND action <> 'undo'"
            " AND undone_by IS NULL AND origin <> 'import' ORDER BY id DESC LIMIT 1",
            [project_id, user_id],
        ).fetchone()
        if row is None:
            raise NothingToUndo("You have no answer left to undo.")
        review_id = undo(db, row["id"], user_id, now)
        return queue.claim_review(db, project_id, user_id, review_id, now)


def change(db: Database, annotation_id: int, user_id: int, answer: Answer, now: datetime) -> Annotation:
    """Replace one's own earlier answer by another; the log keeps the history."""
    _check(answer)
    with write_transaction(db):
        row = db.execute("SELECT * FROM annotations WHERE id = ?", [annotation_id]).fetchone()
        undo(db, annotation_id, user_id, now)
        _check_label(db, row["project_id"], answer.label_id)
        new = db.execute(
            "INSERT INTO annotations (project_id, review_id, annotator_id, action, label_id, note, seconds, ranking_id,"
            " origin, probability, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
            [
                row["project_id"],
                row["review_id"],
                user_id,
                answer.action,
                answer.label_id,
                answer.note,
                answer.seconds,
                row["ranking_id"],
                row["origin"],
                row["probability"],
                timestamp(now),
            ],
        ).fetchone()
        if answer.action == "label":
            db.execute("UPDATE reviews SET needed = max(0, needed - 1) WHERE id = ?", [row["review_id"]])
    return _annotation(new)


def mine(
    db: Database, project_id: int, user_id: int, limit: int = 50, before_id: int | None = None
) -> list[MyAnnotation]:
    """My current answers, newest first."""
    rows = db.execute(
        "SELECT a.id, a.review_id, r.text, a.action, l.name AS label, l.position, a.note, a.created_at"
        " FROM annotations a JOIN reviews r ON r.id = a.review_id LEFT JOIN labels l ON l.id = a.label_id"
        " WHERE a.project_id = ? AND a.annotator_id = ? AND a.action <> 'undo' AND a.undone_by IS NULL"
        " AND a.origin <> 'import' AND a.id < ? ORDER BY a.id DESC LIMIT ?",
        [project_id, user_id, before_id or 2**62, limit],
    )
    return [MyAnnotation(*tuple(row)) for row in rows]


def of_review(db: Database, review_id: int) -> list[Any]:
    """The whole history of one review, oldest first: annotator, action, label, note, origin, when, withdrawn or not."""
    return db.execute(
        "SELECT a.id, u.name AS annotator, a.action, l.name AS label, l.position, a.note, a.origin, a.probability,"
        " a.seconds, a.created_at, a.undone_by FROM annotations a JOIN users u ON u.id = a.annotator_id"
        " LEFT JOIN labels l ON l.id = a.label_id WHERE a.review_id = ? ORDER BY a.id",
        [review_id],
    ).fetchall()


def _check(answer: Answer) -> None:
    if answer.action not in ACTIONS:
        raise InvalidValue(f"An answer is one of {', '.join(ACTIONS)}.")
    if (answer.action == "label") != (answer.label_id is not None):
        raise InvalidValue("A label needs its id; a skip or a flag has none.")
    if len(answer.note) > NOTE_LIMIT:
        raise InvalidValue(f"A note has at most {NOTE_LIMIT} characters.")
    if answer.seconds is not None and not 0 <= answer.seconds <= 86_400:
        raise InvalidValue("The seconds must be from 0 to 86,400.")


def _check_label(db: Database, project_id: int, label_id: int | None) -> None:
    if label_id is None:
        return
    found = db.execute(
        "SELECT 1 FROM labels WHERE id = ? AND project_id = ?", [label_id, project_id]
    ).fetchone()
    if found is None:
        raise UnknownLabel("This label is no longer in the project. Reload the page and answer again.")


def _check_room(db: Database, lease: Any, user_id: int, now: datetime) -> None:
    """A live lease has its place; a late one only if nobody else took it. One answer a person."""
    answered = db.execute(
        "SELECT 1 FROM annotations WHERE review_id = ? AND annotator_id = ? AND undone_by IS NULL AND action <> 'undo'",
        [lease["review_id"], user_id],
    ).fetchone()
    if answered is not None:
        raise AlreadyAnnotated("You have answered this review already. Change that answer in your history.")
    if lease["ended"] is None and from_timestamp(lease["expires_at"]) > now:
        return
    needed = db.execute("SELECT needed FROM reviews WHERE id = ?", [lease["review_id"]]).fetchone()[0]
    if needed <= queue.others_on(db, lease["review_id"], user_id, now):
        raise LeaseExpired(
            "This review was open too long and went to somebody else; your answer was not needed. Take the next one."
        )


def _repeated(earlier: Any, answer: Answer) -> Annotation:
    if (earlier["action"], earlier["label_id"]) != (answer.action, answer.label_id):
        raise AlreadyAnnotated("You have answered this review already. Undo that answer to give another.")
    return _annotation(earlier, repeated=True)


def _annotation(row: Any, repeated: bool = False) -> Annotation:
    return Annotation(
        row["id"], row["review_id"], row["action"], row["label_id"], row["note"], row["created_at"], repeated
    )
