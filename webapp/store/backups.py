"""Backups: the list of them, the copy of the database that goes into one, and what a restored one must forget."""

import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pysqlite3
from sqlite_utils import Database

from webapp.store import audit
from webapp.store.connection import timestamp, write_transaction
from webapp.store.errors import StoreError

# How many instructions of SQLite's machine pass between two looks at the clock.
LOOK_EVERY = 100_000
DIED = "The process that made it ended before it was done."


class BackupError(StoreError):
    """A backup that could not be made, read or restored; the message says why and what to do."""


@dataclass(frozen=True)
class Backup:
    """One try at a backup; `file` is its name under the instance's backups, or a path elsewhere."""

    id: int
    cause: str
    state: str
    file: str
    bytes: int | None
    error: str | None
    started_at: str
    finished_at: str | None


@dataclass(frozen=True)
class CopyFacts:
    """What a copied database holds: the steps it has seen, its rows by table, its checkpoints and their hashes."""

    migrations: list[str]
    rows: dict[str, int]
    checkpoints: dict[str, str]


def is_listed(db: Database) -> bool:
    """Whether this database keeps a list; an old one is backed up before it is migrated, and has none."""
    return "state" in {column.name for column in db.table("backups").columns}


def request(db: Database, by: int | None, now: datetime) -> bool:
    """Ask the worker for a backup; False when somebody has asked already."""
    with write_transaction(db):
        if requested(db):
            return False
        backup_id = _insert(db, "button", "queued", "", now)
        audit.log(db, by, "backup.request", f"backup:{backup_id}", now)
    return True


def requested(db: Database) -> bool:
    """Whether somebody waits for one."""
    return db.execute("SELECT 1 FROM backups WHERE state = 'queued'").fetchone() is not None


def begin(db: Database, cause: str, file: str, now: datetime) -> int:
    """Note that one is being made. Whoever calls this is alone: a row that is still open belongs to the dead."""
    with write_transaction(db):
        db.execute(
            "UPDATE backups SET state = 'failed', error = ?, finished_at = ? WHERE state = 'running'",
            [DIED, timestamp(now)],
        )
        asked = db.execute("DELETE FROM backups WHERE state = 'queued' RETURNING cause").fetchone()
        return _insert(db, asked["cause"] if asked else cause, "running", file, now)


def finish(db: Database, backup_id: int, size: int, sha256: str, by: int | None, now: datetime) -> None:
    """Note that a backup is whole and was verified."""
    with write_transaction(db):
        db.execute(
            "UPDATE backups SET state = 'done', bytes = ?, sha256 = ?, finished_at = ? WHERE id = ?",
            [size, sha256, timestamp(now), backup_id],
        )
        audit.log(db, by, "backup.make", f"backup:{backup_id}", now)


def fail(db: Database, backup_id: int, error: str, now: datetime) -> None:
    """Note why there is none."""
    with write_transaction(db):
        db.execute(
            "UPDATE backups SET state = 'failed', error = ?, finished_at = ? WHERE id = ?",
            [error, timestamp(now), backup_id],
        )


def latest(db: Database, limit: int = 20) -> list[Backup]:
    """The newest tries, newest first."""
    rows = db.execute(
        "SELECT id, cause, state, file, bytes, error, started_at, finished_at FROM backups ORDER BY id DESC LIMIT ?",
        [limit],
    )
    return [Backup(*tuple(row)) for row in rows]


def newest_done(db: Database) -> str | None:
    """When the newest good backup was begun: what came later is not in it."""
    # By their order: after the clock was set back an older one has the later time.
    row = db.execute(
        "SELECT started_at FROM backups WHERE state = 'done' ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return row["started_at"] if row else None


def newest_try(db: Database) -> str | None:
    """When the newest try was begun, good or not."""
    row = db.execute("SELECT started_at FROM backups ORDER BY id DESC LIMIT 1").fetchone()
    return row["started_at"] if row else None


def in_use_since(db: Database) -> str | None:
    """When the first account was made; None before that, when there is nothing to lose."""
    row = db.execute("SELECT min(created_at) FROM users").fetchone()
    return row[0] if row and row[0] else None


def copy_into(db: Database, path: Path, seconds: float) -> None:
    """A consistent copy of the database as it is now, without its deleted pages; others write on meanwhile."""
    deadline = time.monotonic() + seconds
    db.conn.set_progress_handler(lambda: time.monotonic() > deadline, LOOK_EVERY)
    try:
        db.execute("VACUUM INTO ?", [str(path)])
    except pysqlite3.DatabaseError as error:
        if "interrupt" in str(error):
            raise BackupError(f"Copying the database took longer than {seconds:g} s.") from error
        raise BackupError(f"The database could not be copied ({error}). See `winnow doctor`.") from error
    finally:
        db.conn.set_progress_handler(None, 0)


def faults(path: Path, limit: int = 5) -> list[str]:
    """What SQLite finds wrong with a database file that nobody has open: damaged pages, rows without their parent."""
    try:
        with closing(_read_only(path)) as db:
            damage = [str(row[0]) for row in db.execute(f"PRAGMA integrity_check({limit})")]
            orphans = [
                f"{row[0]} row {row[1]} lacks its {row[2]}" for row in db.execute("PRAGMA foreign_key_check")
            ]
    except pysqlite3.DatabaseError as error:
        return [str(error)]
    return [line for line in damage if line != "ok"] + orphans[:limit]


def facts(path: Path) -> CopyFacts:
    """What a sound copy holds; BackupError when it is no database of Winnow's."""
    try:
        with closing(_read_only(path)) as db:
            steps = db.execute(
                "SELECT name FROM _sqlite_migrations WHERE migration_set = 'winnow' ORDER BY name"
            )
            migrations = [str(row["name"]) for row in steps]
            names = [name for name in db.table_names() if not name.startswith(("sqlite_", "reviews_fts"))]
            rows = {name: int(db.execute(f"SELECT count(*) FROM [{name}]").fetchone()[0]) for name in names}
            versions = (
                db.execute("SELECT checkpoint, manifest_sha256 FROM model_versions ORDER BY id").fetchall()
                if "model_versions" in rows
                else []  # so old that there were none yet
            )
    except pysqlite3.DatabaseError as error:
        raise BackupError(f"This is no database of Winnow's ({error}).") from error
    return CopyFacts(migrations, rows, {row["checkpoint"]: row["manifest_sha256"] for row in versions})


def forget_the_present(db: Database, now: datetime) -> tuple[int, int]:
    """After a restore nobody is logged in and no token opens a door; returns how many sessions and tokens ended."""
    with write_transaction(db):
        sessions = len(db.execute("DELETE FROM sessions RETURNING 1").fetchall())
        tokens = len(
            db.execute(
                "UPDATE api_tokens SET revoked_at = ? WHERE revoked_at IS NULL RETURNING 1", [timestamp(now)]
            ).fetchall()
        )
        db.execute("DELETE FROM workers")
        db.execute("DELETE FROM backups WHERE state IN ('queued', 'running')")
        audit.log(db, None, "backup.restore", "instance", now, sessions=sessions, tokens=tokens)
    return sessions, tokens


def _insert(db: Database, cause: str, state: str, file: str, now: datetime) -> int:
    moment = timestamp(now)
    row = db.execute(
        "INSERT INTO backups (cause, state, file, started_at, heartbeat_at) VALUES (?, ?, ?, ?, ?) RETURNING id",
        [cause, state, file, moment, moment],
    ).fetchone()
    return int(row["id"])


def _read_only(path: Path) -> Database:
    """A copy that no other process has open: nothing is written beside it."""
    connection = pysqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    connection.row_factory = pysqlite3.Row
    return Database(connection)
