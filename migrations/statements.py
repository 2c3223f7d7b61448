"""Run a migration's SQL inside the transaction that is already open."""

import pysqlite3
from sqlite_utils import Database


def execute_all(db: Database, script: str) -> None:
    """Execute each statement of a script; `executescript` would commit the transaction first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if pysqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""
    if statement.strip():
        raise ValueError(f"unfinished statement: {statement.strip()[:80]}")


def reword(db: Database, table: str, old: str, new: str) -> None:
    """Change the words of a table's CHECK where no row needs rewriting, as https://sqlite.org/lang_altertable.html
    describes it: a rebuilt table would take its foreign keys with it."""
    (sql,) = db.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", [table]).fetchone()
    if sql.count(old) != 1:
        raise ValueError(f"{old!r} stands {sql.count(old)} times in {table}")
    version = db.execute("PRAGMA schema_version").fetchone()[0]
    db.execute("PRAGMA writable_schema = ON")
    try:
        db.execute(
            "UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = ?",
            [sql.replace(old, new), table],
        )
        db.execute(f"PRAGMA schema_version = {version + 1}")
    finally:
        db.execute("PRAGMA writable_schema = OFF")
