"""What becomes of the labels given when a label leaves the set: new rows are appended, old ones stay as they were."""

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


def move(db: Database, project_id: int, old: int, new: int, by: int | None, now: datetime) -> None:
    """Say everything again that was said with the old label, with the new one; inside the caller's transaction."""
    for row in _current(db, project_id, old):
        # Makes way in the index of current answers; points to its successor below.
        db.execute("UPDATE annotations SET undone_by = id WHERE id = ?", [row["id"]])
        values = {name: row[name] for name in CARRIED} | {
            "action": "label",
            "label_id": new,
            # A guess that agreed with the answer goes on agreeing.
            "suggestion_id": new if row["suggestion_id"] == old else row["suggestion_id"],
        }
        db.execute("UPDATE annotations SET undone_by = ? WHERE id = ?", [_append(db, values), row["id"]])
    for row in decided(db, project_id, old):
        db.execute(
            "INSERT INTO adjudications (review_id, label_id, decided_by, reason, created_at) VALUES (?, ?, ?, ?, ?)",
            [row["review_id"], new, row["decided_by"], row["reason"], timestamp(now)],
        )


def withdraw(db: Database, project_id: int, old: int, by: int | None, now: datetime) -> None:
    """Withdraw everything said with the label: its reviews want labels again; inside the caller's transaction."""
    touched = set()
    for row in _current(db, project_id, old):
        values = {
            name: row[name] for name in ("project_id", "review_id", "annotator_id", "origin", "probability")
        }
        values |= {"action": "undo", "created_at": timestamp(now)}
        db.execute("UPDATE annotations SET undone_by = ? WHERE id = ?", [_append(db, values), row["id"]])
        touched.add(row["review_id"])
    for row in decided(db, project_id, old):
        # As when somebody takes a decision back: earlier ones of the same review were superseded and go too.
        db.execute("DELETE FROM adjudications WHERE review_id = ?", [row["review_id"]])
        audit.log(
            db, by, "review.take_back", f"review:{row['review_id']}", now,
            label=old, reason=row["reason"], decided_by=row["decided_by"], decided_at=row["created_at"],
        )  # fmt: skip
        touched.add(row["review_id"])
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
        "UPDATE leases SET ended = 'released' WHERE project_id = ? AND suggestion_id = ? AND ended IS NULL",
        [project_id, label_id],
    )


def _current(db: Database, project_id: int, label_id: int) -> list[Any]:
    return db.execute(
        "SELECT * FROM annotations WHERE project_id = ? AND label_id = ? AND action = 'label' AND undone_by IS NULL"
        " ORDER BY id",
        [project_id, label_id],
    ).fetchall()


def _append(db: Database, values: dict[str, object]) -> int:
    return int(
        db.execute(
            f"INSERT INTO annotations ({', '.join(values)}) VALUES ({', '.join('?' * len(values))}) RETURNING id",
            list(values.values()),
        ).fetchone()[0]
    )
