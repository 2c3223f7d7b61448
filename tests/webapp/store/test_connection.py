"""The gate on SQLite, the pragmas, and transactions that take the lock first."""

from pathlib import Path

import pysqlite3
import pytest
from sqlite_utils import Database

from webapp.store.connection import open_database, wal_is_safe, write_transaction
from webapp.store.errors import DatabaseUnusable


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ("3.40.1", False), ("3.44.5", False), ("3.44.6", True), ("3.45.0", False), ("3.50.6", False),
        ("3.50.7", True), ("3.51.2", False), ("3.51.3", True), ("3.53.4", True),
    ],
)  # fmt: skip
def test_the_gate_knows_the_versions_with_the_wal_race(version: str, safe: bool) -> None:
    assert wal_is_safe(version) is safe


def test_the_linked_sqlite_is_safe() -> None:
    assert wal_is_safe(pysqlite3.sqlite_version)


def test_every_connection_is_durable_and_checks_foreign_keys(db: Database) -> None:
    pragmas = {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "foreign_keys")}
    assert pragmas == {"synchronous": 2, "foreign_keys": 1}
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


@pytest.mark.parametrize("content", [None, b"", b"not a database at all" * 100])
def test_a_missing_empty_or_foreign_file_is_refused_and_left_alone(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "winnow.sqlite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DatabaseUnusable, match="backup"):
        open_database(path)
    assert (path.read_bytes() if path.exists() else None) == content


def test_a_table_of_tables_that_is_no_text_is_refused(db: Database, db_path: Path) -> None:
    """SQLite quotes what it found there, and the driver cannot read that."""
    db.execute("PRAGMA writable_schema = ON")
    db.execute("UPDATE sqlite_master SET name = CAST(x'ff' AS TEXT), sql = 'nonsense' WHERE name = 'alarms'")
    with pytest.raises(DatabaseUnusable, match="Restore a backup"):
        open_database(db_path)


def test_a_transaction_holds_the_write_lock_from_its_start(db: Database, db_path: Path) -> None:
    other = open_database(db_path)
    other.execute("PRAGMA busy_timeout=0")
    with write_transaction(db), pytest.raises(pysqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.close()


def test_an_error_rolls_the_whole_transaction_back(db: Database) -> None:
    def fail_after_an_inner_transaction() -> None:
        with write_transaction(db):
            with write_transaction(db):
                db.execute("INSERT INTO login_failures (name, address, at) VALUES ('a', 'b', 'c')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_an_inner_transaction()
    assert db.execute("SELECT count(*) FROM login_failures").fetchone()[0] == 0
