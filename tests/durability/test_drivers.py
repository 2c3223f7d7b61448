"""One SQLite library, one place that opens the database, one process a connection (D03, D04, D05)."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pysqlite3
import pytest
from sqlite_utils import Database

from webapp.instance import Instance
from webapp.store.connection import open_database, wal_is_safe
from webapp.store.errors import InheritedConnection, UnsafeSQLite

ROOT = Path(__file__).resolve().parents[2]
OTHER_DRIVERS = {"sqlite3", "apsw", "aiosqlite", "sqlalchemy", "duckdb"}
# The look for damage and the look into a backup open read-only and without our pragmas.
OPENERS = {"webapp/store/backups.py", "webapp/store/connection.py", "webapp/store/soundness.py"}


def sources() -> Iterator[tuple[str, ast.AST]]:
    for folder in ("learner", "migrations", "webapp"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))


def test_no_module_imports_another_sqlite() -> None:
    imported = [
        (name, module)
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    ]
    assert [each for each in imported if each[1].partition(".")[0] in OTHER_DRIVERS] == []


def test_the_database_is_opened_in_one_place() -> None:
    opened = {
        name
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            (
                isinstance(node.func, ast.Attribute)
                and node.func.attr == "connect"
                and _names_driver(node.func)
            )
            or (isinstance(node.func, ast.Name) and node.func.id == "Database")
        )
    }
    assert opened == OPENERS


def _names_driver(function: ast.Attribute) -> bool:
    return isinstance(function.value, ast.Name) and "sqlite" in function.value.id


def test_sqlite_utils_uses_the_same_library() -> None:
    code = (
        "import sqlite_utils.utils as u, sqlite_utils.db as d, pysqlite3;"
        "assert u.sqlite3 is pysqlite3 and d.sqlite3 is pysqlite3"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("version", ["3.40.1", "3.44.5", "3.45.0", "3.50.6", "3.51.0", "3.51.2"])
def test_an_unsafe_library_stops_the_start_with_a_line(
    web_instance: Instance, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(pysqlite3, "sqlite_version", version)
    with pytest.raises(UnsafeSQLite, match=rf"SQLite {version} can lose commits.*Install"):
        open_database(web_instance.database)


@pytest.mark.parametrize("version", ["3.44.6", "3.50.7", "3.51.3", "3.53.4", pysqlite3.sqlite_version])
def test_a_mended_library_may_start(version: str) -> None:
    assert wal_is_safe(version)


def test_a_connection_carried_over_a_fork_raises_whatever_is_done_with_it(web_db: Database) -> None:
    uses = (
        lambda: web_db.execute("SELECT 1"),
        lambda: web_db.conn.execute("SELECT 1"),
        lambda: web_db.conn.executemany("DELETE FROM sessions WHERE user_id = ?", [[1]]),
        web_db.conn.cursor,
        web_db.conn.commit,
        web_db.conn.rollback,
    )
    child = os.fork()
    if child == 0:
        refused = 0
        for use in uses:
            try:
                use()
            except InheritedConnection:
                refused += 1
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == len(uses)
    web_db.execute("SELECT 1")
