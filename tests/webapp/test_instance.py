from pathlib import Path

import pytest
from sqlite_utils import Database

from webapp import instance as instances
from webapp.instance import Instance, InstanceError


@pytest.fixture
def made(tmp_path: Path) -> Instance:
    where = instances.locate(tmp_path / "deep" / "here")
    instances.create(where)
    return where


def test_a_new_instance_is_private_and_ready(made: Instance) -> None:
    assert made.folder.stat().st_mode & 0o777 == 0o700
    assert len(instances.secret_key(made)) >= 32
    instances.open_instance(made).close()


def test_create_completes_and_keeps_what_is_there(made: Instance) -> None:
    key = instances.secret_key(made)
    made.encoders.rmdir()
    instances.create(made)
    assert instances.secret_key(made) == key
    assert made.encoders.is_dir()


def test_two_instances_have_two_keys(made: Instance, tmp_path: Path) -> None:
    other = instances.locate(tmp_path / "other")
    instances.create(other)
    assert instances.secret_key(made) != instances.secret_key(other)


@pytest.mark.parametrize("key", ["", "short", "a" * 64])
def test_a_weak_key_stops_the_start(made: Instance, key: str) -> None:
    made.secret_key_file.write_text(key)
    with pytest.raises(InstanceError, match="weak"):
        instances.secret_key(made)


def test_a_key_that_others_can_read_stops_the_start(made: Instance) -> None:
    made.secret_key_file.chmod(0o644)
    with pytest.raises(InstanceError, match="chmod 600"):
        instances.secret_key(made)


def test_a_missing_key_stops_the_start(made: Instance) -> None:
    made.secret_key_file.unlink()
    with pytest.raises(InstanceError, match="winnow init"):
        instances.secret_key(made)


def test_a_database_that_waits_for_a_migration_is_not_opened(made: Instance) -> None:
    db: Database = instances.open_instance(made)
    db.execute("DELETE FROM _sqlite_migrations WHERE name = (SELECT max(name) FROM _sqlite_migrations)")
    db.conn.commit()
    db.close()
    with pytest.raises(InstanceError, match="winnow migrate"):
        instances.open_instance(made)


def test_no_instance_is_said_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InstanceError, match="winnow init"):
        instances.open_instance(instances.locate(tmp_path))


def test_the_folder_asked_for_wins_over_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINNOW_INSTANCE", str(tmp_path / "environment"))
    assert instances.locate().folder == tmp_path / "environment"
    assert instances.locate(tmp_path / "asked").folder == tmp_path / "asked"
    monkeypatch.delenv("WINNOW_INSTANCE")
    assert instances.locate().folder == Path.cwd() / "instance"
