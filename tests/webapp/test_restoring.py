"""Restore: everything is checked first, then all is swapped or nothing; nobody stays logged in."""

import io
import itertools
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from builders import NOON, a_checkpoint, a_finished_round, a_project, a_user, an_annotation
from sqlite_utils import Database

import migrations
from migrations.ordered import migrations as steps
from webapp import backup_file, backups, create_app, instance_lock, restoring
from webapp import instance as instances
from webapp.instance import Instance, InstanceError
from webapp.instance_lock import InstanceInUse
from webapp.store import sessions
from webapp.store.backups import BackupError
from webapp.store.connection import open_database

FORK = multiprocessing.get_context("fork")
STEPS = [step.name for step in steps._migrations]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of an instance but those that locks and backups are made of."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "backups/" not in path.as_posix() and path.name != instance_lock.NAME
    }


def count(instance: Instance, table: str) -> int:
    with closing(open_database(instance.database)) as db:
        return db.table(table).count


@pytest.fixture
def lived(web_instance: Instance, migrated: bytes) -> Path:
    """The backup of an instance with a label, a round and its checkpoint, and people logged in; it lives on since."""
    with closing(open_database(web_instance.database)) as db:
        project, ada = a_project(db), a_user(db)
        an_annotation(db, project, ada)
        a_checkpoint(web_instance, db, a_finished_round(db, project))
        sessions.start(db, ada.id, NOON)
        columns = "user_id, prefix, token_hash, scopes, created_at"
        db.execute(f"INSERT INTO api_tokens ({columns}) VALUES (1, 'w', x'00', 'read', '2026')")
        (web_instance.folder / "config.py").write_text('HOSTS = ["old.example"]\n')
        path = backups.make(web_instance).path
        an_annotation(db, project, ada)
        (web_instance.folder / "uploads").mkdir()
        (web_instance.folder / "uploads" / "later.csv").touch()
    return path


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
    path = backups.make(old).path
    new = Instance(tmp_path / "new")
    done = restoring.restore(new, path, NOON)
    assert (done.migrated, done.sessions) == (STEPS[version:], 1)
    assert (count(new, "users"), count(new, "sessions")) == (1, 0)
    instances.open_instance(new).close()
    assert create_app(new.folder, {"TESTING": True}).test_client().get("/login").status_code == 200


def test_a_backup_of_a_newer_version_is_refused(web_instance: Instance, web_db: Database) -> None:
    web_db.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('winnow', '0999_future', '2030')"
    )
    path = backups.make(web_instance).path
    web_db.close()
    refused(web_instance, path, "newer Winnow.*0999_future")


def test_a_database_with_a_trigger_of_somebody_elses_is_refused(
    web_instance: Instance, web_db: Database
) -> None:
    web_db.execute("CREATE TRIGGER evil AFTER INSERT ON users BEGIN UPDATE users SET role = 'admin'; END")
    path = backups.make(web_instance).path
    web_db.close()
    refused(web_instance, path, "not Winnow's")


def refused(instance: Instance, path: Path, why: str) -> None:
    """The restore says why, and has not touched a thing."""
    before = contents(instance.folder)
    with pytest.raises(BackupError, match=why):
        restoring.restore(instance, path, NOON)
    assert contents(instance.folder) == before


def a_member(name: str, content: bytes = b"", **header: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in header.items():
        setattr(info, key, value)
    return info, content


HOSTILE = {
    "a path upwards": a_member("../evil", b"x"),
    "a path upwards in a folder": a_member("checkpoints/../../evil", b"x"),
    "an absolute path": a_member("/evil", b"x"),
    "a backslash": a_member("checkpoints\\evil", b"x"),
    "a hidden name": a_member("checkpoints/.evil", b"x"),
    "a name of no backup": a_member("evil.sh", b"x"),
    "a symbolic link": a_member("checkpoints/evil", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a hard link": a_member("checkpoints/evil", type=tarfile.LNKTYPE, linkname="secret_key"),
    "a device": a_member("checkpoints/evil", type=tarfile.CHRTYPE),
    "a fifo": a_member("checkpoints/evil", type=tarfile.FIFOTYPE),
    "a folder": a_member("checkpoints/evil", type=tarfile.DIRTYPE),
    "a sparse bomb": a_member("checkpoints/evil", type=tarfile.GNUTYPE_SPARSE),
    "metadata that swells": a_member("checkpoints/evil", b"x" * 512, type=tarfile.XHDTYPE),
    "a name that swells": a_member("checkpoints/evil", b"x" * 5000, type=tarfile.GNUTYPE_LONGNAME),
    "the same file again": a_member("secret_key", b"x"),
    "a file that the manifest does not name": a_member("checkpoints/evil/x", b"x"),
}


@pytest.mark.parametrize("member", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_member_is_refused_before_anything_is_touched(
    web_instance: Instance, lived: Path, member: tuple[tarfile.TarInfo, bytes]
) -> None:
    with tarfile.open(lived, "a:", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(member[0], io.BytesIO(member[1]))
    refused(web_instance, lived, "backup")
    assert not list(web_instance.folder.parent.rglob("evil*"))


def test_a_compressed_bomb_is_no_backup(web_instance: Instance, tmp_path: Path) -> None:
    path = tmp_path / "bomb.tar"
    with tarfile.open(path, "w:gz") as tar:
        info, content = a_member("winnow.sqlite", b"\0" * 1_000_000)
        tar.addfile(info, io.BytesIO(content))
    refused(web_instance, path, "no backup of Winnow's")


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """A backup with other members whose manifest agrees with them: what somebody who knows the format can make."""
    with tarfile.open(path) as tar:
        members = {each.name: file.read() for each in tar if (file := tar.extractfile(each)) is not None}
    members.pop("manifest.json")
    change(members)
    folder = path.parent / "rewritten"
    for name, content in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    manifest = backups.verify(path)
    out = path.with_name("rewritten.tar")
    with out.open("wb") as file:
        backup_file.write(
            file,
            [(name, folder / name) for name in members],
            0,
            lambda written: backup_file.Manifest(
                "0", "2026", manifest.migrations, manifest.rows, written, []
            ),
        )
    return out


def test_a_checkpoint_that_was_exchanged_is_refused_though_the_manifest_agrees(
    web_instance: Instance, lived: Path
) -> None:
    path = rewritten(
        lived, lambda members: members.update({"checkpoints/checkpoint-1/model/head.json": b"evil"})
    )
    refused(web_instance, path, "checkpoint-1 in this backup does not match")


def test_a_database_that_was_exchanged_is_refused_though_the_manifest_agrees(
    web_instance: Instance, lived: Path, migrated: bytes
) -> None:
    refused(web_instance, rewritten(lived, lambda m: m.update({"winnow.sqlite": migrated})), "not the one")
    refused(web_instance, rewritten(lived, lambda m: m.update({"winnow.sqlite": b"evil" * 999})), "damaged")


def test_a_config_that_does_more_than_set_values_does_not_run(
    web_instance: Instance, lived: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    evil = f"HOSTS = ['x']\nopen({str(mark)!r}, 'w')\n".encode()
    path = rewritten(lived, lambda members: members.update({"config.py": evil}))
    done = restoring.restore(web_instance, path, NOON)
    assert done.config_aside
    create_app(web_instance.folder, {"TESTING": True})
    assert not mark.exists()
    assert (web_instance.folder / restoring.CONFIG_ASIDE).read_bytes() == evil
    assert (web_instance.folder / "config.py").read_text() == 'HOSTS = ["old.example"]\n'


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
