"""Backups that somebody has altered: refused before anything is touched."""

import io
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from builders import NOON
from restored import backup_of_a_life, refused
from sqlite_utils import Database

from webapp import create_app
from webapp.backups import backup_file, making, restoring
from webapp.instance import Instance


@pytest.fixture
def lived(web_instance: Instance) -> Path:
    """A backup of the instance, which has lived on since."""
    return backup_of_a_life(web_instance)


def test_a_backup_of_a_newer_version_is_refused(web_instance: Instance, web_db: Database) -> None:
    web_db.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('winnow', '0999_future', '2030')"
    )
    path = making.make(web_instance).path
    web_db.close()
    refused(web_instance, path, "newer Winnow.*0999_future")


# The latter look like what SQLite, sqlite-utils and the index of words keep for themselves.
@pytest.mark.parametrize(
    "name", ["evil", "sqliteXevil", "_sqlite_evil", "idx__sqlite_evil", "reviews_fts_evil"]
)
def test_a_database_with_a_trigger_of_somebody_elses_is_refused(
    web_instance: Instance, web_db: Database, name: str
) -> None:
    web_db.execute(f"CREATE TRIGGER {name} AFTER INSERT ON users BEGIN UPDATE users SET role = 'admin'; END")
    path = making.make(web_instance).path
    web_db.close()
    refused(web_instance, path, "not Winnow's")


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


def test_a_hostile_member_is_refused_before_anything_is_touched(web_instance: Instance, lived: Path) -> None:
    sound = lived.read_bytes()
    for what, (header, content) in HOSTILE.items():
        lived.write_bytes(sound)
        with tarfile.open(lived, "a:", format=tarfile.GNU_FORMAT) as tar:
            tar.addfile(header, io.BytesIO(content))
        refused(web_instance, lived, "backup")
        assert not list(web_instance.folder.parent.rglob("evil*")), what
    lived.write_bytes(sound)
    restoring.restore(web_instance, lived, NOON)


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
    manifest = making.verify(path)
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


@pytest.mark.parametrize(
    "line", ["{call}", "X = {call}", "X: {call} = 1", "{{}}[{call}] = 1", "{call}.x = 1"]
)
def test_a_config_that_does_more_than_set_values_does_not_run(
    web_instance: Instance, lived: Path, tmp_path: Path, line: str
) -> None:
    mark = tmp_path / "ran"
    call = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    evil = f"HOSTS = ['x']\n{line.format(call=call)}\n".encode()
    path = rewritten(lived, lambda members: members.update({"config.py": evil}))
    done = restoring.restore(web_instance, path, NOON)
    with suppress(Exception):  # what a program in the place of values does, one line of it may not outlive
        create_app(web_instance.folder, {"TESTING": True})
    assert done.config_aside
    assert not mark.exists()
    assert (web_instance.folder / restoring.CONFIG_ASIDE).read_bytes() == evil
    assert (web_instance.folder / "config.py").read_text() == 'HOSTS = ["old.example"]\n'
