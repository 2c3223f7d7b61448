"""How the database and the work that waits in it are doing."""

from datetime import datetime
from pathlib import Path

import pysqlite3
from sqlite_utils import Database

from webapp.store import soundness, work
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
    """How long the oldest queued round or job has waited: since it was queued, not since it was made."""
    row = db.execute(
        f"SELECT min(since) FROM (SELECT {work.WAITS_SINCE} AS since FROM rounds WHERE state = 'queued'"
        f" UNION ALL SELECT {work.WAITS_SINCE} FROM jobs WHERE state = 'queued')"
    ).fetchone()
    return max(0.0, (now - from_timestamp(row[0])).total_seconds()) if row[0] else None


def damage(db: Database, thorough: bool = False) -> list[str]:
    """What SQLite finds wrong with the pages; `thorough` also compares every index with its table."""
    check = "integrity_check" if thorough else "quick_check"
    found: list[str] = []
    try:
        for row in db.execute(f"PRAGMA {check}(5)"):
            found += str(row[0]).splitlines()
    except pysqlite3.DatabaseError as error:  # some damage ends the very look for it
        if not soundness.tells_of_damage(error):
            raise
        found.append(str(error))
    return [line for line in found if line != "ok"]


def orphaned_rows(db: Database) -> list[str]:
    """Rows whose parent is gone, at most five, as "labels row 3 lacks its projects"; only sound pages can be asked."""
    found = db.execute("PRAGMA foreign_key_check").fetchmany(5)
    return [f"{row[0]} row {row[1]} lacks its {row[2]}" for row in found]


def newest_moment(db: Database) -> datetime | None:
    """The latest moment that a label or a worker has written down."""
    row = db.execute(
        "SELECT max(at) FROM (SELECT max(heartbeat_at) AS at FROM workers UNION ALL"
        " SELECT created_at FROM (SELECT created_at FROM annotations ORDER BY id DESC LIMIT 1))"
    ).fetchone()
    return from_timestamp(row[0]) if row[0] else None


def last_heartbeat_seconds(db: Database, now: datetime) -> float | None:
    """How long ago a worker was last seen; None when none was for a day."""
    row = db.execute("SELECT max(heartbeat_at) FROM workers").fetchone()
    return (now - from_timestamp(row[0])).total_seconds() if row[0] else None


def checkpoints(db: Database) -> dict[str, str]:
    """Every checkpoint that the database names, with the hash of its manifest."""
    rows = db.execute("SELECT checkpoint, manifest_sha256 FROM model_versions ORDER BY id")
    return {row["checkpoint"]: row["manifest_sha256"] for row in rows}


def files_in_use(db: Database) -> dict[str, set[str]]:
    """By folder: the names of the files that some row still speaks of."""
    rows = db.execute(
        "SELECT json_extract(payload, '$.file') AS upload, json_extract(result, '$.archive') AS archive,"
        " json_extract(result, '$.error_file') AS errors, id FROM jobs"
    ).fetchall()
    return {
        "checkpoints": set(checkpoints(db)),
        "uploads": {row["upload"] for row in rows if row["upload"]},
        "exports": {row["archive"] for row in rows if row["archive"]},
        "imports": {row["errors"] for row in rows if row["errors"]}
        | {f"check-{row['id']}-errors.csv" for row in rows},
    }
