"""How the database and the work that waits in it are doing."""

from datetime import datetime
from pathlib import Path

import pysqlite3
from sqlite_utils import Database

from webapp.store.connection import BUSY_TIMEOUT_SECONDS, from_timestamp

# A health check must answer while a long write goes on; that is no fault.
PATIENCE_SECONDS = 2.0


def can_write(db: Database) -> bool:
    """Whether the write lock can be had; a long write by somebody else is no fault. Changes nothing."""
    db.execute(f"PRAGMA busy_timeout = {PATIENCE_SECONDS * 1000:.0f}")
    try:
        db.execute("BEGIN IMMEDIATE")
        return True
    except pysqlite3.DatabaseError as error:
        return "locked" in str(error)
    finally:
        if db.conn.in_transaction:
            db.conn.rollback()
        db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000:.0f}")


def sqlite_version(db: Database) -> str:
    """The SQLite library in use."""
    return str(db.execute("SELECT sqlite_version()").fetchone()[0])


def wal_bytes(database: Path) -> int:
    """Size of the write-ahead log; it grows while a reader keeps a checkpoint from finishing."""
    wal = database.with_name(f"{database.name}-wal")
    return wal.stat().st_size if wal.exists() else 0


def oldest_waiting_seconds(db: Database, now: datetime) -> float | None:
    """How long the oldest queued round or job has waited."""
    row = db.execute(
        "SELECT min(created_at) FROM (SELECT created_at FROM rounds WHERE state = 'queued'"
        " UNION ALL SELECT created_at FROM jobs WHERE state = 'queued')"
    ).fetchone()
    return (now - from_timestamp(row[0])).total_seconds() if row[0] else None
