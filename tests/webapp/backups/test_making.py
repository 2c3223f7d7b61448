"""Backups of an instance at work: one consistent, verified file, and rotation."""

import json
import multiprocessing
import os
import stat
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders import NOON, a_checkpoint, a_finished_round, a_project, a_user, an_annotation
from sqlite_utils import Database

from webapp.backups import backup_folder, making
from webapp.backups.making import BackupUnderWay
from webapp.instance import Instance
from webapp.store import backups as records
from webapp.store.backups import BackupError
from webapp.store.connection import open_database, write_transaction


def write_on(instance: Instance, acknowledge: "multiprocessing.connection.Connection") -> None:
    """Write labels as fast as possible, each acknowledged once it is committed, and always two rows together."""
    with closing(open_database(instance.database)) as db:
        for number in range(1_000_000):
            with write_transaction(db):
                for table in ("first", "second"):
                    db.execute(f"INSERT INTO {table} VALUES (?, ?)", [number, os.urandom(200)])
            acknowledge.send(number + 1)
            time.sleep(0.002)  # as people do: a writer without any pause starves all others


@contextmanager
def a_writer(instance: Instance, db: Database) -> Iterator["multiprocessing.connection.Connection"]:
    db.execute("CREATE TABLE first (number INTEGER PRIMARY KEY, noise BLOB)")
    db.execute("CREATE TABLE second (number INTEGER PRIMARY KEY REFERENCES first (number), noise BLOB)")
    context = multiprocessing.get_context("fork")
    acknowledged, acknowledge = context.Pipe(duplex=False)
    process = context.Process(target=write_on, args=(instance, acknowledge))
    process.start()
    try:
        yield acknowledged
    finally:
        process.kill()
        process.join()


def newest_of(pipe: "multiprocessing.connection.Connection") -> int:
    """The last number that was acknowledged; waits for one at least."""
    number: int = pipe.recv()
    while pipe.poll():
        number = pipe.recv()
    return number


def test_a_backup_while_others_write_is_consistent_and_has_all_that_was_acknowledged(
    web_instance: Instance, web_db: Database, tmp_path: Path
) -> None:
    with a_writer(web_instance, web_db) as acknowledged:
        for number in range(4):
            before = newest_of(acknowledged)
            made = making.make(web_instance, tmp_path / f"{number}.tar")
            assert newest_of(acknowledged) > before, "the writer went on"
            assert made.manifest.rows["first"] == made.manifest.rows["second"] >= before
            assert making.verify(made.path) == made.manifest


def test_a_stray_file_of_a_name_that_no_backup_has_is_left_out_and_named(
    web_instance: Instance, web_db: Database
) -> None:
    for name in ("htmx.min.js", "htmx.min.js~", "#notes#", "é.js"):
        (web_instance.folder / "assets").mkdir(exist_ok=True)
        (web_instance.folder / "assets" / name).write_text("//")
    (web_instance.folder / "encoders").mkdir()
    (web_instance.folder / "encoders" / "(copy)").write_text("")
    made = making.make(web_instance, now=NOON)
    assert made.left_out == ["assets/#notes#", "assets/htmx.min.js~"]
    assert {name for name in made.manifest.members if name.startswith("assets")} == {
        "assets/htmx.min.js",
        "assets/é.js",
    }
    making.verify(made.path)
    again = making.make(web_instance, with_encoders=True, now=NOON + timedelta(hours=1))
    assert "encoders/(copy)" in again.left_out


def test_a_backup_holds_what_an_instance_needs_and_nobody_else_reads_it(
    web_instance: Instance, web_db: Database
) -> None:
    project = a_project(web_db)
    version = a_finished_round(web_db, project)
    a_checkpoint(web_instance, web_db, version)
    (web_instance.folder / "config.py").write_text("BACKUP_EVERY_HOURS = 12\n")
    (web_instance.folder / "erasures.jsonl").write_text("{}\n")
    for name in ("features/x.npy", "encoders/tiny/config.json", "checkpoints/other/manifest.json"):
        (web_instance.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (web_instance.folder / name).write_text("{}")
    made = making.make(web_instance, now=NOON)
    assert made.path == web_instance.folder / "backups" / "winnow-20260301T120000Z.tar"
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.path.parent.stat().st_mode) == 0o700
    assert sorted(made.manifest.members) == [
        f"checkpoints/{version.checkpoint}/manifest.json",
        f"checkpoints/{version.checkpoint}/model/head.json",
        *("config.py", "erasures.jsonl", "secret_key", "winnow.sqlite"),
    ]
    assert made.manifest.rows["reviews"] == 5 and made.manifest.migrations[-1] == "0008_waiting"
    with_encoders = making.make(web_instance, with_encoders=True, now=NOON + timedelta(seconds=1))
    assert "encoders/tiny/config.json" in with_encoders.manifest.members
    [_, first] = records.latest(web_db)
    assert (first.state, first.file, first.bytes) == ("done", made.path.name, made.bytes)
    assert backup_folder.newest(web_instance.folder) == with_encoders.path


def test_a_checkpoint_that_is_damaged_is_left_out_and_named(web_instance: Instance, web_db: Database) -> None:
    version = a_finished_round(web_db, a_project(web_db))
    folder = a_checkpoint(web_instance, web_db, version)
    (folder / "model" / "head.json").write_text("altered")
    manifest = making.make(web_instance).manifest
    assert manifest.missing == [version.checkpoint]
    assert not any(name.startswith("checkpoints/") for name in manifest.members)


def test_a_damaged_database_makes_no_backup_and_the_failure_is_told(
    web_instance: Instance, web_db: Database
) -> None:
    project = a_project(web_db)
    an_annotation(web_db, project, a_user(web_db))
    web_db.execute("PRAGMA foreign_keys = OFF")
    web_db.execute("DELETE FROM labels")
    with pytest.raises(BackupError, match="lacks its labels"):
        making.make(web_instance)
    assert [(each.state, "damaged" in str(each.error)) for each in records.latest(web_db)] == [
        ("failed", True)
    ]
    assert left_in(web_instance) == set()


def left_in(instance: Instance) -> set[str]:
    return {path.name for path in (instance.folder / "backups").iterdir()} - {".lock"}


def test_a_backup_never_replaces_a_file(web_instance: Instance, tmp_path: Path) -> None:
    there = tmp_path / "there.tar"
    there.write_text("precious")
    with pytest.raises(BackupError, match="exists already"):
        making.make(web_instance, there)
    assert there.read_text() == "precious"


def test_one_backup_at_a_time(web_instance: Instance, web_db: Database) -> None:
    with making._one_at_a_time(web_instance), pytest.raises(BackupUnderWay):
        making.make(web_instance)
    assert records.latest(web_db) == []


def test_what_a_killed_backup_left_is_swept_and_its_row_closed(
    web_instance: Instance, web_db: Database
) -> None:
    folder = web_instance.folder / "backups"
    (folder / ".making-abc").mkdir(parents=True)
    (folder / ".winnow-20260101T000000Z.tar.part").touch()
    records.begin(web_db, "schedule", "winnow-20260101T000000Z.tar", NOON)
    made = making.make(web_instance)
    assert left_in(web_instance) == {made.path.name}
    assert [each.state for each in records.latest(web_db)] == ["done", "failed"]


def test_what_a_killed_backup_left_elsewhere_is_no_hindrance_to_the_next(
    web_instance: Instance, tmp_path: Path
) -> None:
    (tmp_path / ".there.tar.part").write_text("half of one")
    assert making.verify(making.make(web_instance, tmp_path / "there.tar").path)
    assert not (tmp_path / ".there.tar.part").exists()


def test_a_full_disk_is_said_before_anything_is_written(
    web_instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "RESERVE_BYTES", 10**18)
    with pytest.raises(BackupError, match="Free some space"):
        making.make(web_instance)
    assert left_in(web_instance) == set()


def test_a_copy_that_takes_too_long_is_given_up(
    web_instance: Instance, web_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "COPY_SECONDS", 0.0)
    monkeypatch.setattr(records, "LOOK_EVERY", 1)
    with pytest.raises(BackupError, match="longer than 0 s"):
        making.make(web_instance)
    assert left_in(web_instance) == set()


def test_every_flipped_byte_of_a_member_is_noticed(web_instance: Instance) -> None:
    path = making.make(web_instance).path
    content = path.read_bytes()
    with tarfile.open(path) as tar:
        places = [member.offset_data + member.size // 2 for member in tar]
    for place in places:
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(BackupError):
            making.verify(path)
    for length in (0, 512, len(content) // 2, places[-1]):
        path.write_bytes(content[:length])
        with pytest.raises(BackupError):
            making.verify(path)


def test_the_manifest_says_what_made_it(web_instance: Instance) -> None:
    with tarfile.open(making.make(web_instance).path) as tar:
        last = tar.getmembers()[-1]
        content = tar.extractfile(last)
        assert content is not None
        manifest = json.load(content)
    assert last.name == "manifest.json"
    assert manifest["winnow"] == "0.1.0" and manifest["rows"]["projects"] == 0


def paths(*stamps: str) -> list[Path]:
    return [Path(f"winnow-{stamp}.tar") for stamp in stamps]


def test_rotation_keeps_a_days_worth_then_one_a_day_then_one_a_week() -> None:
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    hourly = [now - timedelta(hours=hour) for hour in range(24 * 60)]
    made = paths(*(moment.strftime(backup_folder.STAMP) for moment in hourly))
    removed = set(backup_folder.superseded(made, now, 7, 4))
    kept = [backup_folder.made_at(path) for path in made if path not in removed]
    assert kept[:24] == hourly[:24]
    later = [moment.strftime("%m-%d %H") for moment in kept[24:]]
    assert later == [*(f"11-{day} 23" for day in (23, 22, 21, 20, 19)), "11-15 23", "11-08 23"]
    assert {moment.date() for moment in kept} >= {(now - timedelta(days=day)).date() for day in range(7)}
    assert len({moment.isocalendar()[:2] for moment in kept}) == 4


def test_rotation_never_removes_the_newest_nor_what_is_not_ours(web_instance: Instance) -> None:
    folder = web_instance.folder / "backups"
    folder.mkdir()
    names = ("winnow-20200101T000000Z.tar", "winnow-20190101T000000Z.tar", "winnow-mine.tar", "other.tar")
    for name in names:
        (folder / name).touch()
    removed = backup_folder.rotate(web_instance.folder, NOON, 0, 0)
    assert [path.name for path in removed] == ["winnow-20190101T000000Z.tar"]
    assert left_in(web_instance) == set(names) - {"winnow-20190101T000000Z.tar"}
