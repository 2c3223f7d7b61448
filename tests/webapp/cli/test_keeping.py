import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders import NOON, a_checkpoint, a_finished_round, a_project, a_user, an_annotation
from click.testing import CliRunner, Result
from damaged import damage_a_leaf
from sqlite_utils import Database

from webapp import instance_lock
from webapp.backups import backup_folder, making
from webapp.cli import main
from webapp.instance import Instance
from webapp.store import alarms, jobs, users, work
from webapp.store.connection import utc_now

Winnow = Callable[..., Result]


def test_backup_says_what_is_in_it_and_verify_agrees(winnow: Winnow, db: Database, tmp_path: Path) -> None:
    an_annotation(db, a_project(db), users.everyone(db)[0])
    made = winnow("backup", tmp_path)
    assert made.exit_code == 0, made.output
    [path] = tmp_path.glob("*.tar")
    contents = "1 projects, 5 reviews, 1 annotations, 1 users, 0 checkpoints"
    assert str(path) in made.stdout and contents in made.stdout
    assert f"{path} is whole: {contents}" in winnow("backup", "--verify", path).stdout
    path.write_bytes(path.read_bytes()[:-20_000])
    broken = winnow("backup", "--verify", path)
    assert broken.exit_code == 1 and broken.stderr.startswith("Error: ")


@pytest.mark.usefixtures("db")
def test_backup_says_what_it_leaves_out(winnow: Winnow, instance: Instance, tmp_path: Path) -> None:
    (instance.folder / "assets").mkdir()
    (instance.folder / "assets" / "htmx.min.js~").touch()
    made = winnow("backup", tmp_path)
    assert made.exit_code == 0 and "assets/htmx.min.js~" in made.stderr


@pytest.mark.usefixtures("db")
def test_a_destroyed_instance_comes_back_and_nobody_is_logged_in(winnow: Winnow, tmp_path: Path) -> None:
    winnow("backup", tmp_path / "b.tar")
    elsewhere = tmp_path / "elsewhere"
    done = CliRunner().invoke(main, ["--instance", str(elsewhere), "restore", str(tmp_path / "b.tar")])
    assert done.exit_code == 0, done.output
    assert "Ended 0 sessions, revoked 0 API tokens." in done.stdout
    listed = CliRunner().invoke(main, ["--instance", str(elsewhere), "user", "list"])
    assert "root" in listed.stdout


def test_restore_refuses_while_a_command_is_at_work(winnow: Winnow, instance: Instance, db: Database) -> None:
    winnow("backup")
    path = backup_folder.newest(instance.folder)
    with instance_lock.shared(instance):
        refused = winnow("restore", path)
    assert refused.exit_code == 1 and "Stop it" in refused.stderr
    with instance_lock.alone(instance):
        assert "being restored" in winnow("user", "list").stderr
        assert "being restored" in winnow("worker").stderr


def test_wrong_usage(winnow: Winnow) -> None:
    assert winnow("restore").exit_code == 2
    assert winnow("backup", "--verify").exit_code == 2
    assert "no restore to finish" in winnow("restore", "--finish").stdout


@pytest.fixture
def well(instance: Instance, db: Database) -> None:
    """An instance with nothing to find fault with."""
    work.worker_seen(db, "w", "host", 1, utc_now())
    a_checkpoint(instance, db, a_finished_round(db, a_project(db)))
    making.make(instance)


def wrong(winnow: Winnow) -> dict[str, dict[str, str]]:
    """What the doctor finds, by the name of the check."""
    result = winnow("doctor", "--json")
    found = {each["check"]: each for each in json.loads(result.stdout) if not each["ok"]}
    assert result.exit_code == (1 if found else 0)
    assert all(each["advice"] for each in found.values())
    return found


@pytest.mark.usefixtures("well")
def test_the_doctor_finds_nothing_wrong_with_a_sound_instance(winnow: Winnow) -> None:
    assert wrong(winnow) == {}
    assert "integrity" in winnow("doctor").stdout


@pytest.mark.usefixtures("well")
def test_the_doctor_finds_each_fault_and_says_what_to_do(
    winnow: Winnow, instance: Instance, db: Database
) -> None:
    alarms.raise_alarm(db, "annotations-lost", "project:1", NOON)
    assert wrong(winnow).keys() == {"alarms"}
    alarms.settle(db, "annotations-lost", NOON)

    model = instance.checkpoints / "checkpoint-1" / "model" / "head.json"
    model.write_text("altered")
    assert "head.json" in wrong(winnow)["checkpoints"]["found"]
    model.write_text("{}")

    db.execute("PRAGMA foreign_keys = OFF")
    db.execute(
        "INSERT INTO sessions (token_hash, user_id, created_at, seen_at) VALUES (x'00', 99, '2026', '2026')"
    )
    assert "lacks its users" in wrong(winnow)["foreign-keys"]["found"]
    db.execute("DELETE FROM sessions")

    (instance.folder / "before-restore-x").mkdir()
    assert wrong(winnow).keys() == {"former"}
    (instance.folder / "before-restore-x").rmdir()

    instance.secret_key_file.chmod(0o644)
    assert wrong(winnow).keys() == {"configuration", "rights"}


@pytest.mark.usefixtures("well")
def test_the_doctor_finds_pages_that_do_not_agree(winnow: Winnow, instance: Instance, db: Database) -> None:
    db.execute("PRAGMA writable_schema = ON")
    db.execute(
        "UPDATE sqlite_master SET sql = replace(sql, 'user_id', 'seen_at') WHERE name = 'sessions_of_user'"
    )
    db.execute(
        "INSERT INTO sessions (token_hash, user_id, created_at, seen_at) VALUES (x'00', 1, '2026', '2026')"
    )
    db.close()
    assert "sessions_of_user" in wrong(winnow)["integrity"]["found"]


@pytest.mark.usefixtures("well")
@pytest.mark.parametrize("table", ["reviews", "alarms", "jobs", "users"])
def test_the_doctor_tells_of_damaged_pages_and_goes_on_with_the_other_checks(
    winnow: Winnow, instance: Instance, db: Database, table: str
) -> None:
    checks = {each["check"] for each in json.loads(winnow("doctor", "--json").stdout)}
    project = a_project(db, "Large", size=300)
    for number in range(100):
        jobs.create(db, project.id, "encode", {}, None, utc_now())
        a_user(db, f"user-{number}")
        alarms.raise_alarm(db, "test", f"project:{number}", NOON)
    damage_a_leaf(instance.database, table)
    found = wrong(winnow)
    assert "Tree" in found["integrity"]["found"] and found["foreign-keys"]["found"] == "not looked at"
    assert {each["check"] for each in json.loads(winnow("doctor", "--json").stdout)} == checks
    assert "winnow restore" in winnow("doctor").stdout


@pytest.mark.usefixtures("well")
def test_the_doctor_tells_of_a_row_that_holds_what_nobody_wrote(winnow: Winnow, db: Database) -> None:
    """Damage inside a text leaves the page sound."""
    alarms.raise_alarm(db, "test", "project:1", NOON)
    for detail in ("'{'", "CAST(x'ff' AS TEXT)"):
        db.execute(f"UPDATE alarms SET detail = {detail}")
        assert wrong(winnow).keys() == {"alarms"}


@pytest.mark.usefixtures("well")
def test_clean_removes_what_nothing_names_and_only_that(winnow: Winnow, instance: Instance) -> None:
    old = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    orphans = (
        "checkpoints/gone/manifest.json",
        "uploads/gone.csv",
        "checkpoints/.writing-x/y",
        "exports/gone.zip",
    )
    kept = ("uploads/fresh.csv", "config.py", "features/x", "backups/other.tar")
    for name in (*orphans, *kept):
        path = instance.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        for each in (path, path.parent) if name != "uploads/fresh.csv" else ():
            os.utime(each, (old, old))
    assert wrong(winnow).keys() == {"orphans"}
    assert winnow("doctor", "--clean").exit_code == 0
    assert [name for name in orphans if (instance.folder / name).exists()] == []
    assert [name for name in kept if not (instance.folder / name).exists()] == []
    assert (instance.checkpoints / "checkpoint-1").is_dir()
