"""The append-only log of who did what, when, to which id; never the text of a review."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from webapp.store.connection import timestamp, utc_now


@dataclass(frozen=True)
class Entry:
    id: int
    at: str
    user: str | None
    action: str
    subject: str
    detail: dict[str, object]


def log(
    db: Database,
    user_id: int | None,
    action: str,
    subject: str,
    now: datetime | None = None,
    **detail: object,
) -> None:
    """Record one action, inside the transaction that carries it out."""
    db.execute(
        "INSERT INTO audit_log (at, user_id, action, subject, detail) VALUES (?, ?, ?, ?, ?)",
        [timestamp(now or utc_now()), user_id, action, subject, json.dumps(detail, ensure_ascii=False)],
    )


def latest(db: Database, limit: int = 100) -> list[Entry]:
    """The newest entries, newest first."""
    rows = db.execute(
        "SELECT a.id, a.at, u.name AS user, a.action, a.subject, a.detail FROM audit_log a"
        " LEFT JOIN users u ON u.id = a.user_id ORDER BY a.id DESC LIMIT ?",
        [limit],
    )
    return [
        Entry(row["id"], row["at"], row["user"], row["action"], row["subject"], json.loads(row["detail"]))
        for row in rows
    ]
