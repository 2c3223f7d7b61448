"""The append-only log of who did what, when, to which id; never the text of a review, nor the name of a customer."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlite_utils import Database

from webapp.store.connection import timestamp, utc_now, write_transaction

PAGE = 50
EXPORT_PAGE = 1_000
COLUMNS = ("id", "at", "user", "action", "subject", "detail")


@dataclass(frozen=True)
class Entry:
    """`user` is a name; None for the command line, for the program itself and for somebody who failed to log in."""

    id: int
    at: str
    user: str | None
    action: str
    subject: str
    detail: dict[str, object]

    def row(self) -> dict[str, Any]:
        """As a line of a file, the detail as JSON in one column."""
        return {**asdict(self), "detail": json.dumps(self.detail, ensure_ascii=False)}


@dataclass(frozen=True)
class Filters:
    """Which entries: by whom, what, and from which day until which, both included, as UTC has them."""

    user_id: int | None = None
    action: str = ""
    since: date | None = None
    until: date | None = None


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


def log_download(
    db: Database, user_id: int, action: str, subject: str, now: datetime, **detail: object
) -> None:
    """Record that data leaves the server, before its first byte does."""
    with write_transaction(db):
        log(db, user_id, action, subject, now, **detail)


def latest(db: Database, limit: int = 100) -> list[Entry]:
    """The newest entries, newest first."""
    return find(db, Filters(), limit=limit)


def find(db: Database, filters: Filters, before: int | None = None, limit: int = PAGE) -> list[Entry]:
    """Entries older than `before`, newest first."""
    conditions, values = _conditions(filters)
    if before is not None:
        conditions.append("a.id < :before")
    rows = db.execute(
        "SELECT a.id, a.at, u.name AS user, a.action, a.subject, a.detail FROM audit_log a"
        f" LEFT JOIN users u ON u.id = a.user_id WHERE {' AND '.join(conditions)} ORDER BY a.id DESC LIMIT :limit",
        {**values, "before": before, "limit": limit},
    ).fetchall()
    return [_entry(row) for row in rows]


def export(db: Database, filters: Filters) -> Iterator[Entry]:
    """All entries, oldest first, a page at a time: no reader holds the log of the database up."""
    conditions, values = _conditions(filters)
    last = 0
    while True:
        rows = db.execute(
            "SELECT a.id, a.at, u.name AS user, a.action, a.subject, a.detail FROM audit_log a"
            f" LEFT JOIN users u ON u.id = a.user_id WHERE {' AND '.join(conditions)} AND a.id > :last"
            " ORDER BY a.id LIMIT :limit",
            {**values, "last": last, "limit": EXPORT_PAGE},
        ).fetchall()
        yield from map(_entry, rows)
        if len(rows) < EXPORT_PAGE:
            return
        last = rows[-1]["id"]


def actions(db: Database) -> list[str]:
    """What has happened so far, each once: found by hopping through the index, not by reading the log."""
    rows = db.execute(
        "WITH RECURSIVE hop (action) AS (SELECT min(action) FROM audit_log UNION ALL"
        " SELECT (SELECT min(action) FROM audit_log WHERE action > hop.action) FROM hop WHERE action IS NOT NULL)"
        " SELECT action FROM hop WHERE action IS NOT NULL"
    )
    return [row["action"] for row in rows]


def _conditions(filters: Filters) -> tuple[list[str], dict[str, Any]]:
    conditions, values = ["1"], {}
    for condition, name, value in (
        ("a.user_id = :user", "user", filters.user_id),
        ("a.action = :action", "action", filters.action or None),
        ("a.at >= :since", "since", filters.since and filters.since.isoformat()),
        ("substr(a.at, 1, 10) <= :until", "until", filters.until and filters.until.isoformat()),
    ):
        if value is not None:
            conditions.append(condition)
            values[name] = value
    return conditions, values


def _entry(row: Any) -> Entry:
    return Entry(row["id"], row["at"], row["user"], row["action"], row["subject"], json.loads(row["detail"]))
