"""Failed logins, counted in the database so that all processes share one limit."""

from datetime import datetime, timedelta

from sqlite_utils import Database

from webapp.store.connection import from_timestamp, timestamp, write_transaction

WINDOW = timedelta(minutes=15)
# Per name and address together, so that a stranger cannot lock a person out by the name alone.
LIMIT_PER_NAME_AND_ADDRESS = 8
LIMIT_PER_ADDRESS = 60
# Many addresses against one name: a slower, wider net.
LIMIT_PER_NAME = 200


def record_failure(db: Database, name: str, address: str, now: datetime) -> None:
    """Count one failed login; forgets those that no limit needs any more."""
    with write_transaction(db):
        db.execute("DELETE FROM login_failures WHERE at < ?", [timestamp(now - WINDOW)])
        db.execute(
            "INSERT INTO login_failures (name, address, at) VALUES (?, ?, ?)",
            [name[:64], address, timestamp(now)],
        )


def blocked_until(db: Database, name: str, address: str, now: datetime) -> datetime | None:
    """When this name may be tried again from this address; None when now."""
    since = timestamp(now - WINDOW)
    limits = [
        ("name = ? AND address = ?", [name[:64], address], LIMIT_PER_NAME_AND_ADDRESS),
        ("address = ?", [address], LIMIT_PER_ADDRESS),
        ("name = ?", [name[:64]], LIMIT_PER_NAME),
    ]
    until = None
    for condition, values, limit in limits:
        row = db.execute(
            f"SELECT at FROM login_failures WHERE {condition} AND at >= ? ORDER BY at DESC LIMIT 1 OFFSET ?",
            [*values, since, limit - 1],
        ).fetchone()
        if row is not None:
            until = max(filter(None, [until, from_timestamp(row["at"]) + WINDOW]))
    return until
