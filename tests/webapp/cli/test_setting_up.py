import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from webapp.access import passwords
from webapp.cli import main
from webapp.instance import locate, open_instance
from webapp.store import users


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    """A first `winnow init` on a machine that reaches no package index."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    return CliRunner().invoke(main, ["init", "--instance", str(tmp_path / "here"), "--admin", "ann"])


def test_init_makes_an_instance_that_only_its_owner_reads(init: Result, tmp_path: Path) -> None:
    assert init.exit_code == 0, init.output
    assert (tmp_path / "here").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "here" / "secret_key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "here" / "winnow.sqlite").stat().st_mode & 0o077 == 0


def test_the_printed_password_is_the_admins(init: Result, tmp_path: Path) -> None:
    printed = re.search(r"password  (\S{20})\n", init.stdout)
    assert printed
    db = open_instance(locate(tmp_path / "here"))
    found = users.by_name(db, "ann")
    db.close()
    assert found and found[0].is_admin
    assert passwords.matches(found[1], printed[1])


def test_without_a_package_index_init_says_how_to_add_an_encoder_later(init: Result) -> None:
    assert "winnow encoder add" in init.stderr
    assert "Traceback" not in init.output


def test_a_second_init_changes_no_password_and_no_key(init: Result, tmp_path: Path) -> None:
    key = (tmp_path / "here" / "secret_key").read_text()
    again = CliRunner().invoke(main, ["init", "--instance", str(tmp_path / "here")])
    assert again.exit_code == 0
    assert "password  " not in again.stdout
    assert (tmp_path / "here" / "secret_key").read_text() == key


def test_migrate_says_when_there_is_nothing_to_do(winnow: Callable[..., Result]) -> None:
    result = winnow("migrate")
    assert (result.exit_code, result.stdout) == (0, "The database is up to date.\n")
