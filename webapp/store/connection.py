"""Open the database as Winnow needs it, and the one way to write to it."""

import os
import random
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pysqlite3
from sqlite_utils import Database

from webapp.store.errors import DatabaseUnusable, InheritedConnection, UnsafeSQLite

DATABASE_NAME = "winnow.sqlite"
BUSY_TIMEOUT_SECONDS = 10.0
LOOK_AGAIN_SECONDS = (0.001, 0.006)


def wal_is_safe(version: str) -> bool:
    """Whether this SQLite version is free of the WAL-reset race (3.7.0 to 3.51.2, mended in three branches)."""
    number = tuple(int(part) for part in version.split("."))
    return number >= (3, 51, 3) or (3, 50, 7) <= number < (3, 51) or (3, 44, 6) <= number < (3, 45)


class _OwnConnection(pysqlite3.Connection):  # type: ignore[misc]  # pysqlite3 ships no types
    """A connection for the process that opened it: SQLite's locks and log index do not survive a fork."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._process = os.getpid()

    def cursor(self, *args: Any, **options: Any) -> Any:
        """Every statement passes here, whichever way it is executed."""
        self._check_process()
        return super().cursor(*args, **options)

    def commit(self) -> None:
        self._check_process()
        super().commit()

    def rollback(self) -> None:
        self._check_process()
        super().rollback()

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise InheritedConnection(
                f"Process {os.getpid()} uses the database connection of process {self._process}."
                " Each process opens its own."
            )


def open_database(path: Path, create: bool = False) -> Database:
    """Open the database with our pragmas; refuses an unsafe SQLite, and a missing or empty file unless `create`."""
    if not wal_is_safe(pysqlite3.sqlite_version):
        raise UnsafeSQLite(
            f"SQLite {pysqlite3.sqlite_version} can lose commits when two processes write (the WAL-reset race)."
            " Install the pinned pysqlite3 (not pysqlite3-binary), which brings 3.51.3 or newer."
        )
    if not create and (not path.exists() or path.stat().st_size == 0):
        state = "is empty" if path.exists() else "does not exist"
        raise DatabaseUnusable(
            f"The database {path} {state}. Restore a backup, or run `winnow init` for a new one."
        )
    # Implicit transactions take the write lock at once too: a deferred one fails beside a busy worker.
    connection = pysqlite3.connect(
        str(path),
        timeout=BUSY_TIMEOUT_SECONDS,
        isolation_level="IMMEDIATE",
        check_same_thread=False,
        factory=_OwnConnection,
    )
    try:
        return _prepared(connection)
    except (pysqlite3.DatabaseError, UnicodeDecodeError) as error:  # SQLite may quote what is no text
        connection.close()
        if "locked" in str(error):
            raise
        raise DatabaseUnusable(f"The database {path} cannot be read ({error}). Restore a backup.") from error


def _prepared(connection: pysqlite3.Connection) -> Database:
    connection.row_factory = pysqlite3.Row
    db = Database(connection)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")  # an acknowledged label survives a power cut
    db.execute("PRAGMA foreign_keys=ON")
    db.execute("PRAGMA cache_size=-65536")  # 64 MB
    db.execute("PRAGMA temp_store=MEMORY")
    db.execute("PRAGMA journal_size_limit=67108864")
    return db


@contextmanager
def write_transaction(db: Database) -> Generator[None, None, None]:
    """Take the write lock first, then decide and write; commits at the end, rolls back on any error. Nests."""
    if db.conn.in_transaction:
        with db.atomic():
            yield
        return
    _take_write_lock(db)
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.conn.in_transaction:
            db.conn.rollback()
        raise


def _take_write_lock(db: Database) -> None:
    """Begin, looking for the lock every few milliseconds while the connection's patience lasts.

    SQLite's own patience looks ever more rarely, at last ten times a second: beside busy writers some wait for ever.
    """
    patience = db.execute("PRAGMA busy_timeout").fetchone()[0]
    deadline = time.monotonic() + patience / 1000
    db.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                db.execute("BEGIN IMMEDIATE")
                return
            except pysqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() >= deadline:
                    raise
                time.sleep(random.uniform(*LOOK_AGAIN_SECONDS))  # noqa: S311 - so that two do not keep in step
    finally:
        db.execute(f"PRAGMA busy_timeout = {patience}")


def database_path(instance: Path) -> Path:
    """Where an instance folder keeps its database."""
    return instance / DATABASE_NAME


def timestamp(now: datetime) -> str:
    """UTC as text of fixed width, so that comparing texts compares times."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds")


def from_timestamp(text: str) -> datetime:
    """The moment a timestamp names."""
    return datetime.fromisoformat(text)


def utc_now() -> datetime:
    """The clock of everything that takes a `now`."""
    return datetime.now(UTC)


def random_shuffle_key() -> int:
    """A 63-bit random number from the system."""
    return int.from_bytes(os.urandom(8)) >> 1
