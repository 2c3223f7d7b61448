"""Alarms: what should never happen and did; each stays until somebody has dealt with it."""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from webapp.store import audit
from webapp.store.connection import timestamp, write_transaction
from webapp.store.errors import NotFound

ANNOTATIONS_LOST = "annotations-lost"
LOG_TOO_LONG = "log-too-long"


@dataclass(frozen=True)
class Alarm:
    """`subject` as in the audit log, say project:3."""

    id: int
    name: str
    subject: str
    detail: dict[str, Any]
    raised_at: str


def raise_alarm(db: Database, name: str, subject: str, now: datetime, **detail: object) -> bool:
    """Raise an alarm; False where the same one is open already."""
    with write_transaction(db):
        row = db.execute(
            "INSERT INTO alarms (name, subject, detail, raised_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (name, subject) WHERE cleared_at IS NULL DO NOTHING RETURNING id",
            [name, subject, json.dumps(detail, ensure_ascii=False), timestamp(now)],
        ).fetchone()
    return row is not None


def open_alarms(db: Database) -> list[Alarm]:
    """Those that nobody has dealt with, oldest first."""
    rows = db.execute("SELECT * FROM alarms WHERE cleared_at IS NULL ORDER BY id")
    return [
        Alarm(row["id"], row["name"], row["subject"], json.loads(row["detail"]), row["raised_at"])
        for row in rows
    ]


def clear(db: Database, alarm_id: int, by: int | None, now: datetime) -> None:
    """Note that somebody has dealt with it; `by` is None where the cause went away by itself."""
    with write_transaction(db):
        row = db.execute(
            "UPDATE alarms SET cleared_at = ?, cleared_by = ? WHERE id = ? AND cleared_at IS NULL"
            " RETURNING name, subject",
            [timestamp(now), by, alarm_id],
        ).fetchone()
        if row is None:
            raise NotFound("There is no such alarm.")
        audit.log(db, by, "alarm.clear", f"alarm:{alarm_id}", now, name=row["name"], of=row["subject"])


def settle(db: Database, name: str, now: datetime) -> None:
    """Clear the open alarms of that name, since their cause is gone; somebody else may be doing so as well."""
    for alarm in open_alarms(db):
        if alarm.name == name:
            with suppress(NotFound):
                clear(db, alarm.id, None, now)


def watch_annotations(db: Database, now: datetime) -> list[Alarm]:
    """Raise an alarm for every project whose log of annotations lost rows since the last look; the open ones.

    The log only grows. An erasure, which is written down elsewhere, lowers the number itself.
    """
    # One statement is one moment: both numbers are of the same commit, and no annotator waits for the count.
    rows = db.execute(
        "SELECT p.id, c.annotations AS before, (SELECT count(*) FROM annotations a WHERE a.project_id = p.id) AS found"
        " FROM (SELECT id FROM projects UNION SELECT project_id FROM annotation_counts) p"
        " LEFT JOIN annotation_counts c ON c.project_id = p.id"
        " WHERE before IS NOT found"
    ).fetchall()
    for row in rows:
        with write_transaction(db):
            if row["before"] is not None and row["found"] < row["before"]:
                lost = {"before": row["before"], "found": row["found"]}
                raise_alarm(db, ANNOTATIONS_LOST, f"project:{row['id']}", now, **lost)
            _remember(db, row["id"], row["before"], row["found"], now)
    return [alarm for alarm in open_alarms(db) if alarm.name == ANNOTATIONS_LOST]


def _remember(db: Database, project_id: int, before: int | None, found: int, now: datetime) -> None:
    """Keep the new number, unless an erasure has told a newer one since we counted."""
    values = {"project": project_id, "before": before, "found": found, "now": timestamp(now)}
    db.execute(
        "UPDATE annotation_counts SET annotations = :found, counted_at = :now"
        " WHERE project_id = :project AND annotations = :before",
        values,
    )
    db.execute(
        "INSERT OR IGNORE INTO annotation_counts SELECT id, :found, :now FROM projects WHERE id = :project",
        values,
    )
