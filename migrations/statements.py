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
