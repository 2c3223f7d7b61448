"""The migrations: applied once, and described truly by schema.sql."""

from pathlib import Path

import pysqlite3
import pytest
from sqlite_utils import Database

import migrations
from webapp.store.connection import open_database

SCHEMA = Path(migrations.__file__).parent / "schema.sql"


def fresh(tmp_path: Path) -> Database:
    return open_database(tmp_path / "winnow.sqlite", create=True)


def test_schema_sql_is_what_the_migrations_make(tmp_path: Path) -> None:
    db = fresh(tmp_path)
    migrations.apply(db)
    assert migrations.schema(db) == SCHEMA.read_text("utf-8")


def test_a_second_run_finds_nothing_to_do(tmp_path: Path) -> None:
    db = fresh(tmp_path)
    names = [
        "0001_people",
        "0002_reviews",
        "0003_annotations",
        "0004_rounds",
        "0005_team",
        "0006_safe",
        "0007_learner",
        "0008_waiting",
    ]
    assert migrations.apply(db) == names
    assert migrations.pending(db) == migrations.apply(db) == []


def test_the_audit_log_cannot_be_edited(tmp_path: Path) -> None:
    db = fresh(tmp_path)
    migrations.apply(db)
    db.execute("INSERT INTO audit_log (at, action, subject) VALUES ('now', 'test', 'row')")
    for change in ("UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log"):
        with pytest.raises(pysqlite3.IntegrityError, match="append-only"):
            db.execute(change)
