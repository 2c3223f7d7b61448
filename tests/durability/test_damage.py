"""A database that is damaged, cut, empty or gone: refused, with the backup named and nothing written (D12, D13)."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pysqlite3
import pytest
from builders import a_project, a_user, an_annotation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import migrations
from webapp import instance as instances
from webapp.instance import Instance
from webapp.store import soundness
from webapp.store.connection import open_database
from webapp.store.errors import DatabaseUnusable

ROOT = Path(__file__).resolve().parents[2]
BACKUPS = ("winnow-20260301T120000Z.tar", "winnow-20260302T120000Z.tar", "winnow-20251231T235959Z.tar")
PAGE = 4096


@pytest.fixture
def lived_in(web_instance: Instance) -> Instance:
    """An instance with answers in it and three backups, closed in good order."""
    db = open_database(web_instance.database)
    user, project = a_user(db), a_project(db, size=300)
    for _ in range(20):
        an_annotation(db, project, user)
    db.close()
    (web_instance.folder / "backups").mkdir()
    for name in BACKUPS:
        (web_instance.folder / "backups" / name).touch()
    instances.check(web_instance)
    return web_instance


def winnow(instance: Instance, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "webapp.cli", "--instance", str(instance.folder), *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=60, check=False
    )


def files(instance: Instance) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(instance.folder.glob("winnow.sqlite*"))}


def _zero_a_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // PAGE // 2 * PAGE)
        file.write(b"\0" * PAGE)


DAMAGES = {
    "a page of zeros": _zero_a_page,
    "half the file": lambda path: os.truncate(path, path.stat().st_size // 2),
    "half a page": lambda path: os.truncate(path, PAGE // 2),
    "another file": lambda path: path.write_bytes(b"not a database at all" * 1000),
    "no byte left": lambda path: os.truncate(path, 0),
    "no file": Path.unlink,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_refused_names_the_newest_backup_and_stays_as_it_is(
    lived_in: Instance, damage: str
) -> None:
    DAMAGES[damage](lived_in.database)
    before = files(lived_in)
    with pytest.raises(DatabaseUnusable, match=f"newest backup is .*{BACKUPS[1]}"):
        instances.check(lived_in)
    assert files(lived_in) == before


@pytest.mark.parametrize("start", [instances.create, instances.migrate, instances.open_instance])
@pytest.mark.parametrize("damage", ["no byte left", "no file"])
def test_no_empty_database_ever_takes_its_place(
    lived_in: Instance, start: Callable[[Instance], object], damage: str
) -> None:
    DAMAGES[damage](lived_in.database)
    before = files(lived_in)
    with pytest.raises(DatabaseUnusable, match=BACKUPS[1]):
        start(lived_in)
    assert files(lived_in) == before


def test_an_instance_whose_making_was_cut_short_can_be_completed(tmp_path: Path) -> None:
    where = instances.locate(tmp_path / "new")
    where.folder.mkdir()
    where.database.touch()
    instances.create(where)
    instances.check(where)
    with closing(open_database(where.database)) as db:
        assert migrations.pending(db) == []
    assert where.secret_key_file.stat().st_size > 0 and (where.folder / "checkpoints").is_dir()


def test_the_server_says_so_in_a_line_and_does_not_start(lived_in: Instance) -> None:
    _zero_a_page(lived_in.database)
    done = winnow(lived_in, "run")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "is damaged" in done.stderr and BACKUPS[1] in done.stderr


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found_or_leaves_pages_that_can_be_read(
    lived_in: Instance, tmp_path_factory: pytest.TempPathFactory, where: float, bit: int
) -> None:
    path = tmp_path_factory.mktemp("flipped") / "winnow.sqlite"
    content = bytearray(lived_in.database.read_bytes())
    content[int(where * len(content))] ^= 1 << bit
    path.write_bytes(content)
    look = soundness.look_through(path, 60)
    assert look.complete and path.read_bytes() == content
    if not look.faults:  # a letter of a text, or of a table's name: what SQLite cannot know
        connection = pysqlite3.connect(path)
        with suppress(pysqlite3.OperationalError, UnicodeDecodeError):
            assert connection.execute("SELECT count(*) FROM annotations").fetchone()[0] == 20
        connection.close()
    shutil.rmtree(path.parent)


def test_a_look_that_takes_too_long_ends_and_says_so(lived_in: Instance) -> None:
    db = open_database(lived_in.database)
    a_project(db, "More", texts=[f"review {number} " + "word " * 60 for number in range(4_000)])
    db.close()
    assert soundness.look_through(lived_in.database, 60) == soundness.Look(())
    assert soundness.look_through(lived_in.database, 0) == soundness.Look((), complete=False)


def test_after_a_kill_indexes_are_compared_with_their_tables(lived_in: Instance) -> None:
    """A row that its index has under another value is no damaged page: only the longer look finds it."""
    _change_behind_the_index(lived_in.database)
    assert soundness.look_through(lived_in.database, 60).faults == ()
    _leave_a_log(lived_in.database)
    assert any(
        "missing from index" in fault for fault in soundness.look_through(lived_in.database, 60).faults
    )


def _change_behind_the_index(path: Path) -> None:
    """Hide an index, change a row, and show the index again."""
    name = "login_failures_by_name"
    db = open_database(path)
    db.execute("INSERT INTO login_failures (name, address, at) VALUES ('ada', 'b', 'c')")
    hidden = db.execute("SELECT * FROM sqlite_master WHERE name = ?", [name]).fetchone()
    db.execute("PRAGMA writable_schema = ON")
    db.execute("DELETE FROM sqlite_master WHERE name = ?", [name])
    db.conn.commit()
    db.close()
    db = open_database(path)
    db.execute("UPDATE login_failures SET name = 'ben'")
    db.execute("PRAGMA writable_schema = ON")
    db.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", list(hidden))
    db.conn.commit()
    db.close()


def _leave_a_log(path: Path) -> None:
    """Write and be killed before the log is folded into the file."""
    child = os.fork()
    if child == 0:
        db = open_database(path)
        db.execute("INSERT INTO login_failures (name, address, at) VALUES ('a', 'b', 'c')")
        db.conn.commit()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert soundness.left_behind(path)


def test_a_lost_index_of_the_log_is_made_anew_and_a_lost_log_leaves_a_sound_older_state(
    lived_in: Instance,
) -> None:
    log, index = (lived_in.database.with_name(f"winnow.sqlite-{end}") for end in ("wal", "shm"))
    for lost, rows in (([index], 1), ([log, index], 1)):
        _leave_a_log(lived_in.database)
        for path in lost:
            path.unlink()
        instances.check(lived_in)
        db = open_database(lived_in.database)
        assert db.execute("SELECT count(*) FROM login_failures").fetchone()[0] == rows
        db.close()


def test_an_older_file_beside_a_newer_log_is_found(lived_in: Instance, tmp_path: Path) -> None:
    older = tmp_path / "older.sqlite"
    shutil.copyfile(lived_in.database, older)
    db = open_database(lived_in.database)
    user = a_user(db, "ben")
    project = a_project(db, "Tents", size=400)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # what the log builds upon is in the newer file alone
    db.close()
    child = os.fork()
    if child == 0:
        db = open_database(lived_in.database)
        for _ in range(20):
            an_annotation(db, project, user)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    shutil.copyfile(older, lived_in.database)
    with pytest.raises(DatabaseUnusable, match=BACKUPS[1]):
        instances.check(lived_in)
