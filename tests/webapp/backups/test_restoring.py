"""Restore: everything is checked first, then all is swapped or nothing; nobody stays logged in."""

import itertools
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from builders import NOON, a_user
from restored import backup_of_a_life, contents, count
from sqlite_utils import Database

import migrations
from migrations.ordered import migrations as steps
from webapp import create_app, erasing, instance_lock
from webapp import instance as instances
from webapp.backups import making, restoring
from webapp.instance import Instance, InstanceError
from webapp.instance_lock import InstanceInUse
from webapp.store import users
from webapp.store.connection import open_database
from webapp.subject_keys import SubjectKeys

FORK = multiprocessing.get_context("fork")
STEPS = [step.name for step in steps._migrations]


@pytest.fixture
def lived(web_instance: Instance) -> Path:
    """A backup of the instance, which has lived on since."""
    return backup_of_a_life(web_instance)


def test_a_restore_brings_back_the_database_the_key_and_the_checkpoints(
    web_instance: Instance, lived: Path, tmp_path: Path
) -> None:
    elsewhere = Instance(tmp_path / "elsewhere")
    done = restoring.restore(elsewhere, lived, NOON)
    assert done.former is None and done.migrated == []
    assert count(elsewhere, "annotations") == 1
    assert elsewhere.secret_key_file.read_text() == web_instance.secret_key_file.read_text()
    name = "checkpoints/checkpoint-1/model/head.json"
    assert (elsewhere.folder / name).read_bytes() == (web_instance.folder / name).read_bytes()
    assert elsewhere.database.stat().st_mode & 0o077 == 0
    assert all((elsewhere.folder / each).is_dir() for each in instances.SUBFOLDERS)
    client = create_app(elsewhere.folder, {"TESTING": True}).test_client()
    assert client.get("/login").status_code == 200


def test_after_a_restore_nobody_is_logged_in_and_no_token_opens_a_door(
    web_instance: Instance, lived: Path
) -> None:
    done = restoring.restore(web_instance, lived, NOON)
    assert (done.sessions, done.tokens) == (1, 1)
    assert count(web_instance, "sessions") == 0
    with closing(open_database(web_instance.database)) as db:
        assert db.execute("SELECT count(*) FROM api_tokens WHERE revoked_at IS NULL").fetchone()[0] == 0
        assert db.execute("SELECT count(*) FROM audit_log WHERE action = 'backup.restore'").fetchone()[0] == 1


def test_what_was_there_lies_aside_with_its_log(web_instance: Instance, lived: Path) -> None:
    stale = web_instance.database.with_name("winnow.sqlite-wal")
    stale.write_bytes(b"of another database")
    former = restoring.restore(web_instance, lived, NOON).former
    assert former is not None
    assert count(web_instance, "annotations") == 1
    assert not stale.exists() or stale.stat().st_size == 0
    assert (former / "winnow.sqlite-wal").read_bytes() == b"of another database"
    (former / "winnow.sqlite-wal").unlink()
    assert count(Instance(former), "annotations") == 2
    assert (former / "uploads" / "later.csv").exists()
    assert not (web_instance.folder / "uploads" / "later.csv").exists()


def test_a_restore_refuses_while_any_process_holds_the_instance(web_instance: Instance, lived: Path) -> None:
    before = contents(web_instance.folder)
    code = (
        "import sys; from webapp import instance, instance_lock\n"
        "held = instance_lock.share(instance.locate(__import__('pathlib').Path(sys.argv[1])))\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(web_instance.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
    with pytest.raises(InstanceInUse, match="Stop it"):
        restoring.restore(web_instance, lived, NOON)
    assert contents(web_instance.folder) == before
    holder.kill()
    holder.wait()
    restoring.restore(web_instance, lived, NOON)


def test_nothing_starts_while_a_restore_is_under_way(web_instance: Instance) -> None:
    with instance_lock.alone(web_instance), pytest.raises(InstanceInUse, match="being restored"):
        instance_lock.share(web_instance)


@pytest.mark.parametrize("version", range(1, len(STEPS) + 1))
def test_the_drill_with_a_backup_of_every_older_version(version: int, tmp_path: Path) -> None:
    old = instances.locate(tmp_path / "old")
    instances.create(old)
    old.database.unlink()
    with closing(open_database(old.database, create=True)) as db:
        steps.apply(db, stop_before=STEPS[version] if version < len(STEPS) else None)
        db.execute(
            "INSERT INTO users (name, password_hash, role, created_at) VALUES ('ada', 'x', 'admin', '2026')"
        )
        db.execute(
            "INSERT INTO sessions (token_hash, user_id, created_at, seen_at) VALUES (x'00', 1, '2026', '2026')"
        )
        db.conn.commit()
        assert migrations.pending(db) == STEPS[version:]
    path = making.make(old).path
    new = Instance(tmp_path / "new")
    done = restoring.restore(new, path, NOON)
    assert (done.migrated, done.sessions) == (STEPS[version:], 1)
    assert (count(new, "users"), count(new, "sessions")) == (1, 0)
    instances.open_instance(new).close()
    assert create_app(new.folder, {"TESTING": True}).test_client().get("/login").status_code == 200


def restore_and_die(instance: Instance, path: Path, after: int) -> None:
    """Killed instead of the rename that comes after so many."""
    renames = itertools.count()
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if next(renames) == after:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(self, target)

    Path.rename = rename  # type: ignore[method-assign, assignment]
    restoring.restore(instance, path, NOON)


def test_a_restore_that_is_killed_at_any_step_is_finished_by_the_next_call(
    web_instance: Instance, lived: Path, tmp_path: Path
) -> None:
    (web_instance.folder / "config.py").write_text('HOSTS = ["new.example"]\n')
    lived = lived.rename(tmp_path / lived.name)
    whole, template = contents(web_instance.folder), web_instance.folder.rename(tmp_path / "template")
    planned = 0
    for after in itertools.count():
        shutil.copytree(template, web_instance.folder)
        process = FORK.Process(target=restore_and_die, args=(web_instance, lived, after))
        process.start()
        process.join()
        if process.exitcode == 0:
            break
        if (web_instance.folder / instances.RESTORE_PLAN).exists():
            planned += 1
            with pytest.raises(InstanceError, match="--finish"):
                instances.open_instance(web_instance)
            assert restoring.finish(web_instance)
            assert all((web_instance.folder / each).is_dir() for each in instances.SUBFOLDERS)
            assert count(web_instance, "annotations") == 1
            assert "old.example" in (web_instance.folder / "config.py").read_text()
        else:
            assert contents(web_instance.folder).items() >= whole.items()
        instances.open_instance(web_instance).close()
        shutil.rmtree(web_instance.folder)
    assert planned >= 8
    assert not restoring.finish(web_instance)


def test_an_erasure_after_the_backup_is_known_to_the_restored_instance(
    web_instance: Instance, lived: Path
) -> None:
    journal = web_instance.folder / "erasures.jsonl"
    journal.write_text('{"kind": "customer", "subject_key": "ab12", "at": "2026-03-02"}\n')
    restoring.restore(web_instance, lived, NOON)
    assert "ab12" in journal.read_text()
    assert os.stat(journal).st_mode & 0o077 == 0


def journalled(instance: Instance, kind: str, subject_key: bytes, project: int | None = None) -> None:
    entry = {"kind": kind, "subject_key": subject_key.hex(), "project": project, "at": "2026-03-02"}
    (instance.folder / "erasures.jsonl").write_text(f"{json.dumps(entry)}\n")


def test_an_erasure_in_a_project_that_is_younger_than_the_backup_is_no_hindrance(
    web_instance: Instance, lived: Path
) -> None:
    journalled(web_instance, "customer", b"somebody", project=2)
    assert restoring.restore(web_instance, lived, NOON).erased == 0
    assert count(web_instance, "erasures") == 0


def test_the_only_admin_of_the_backup_is_erased_again_too(
    web_instance: Instance, web_db: Database, tmp_path: Path
) -> None:
    root = a_user(web_db, "root", "admin")
    path = making.make(web_instance, tmp_path / "backup.tar").path
    journalled(web_instance, "annotator", SubjectKeys(web_instance).annotator(root.name, root.created_at))
    web_db.close()
    done = restoring.restore(web_instance, path, NOON)
    assert (done.erased, done.has_admin) == (1, False)
    with closing(open_database(web_instance.database)) as db:
        assert [user.name for user in users.everyone(db)] == [f"erased-{root.id}"]


def test_a_damaged_journal_costs_its_damaged_lines_alone(web_instance: Instance, lived: Path) -> None:
    journal = web_instance.folder / "erasures.jsonl"
    whole = b'{"kind": "customer", "subject_key": "ab12", "project": null, "at": "2026"}'
    journal.write_bytes(b'\xff\xfe\n{"subject_key": "cd34"}\n' + whole + b'\n{"kind": "cust')
    restoring.restore(web_instance, lived, NOON)
    assert [entry["subject_key"] for entry in erasing.read_journal(web_instance)] == ["ab12"]
