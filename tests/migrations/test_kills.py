"""A migration killed at any statement changes nothing, two at once are one, no row is lost on the way (D17, D18)."""

import importlib.metadata
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database

import migrations
from webapp.store.connection import open_database

NAMES = [step.name for step in migrations.migrations.pending(Database(memory=True))]
# Rows of the first version's tables, by hand: the store knows today's schema only.
ROWS = """
INSERT INTO users (id, name, password_hash, role, created_at)
    VALUES (1, 'ada', 'h', 'annotator', ''), (2, 'root', 'h', 'admin', '');
INSERT INTO sessions (token_hash, user_id, created_at, seen_at) VALUES (x'01', 1, '', '');
INSERT INTO api_tokens (user_id, prefix, token_hash, scopes, created_at) VALUES (1, 'a', x'02', 'read', '');
"""
MORE_ROWS = """
INSERT INTO projects (id, name, language, settings, created_at) VALUES (1, 'p', 'en', '{}', '');
INSERT INTO labels (id, project_id, name, position) VALUES (1, 1, 'good', 0), (2, 1, 'bad', 1);
INSERT INTO jobs (id, project_id, kind, payload, state, created_at)
    VALUES (1, 1, 'import', '{}', 'done', ''), (2, 1, 'export', '{}', 'done', '');
INSERT INTO reviews
    (id, project_id, import_id, text, text_hash, near_key, part, shuffle_key, wanted, needed, created_at)
    VALUES (1, 1, 1, 'one', x'01', x'01', 'pool', 1, 1, 0, ''), (2, 1, 1, 'two', x'02', x'02', 'pool', 2, 1, 1, '');
INSERT INTO leases (token, project_id, review_id, user_id, origin, created_at, expires_at, ended)
    VALUES ('t', 1, 1, 1, 'audit', '', '', 'answered');
INSERT INTO annotations (project_id, review_id, annotator_id, action, label_id, lease_token, origin, created_at)
    VALUES (1, 1, 1, 'label', 1, 't', 'audit', '');
INSERT INTO adjudications (review_id, label_id, decided_by, created_at) VALUES (1, 1, 2, '');
"""


def at_version(path: Path, steps: int) -> Database:
    """A database as that many steps left it, with rows in its tables."""
    db = open_database(path, create=True)
    db.execute("BEGIN IMMEDIATE")
    later = NAMES[steps] if steps < len(NAMES) else None
    if steps:
        migrations.migrations.apply(db, stop_before=later)
    for script in (ROWS if steps >= 1 else "", MORE_ROWS if steps >= 4 else ""):
        for statement in filter(str.strip, script.split(";\n")):
            db.execute(statement)
    db.conn.commit()
    return db


def counts(db: Database) -> dict[str, int]:
    """Rows of every table but the migrations' own."""
    return {name: db[name].count for name in db.table_names() if not name.startswith(("_", "reviews_fts"))}


def in_child(path: Path, work: Callable[[Database], None]) -> int:
    """Run it in a process of its own; its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        try:
            work(open_database(path, create=True))
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(number: int) -> Callable[[Database], None]:
    """Apply the migrations and die before the statement of that number."""

    def work(db: Database) -> None:
        seen = 0

        def count(_: str) -> None:
            nonlocal seen
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

        db.conn.set_trace_callback(count)
        migrations.apply(db)

    return work


@pytest.mark.parametrize(("steps", "stride"), [(0, 4), (4, 1)])
def test_a_migration_killed_at_any_statement_is_whole_or_not_there(
    tmp_path: Path, steps: int, stride: int
) -> None:
    path = tmp_path / "winnow.sqlite"
    at_version(path, steps).close()
    db = open_database(path, create=True)
    before = (counts(db), migrations.schema(db), migrations.pending(db))
    db.close()
    kills = 0
    while in_child(path, killed_at(kills * stride + 1)) == -signal.SIGKILL:
        kills += 1
        db = open_database(path, create=True)
        assert (counts(db), migrations.schema(db), migrations.pending(db)) == before, f"kill {kills}"
        db.close()
    assert kills > 10
    db = open_database(path)
    assert migrations.pending(db) == []
    assert before[0].items() <= counts(db).items()
    assert migrations.schema(db) == (Path(migrations.__file__).parent / "schema.sql").read_text("utf-8")
    assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    db.close()


def test_of_two_at_once_one_migrates_and_the_other_waits(tmp_path: Path) -> None:
    path = tmp_path / "winnow.sqlite"
    at_version(path, 4).close()
    for _ in range(5):
        copy = tmp_path / "copy.sqlite"
        copy.write_bytes(path.read_bytes())
        applied: list[list[str]] = []
        start = threading.Barrier(2)

        def work(
            copy: Path = copy, applied: list[list[str]] = applied, start: threading.Barrier = start
        ) -> None:
            db = open_database(copy)
            start.wait()
            applied.append(migrations.apply(db))
            db.close()

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(applied) == [[], NAMES[4:]]


@pytest.mark.parametrize("steps", range(1, len(NAMES)))
def test_no_step_loses_a_row_or_breaks_a_reference(tmp_path: Path, steps: int) -> None:
    """Rebuilding a table under ON DELETE CASCADE would take the children with it."""
    db = at_version(tmp_path / "winnow.sqlite", steps)
    before = counts(db)
    assert before["users"] == 2 and (steps < 4 or before["annotations"] == 1)
    migrations.apply(db)
    assert before.items() <= counts(db).items()
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    db.close()


def test_sqlite_utils_is_one_whose_transform_spares_the_children() -> None:
    version = tuple(int(part) for part in importlib.metadata.version("sqlite-utils").split(".")[:3])
    assert version >= (4, 2, 1)
