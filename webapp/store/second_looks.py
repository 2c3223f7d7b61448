"""Second looks: further labels asked for one review, beyond what the overlap settings want."""

from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from webapp.store import audit, reviews
from webapp.store.connection import timestamp, write_transaction
from webapp.store.errors import ChangedMeanwhile, InvalidValue, NotFound

MOST_LABELS = 10


@dataclass(frozen=True)
class SecondLook:
    """One request; `requested_by` is a name, None where nobody in person asked."""

    id: int
    labels: int
    requested_by: str | None
    created_at: str


def request(
    db: Database,
    project_id: int,
    review_id: int,
    labels: int,
    by: int | None,
    now: datetime,
    based_on: int | None = None,
) -> None:
    """Ask that many more people for a label, before the ranking; a review that had all its labels opens again.

    based_on: the newest request that one has seen (0: none); ChangedMeanwhile if somebody asked since. A form that is
    sent twice asks once.
    """
    if not 1 <= labels <= MOST_LABELS:
        raise InvalidValue(f"A second look asks for 1 to {MOST_LABELS} labels.")
    with write_transaction(db):
        review = reviews.get(db, review_id)
        if review["project_id"] != project_id:
            raise NotFound("There is no such review.")
        if review["excluded_at"] is not None:
            raise InvalidValue("This review is left out. Take it back in before asking for more labels.")
        if db.execute("SELECT 1 FROM adjudications WHERE review_id = ?", [review_id]).fetchone():
            raise InvalidValue("This review is settled: further labels would change nothing.")
        if based_on is not None and _was_asked(db, review_id, labels, by, based_on):
            return
        given = (
            "SELECT count(*) FROM annotations a WHERE a.review_id = reviews.id AND a.action = 'label'"
            " AND a.undone_by IS NULL AND a.origin <> 'gold'"
        )
        db.execute(
            f"UPDATE reviews SET wanted = max(wanted, ({given})) + ? WHERE id = ?", [labels, review_id]
        )
        reviews.recount(db, review_id)
        db.execute(
            "INSERT INTO second_looks (project_id, review_id, labels, requested_by, created_at)"
            " VALUES (?, ?, ?, ?, ?)",
            [project_id, review_id, labels, by, timestamp(now)],
        )
        audit.log(db, by, "second_look.request", f"review:{review_id}", now, labels=labels)


def newest(db: Database, project_id: int) -> int:
    """Id of the newest request in the project, 0 before the first."""
    row = db.execute("SELECT max(id) FROM second_looks WHERE project_id = ?", [project_id]).fetchone()
    return int(row[0] or 0)


def of_review(db: Database, review_id: int) -> list[SecondLook]:
    """What was asked for one review, oldest first."""
    rows = db.execute(
        "SELECT s.id, s.labels, u.name, s.created_at FROM second_looks s LEFT JOIN users u ON u.id = s.requested_by"
        " WHERE s.review_id = ? ORDER BY s.id",
        [review_id],
    )
    return [SecondLook(*tuple(row)) for row in rows]


def _was_asked(db: Database, review_id: int, labels: int, by: int | None, based_on: int) -> bool:
    """Whether this person has asked just so since; ChangedMeanwhile where it was another request."""
    latest = db.execute(
        "SELECT id, labels, requested_by FROM second_looks WHERE review_id = ? ORDER BY id DESC LIMIT 1",
        [review_id],
    ).fetchone()
    if latest is None or latest["id"] <= based_on:
        return False
    if (latest["labels"], latest["requested_by"]) != (labels, by):
        raise ChangedMeanwhile("Somebody else has asked for another label meanwhile.")
    return True
