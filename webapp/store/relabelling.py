"""What becomes of the labels given when a label leaves the set: new rows are appended, old ones stay as they were."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from webapp.store import audit, reviews
from webapp.store.connection import timestamp

# What an answer keeps when it is said again with another label. Its time too: nobody worked at that moment.
CARRIED = (
    "project_id review_id annotator_id note seconds ranking_id origin probability shown guidelines_id attempt"
    " created_at"
).split()
WITHDRAWN = "project_id review_id annotator_id origin probability".split()


def move(db: Database, project_id: int, old: int, new: int, now: datetime) -> None:
    """Say everything again that was said with the old label, with the new one; inside the caller's transaction."""
    row = {name: name for name in CARRIED} | {
        "action": "'label'",
        "label_id": ":new",
        # A guess that agreed with the answer goes on agreeing.
        "suggestion_id": "CASE suggestion_id WHEN :old THEN :new ELSE suggestion_id END",
    }
    _succeed(db, row, {"project": project_id, "old": old, "new": new})
    for decision in decided(db, project_id, old):
        db.execute(
            "INSERT INTO adjudications (review_id, label_id, decided_by, reason, created_at) VALUES (?, ?, ?, ?, ?)",
            [decision["review_id"], new, decision["decided_by"], decision["reason"], timestamp(now)],
        )


def withdraw(db: Database, project_id: int, old: int, by: int | None, now: datetime) -> None:
    """Withdraw everything said with the label: its reviews want labels again; inside the caller's transaction."""
    touched = {row["review_id"] for row in db.execute(_CURRENT, {"project": project_id, "old": old})}
    row = {name: name for name in WITHDRAWN} | {"action": "'undo'", "created_at": ":now"}
    _succeed(db, row, {"project": project_id, "old": old, "now": timestamp(now)})
    for decision in decided(db, project_id, old):
        review_id = decision["review_id"]
        # As when somebody takes a decision back; earlier ones of the same review were superseded and go too.
        db.execute("DELETE FROM adjudications WHERE review_id = ?", [review_id])
        audit.log(
            db, by, "review.take_back", f"review:{review_id}", now, label=old,
            decided_by=decision["decided_by"], decided_at=decision["created_at"],
        )  # fmt: skip
        touched.add(review_id)
    for review_id in touched:
        reviews.recount(db, review_id)


def decided(db: Database, project_id: int, label_id: int) -> list[Any]:
    """The decisions in force that chose this label."""
    return db.execute(
        "SELECT d.* FROM adjudications d JOIN reviews r ON r.id = d.review_id WHERE r.project_id = ? AND d.label_id = ?"
        " AND d.id = (SELECT max(n.id) FROM adjudications n WHERE n.review_id = d.review_id) ORDER BY d.id",
        [project_id, label_id],
    ).fetchall()


def drop_findings(db: Database, project_id: int, label_id: int) -> None:
    """Forget what was worked out from a label that is gone, and take back reviews on screen with it as a guess."""
    db.execute(
        "DELETE FROM consensus WHERE project_id = :project AND (label_id = :label OR review_id IN"
        " (SELECT review_id FROM annotations WHERE project_id = :project AND label_id = :label))",
        {"project": project_id, "label": label_id},
    )
    db.execute(
        "DELETE FROM suspects WHERE project_id = :project AND state = 'open'"
        " AND :label IN (label_id, suggested_id, star_id)",
        {"project": project_id, "label": label_id},
    )
    db.execute(
        "UPDATE leases SET ended = 'recalled' WHERE project_id = ? AND suggestion_id = ? AND ended IS NULL",
        [project_id, label_id],
    )


_CURRENT = (
    "SELECT id, review_id FROM annotations WHERE project_id = :project AND label_id = :old AND action = 'label'"
    " AND undone_by IS NULL"
)


def _succeed(db: Database, row: Mapping[str, str], values: Mapping[str, object]) -> None:
    """Append one row for each current answer with the old label, and let that answer point to it as withdrawn.

    row: an SQL expression for each column. Pointing to itself meanwhile, an answer makes way in the index of current
    ones; the rows of one INSERT are numbered on in its order.
    """
    waiting = "FROM annotations WHERE project_id = :project AND label_id = :old AND undone_by = id"
    db.execute(
        f"UPDATE annotations SET undone_by = id WHERE id IN (SELECT id FROM ({_CURRENT}))", dict(values)
    )
    last = db.execute(
        "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'annotations'"
    ).fetchone()[0]
    db.execute(
        f"INSERT INTO annotations ({', '.join(row)}) SELECT {', '.join(row.values())} {waiting} ORDER BY id",
        dict(values),
    )
    db.execute(
        "UPDATE annotations SET undone_by = :last + n.place"
        f" FROM (SELECT id, row_number() OVER (ORDER BY id) AS place {waiting}) n WHERE annotations.id = n.id",
        {**values, "last": last},
    )
