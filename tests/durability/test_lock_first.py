"""Every write takes the lock before it reads: nobody commits in between, and no "locked" reaches people (D06)."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pysqlite3
import pytest
from sqlite_utils import Database
from writes import BEFORE, WRITES, World, a_world

from webapp.instance import Instance
from webapp.store.connection import open_database, write_transaction

ROOT = Path(__file__).resolve().parents[2]
COMMITTED, BLOCKED = b"c", b"b"


@pytest.fixture
def other_process(web_instance: Instance, web_db: Database) -> Iterator[Callable[[], bytes]]:
    """Ask another process to commit at once; says whether it could."""
    asked, ask = os.pipe()
    answer, answers = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ask)
        db = open_database(web_instance.database)
        db.execute("PRAGMA busy_timeout = 0")
        while os.read(asked, 1):
            try:
                with write_transaction(db):
                    db.execute("INSERT INTO login_failures (name, address, at) VALUES ('a', 'b', 'c')")
                os.write(answers, COMMITTED)
            except pysqlite3.OperationalError:
                os.write(answers, BLOCKED)
        os._exit(0)

    def commit() -> bytes:
        os.write(ask, b"?")
        return os.read(answer, 1)

    yield commit
    os.close(ask)
    os.close(asked)
    os.waitpid(child, 0)


@pytest.mark.parametrize("name", WRITES)
def test_another_process_that_commits_at_every_statement_disturbs_no_write(
    web_db: Database, other_process: Callable[[], bytes], name: str
) -> None:
    world: World = a_world(web_db)
    if name in BEFORE:
        BEFORE[name](world)
    seen: list[tuple[str, bytes]] = []
    web_db.conn.set_trace_callback(lambda sql: seen.append((sql, other_process())))
    WRITES[name](world)
    web_db.conn.set_trace_callback(None)
    assert not web_db.conn.in_transaction
    begun = [number for number, (sql, _) in enumerate(seen) if sql.startswith("BEGIN")]
    done = [number for number, (sql, _) in enumerate(seen) if sql.startswith("COMMIT")]
    assert begun and len(begun) == len(done)
    for first, last in zip(begun, done, strict=True):
        assert seen[first][0] == "BEGIN IMMEDIATE"
        assert {answer for _, answer in seen[first + 1 : last + 1]} == {BLOCKED}
    inside = {number for first, last in zip(begun, done, strict=True) for number in range(first, last + 1)}
    changes = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE)\b", re.I)
    assert [sql for number, (sql, _) in enumerate(seen) if number not in inside and changes.match(sql)] == []


def test_no_code_begins_a_transaction_deferred() -> None:
    deferred = re.compile(r"\bBEGIN\b(?! IMMEDIATE|\n)|\.begin\(|isolation_level\s*=\s*(?!\"IMMEDIATE\")")
    code = [path for folder in ("webapp", "migrations") for path in sorted((ROOT / folder).rglob("*.py"))]
    found = [
        (path.name, line)
        for path in code
        for line in path.read_text("utf-8").splitlines()
        if deferred.search(line)
    ]
    # The bodies of triggers begin too, and docstrings may speak of it.
    assert [line for _, line in found if "execute" in line or "isolation_level" in line] == []
