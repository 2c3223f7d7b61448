"""Annotations: an append-only log of answers, each stored once and open to undo and change."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from webapp.store import projects, queue, reviews
from webapp.store.connection import from_timestamp, timestamp, write_transaction
from webapp.store.errors import (
    AlreadyAnnotated,
    InvalidValue,
    LeaseExpired,
    NotFound,
    NothingToUndo,
    UnknownLabel,
)

NOTE_LIMIT = 2_000
ACTIONS = ("label", "skip", "flag")
SKIP_REASONS = ("unclear", "other-language", "not-a-review", "mixed")


@dataclass(frozen=True)
class Answer:
    """What an annotator says of a review; `seconds` is the time it was on screen, `reason` goes with a skip."""

    action: str
    label_id: int | None = None
    note: str = ""
    seconds: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Annotation:
    id: int
    review_id: int
    action: str
    label_id: int | None
    note: str
    created_at: str
    repeated: bool = False


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
        skipped = _skipped_before(db, lease["review_id"], user_id)
        _check_room(db, lease, user_id, now)
        if skipped is not None:  # makes way in the index of current answers; points to its successor below
            db.execute("UPDATE annotations SET undone_by = id WHERE id = ?", [skipped["id"]])
        attempt = skipped["attempt"] + 1 if skipped is not None and answer.action == "skip" else 1
        row = _insert(db, lease, user_id, answer, now, lease_token=token, attempt=attempt)
        if skipped is not None:
            db.execute("UPDATE annotations SET undone_by = ? WHERE id = ?", [row["id"], skipped["id"]])
        reviews.recount(db, lease["review_id"])
    return _annotation(row)


def own(db: Database, annotation_id: int, user_id: int) -> Annotation:
    """One's own answer, also a withdrawn one; NotFound for anybody else's."""
    row = db.execute(
        "SELECT * FROM annotations WHERE id = ? AND annotator_id = ? AND action <> 'undo'",
        [annotation_id, user_id],
    ).fetchone()
    if row is None:
        raise NotFound("There is no such answer of yours.")
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
        reviews.recount(db, row["review_id"])
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
        wants_room = answer.action == "label" and row["action"] != "label" and row["origin"] != "gold"
        if wants_room and _is_taken(db, row, user_id, now):
            raise LeaseExpired("Others give this review all the labels it wants; your answer stays as it is.")
        attempt = row["attempt"] if answer.action == "skip" else 1
        new = _insert(db, row, user_id, answer, now, attempt=attempt)
        reviews.recount(db, row["review_id"])
    return _annotation(new)


def owned(db: Database, project_id: int, annotation_id: int, user_id: int) -> None:
    """NothingToUndo unless the answer is this person's, in this project: one that is another's looks like none."""
    found = db.execute(
        "SELECT 1 FROM annotations WHERE id = ? AND project_id = ? AND annotator_id = ?",
        [annotation_id, project_id, user_id],
    ).fetchone()
    if found is None:
        raise NothingToUndo("This answer is not yours or was withdrawn already.")


def of_review(db: Database, review_id: int) -> list[Any]:
    """The whole history of one review, oldest first: annotator, action, label, note, origin, when, withdrawn or not."""
    return db.execute(
        "SELECT a.id, u.name AS annotator, a.action, l.name AS label, l.position, a.note, a.origin, a.probability,"
        " a.seconds, a.created_at, a.undone_by, a.reason, a.shown, s.name AS suggestion, g.number AS guidelines"
        " FROM annotations a JOIN users u ON u.id = a.annotator_id"
        " LEFT JOIN labels s ON s.id = a.suggestion_id LEFT JOIN guidelines g ON g.id = a.guidelines_id"
        " LEFT JOIN labels l ON l.id = a.label_id WHERE a.review_id = ? ORDER BY a.id",
        [review_id],
    ).fetchall()


def _insert(
    db: Database,
    source: Any,
    user_id: int,
    answer: Answer,
    now: datetime,
    lease_token: str | None = None,
    attempt: int = 1,
) -> Any:
    """Append an answer to the log; `source` is the lease, or the answer it replaces, with what was on screen."""
    carried = ("project_id", "review_id", "ranking_id", "origin", "probability")
    shown = ("shown", "suggestion_id", "guidelines_id")
    row = {name: source[name] for name in (*carried, *shown)} | {
        "annotator_id": user_id,
        "action": answer.action,
        "label_id": answer.label_id,
        "note": answer.note,
        "seconds": answer.seconds,
        "reason": answer.reason,
        "lease_token": lease_token,
        "attempt": attempt,
        "created_at": timestamp(now),
    }
    queue.end_answered(db, source["review_id"], user_id, lease_token)
    return db.execute(
        f"INSERT INTO annotations ({', '.join(row)}) VALUES ({', '.join('?' * len(row))}) RETURNING *",
        list(row.values()),
    ).fetchone()


def _check(answer: Answer) -> None:
    if answer.action not in ACTIONS:
        raise InvalidValue(f"An answer is one of {', '.join(ACTIONS)}.")
    if (answer.action == "label") != (answer.label_id is not None):
        raise InvalidValue("A label needs its id; a skip or a flag has none.")
    if answer.reason is not None and (answer.action != "skip" or answer.reason not in SKIP_REASONS):
        raise InvalidValue(f"The reason of a skip is one of {', '.join(SKIP_REASONS)}.")
    if len(answer.note) > NOTE_LIMIT:
        raise InvalidValue(f"A note has at most {NOTE_LIMIT} characters.")
    if answer.seconds is not None and not 0 <= answer.seconds <= 86_400:
        raise InvalidValue("The seconds must be from 0 to 86,400.")


def _check_label(db: Database, project_id: int, label_id: int | None) -> None:
    if label_id is None:
        return
    found = db.execute(
        "SELECT 1 FROM labels WHERE id = ? AND project_id = ? AND retired_at IS NULL", [label_id, project_id]
    ).fetchone()
    if found is None:
        raise UnknownLabel("This label is no longer in the project. Reload the page and answer again.")


def _skipped_before(db: Database, review_id: int, user_id: int) -> Any:
    """This person's first skip of the review, which another answer may follow; None where there is none."""
    return db.execute(
        "SELECT id, attempt FROM annotations WHERE review_id = ? AND annotator_id = ? AND undone_by IS NULL"
        " AND action = 'skip' AND attempt = 1",
        [review_id, user_id],
    ).fetchone()


def _check_room(db: Database, lease: Any, user_id: int, now: datetime) -> None:
    """A live lease has its place; a late one only if nobody else took it. One answer a person."""
    answered = db.execute(
        "SELECT 1 FROM annotations WHERE review_id = ? AND annotator_id = ? AND undone_by IS NULL AND action <> 'undo'"
        " AND NOT (action = 'skip' AND attempt = 1)",
        [lease["review_id"], user_id],
    ).fetchone()
    if answered is not None:
        raise AlreadyAnnotated("You have answered this review already. Change that answer in your history.")
    if lease["origin"] == "gold" or (lease["ended"] is None and from_timestamp(lease["expires_at"]) > now):
        return
    if _is_taken(db, lease, user_id, now):
        raise LeaseExpired(
            "This review was open too long and went to somebody else; your answer was not needed. Take the next one."
        )


def _is_taken(db: Database, source: Any, user_id: int, now: datetime) -> bool:
    """Whether others give the review all the labels it wants; `source` is the lease or the answer it is about."""
    # A lapsed lease that gives way here must not live again where the clock is set back.
    queue.expire(db, projects.get(db, source["project_id"]), now)
    needed = db.execute("SELECT needed FROM reviews WHERE id = ?", [source["review_id"]]).fetchone()[0]
    return int(needed) <= queue.others_on(db, source["review_id"], user_id, now)


def _repeated(earlier: Any, answer: Answer) -> Annotation:
    if (earlier["action"], earlier["label_id"]) != (answer.action, answer.label_id):
        raise AlreadyAnnotated("You have answered this review already. Undo that answer to give another.")
    return _annotation(earlier, repeated=True)


def _annotation(row: Any, repeated: bool = False) -> Annotation:
    return Annotation(
        row["id"], row["review_id"], row["action"], row["label_id"], row["note"], row["created_at"], repeated
    )
