import json
from collections.abc import Callable

import pytest
from click.testing import Result
from sqlite_utils import Database

from webapp.access import passwords
from webapp.store import users

Winnow = Callable[..., Result]


def stored(db: Database, name: str) -> tuple[users.User, str]:
    found = users.by_name(db, name)
    assert found
    return found


def test_a_password_can_come_from_stdin(winnow: Winnow, db: Database) -> None:
    result = winnow(
        "user", "add", "ada", "--role", "annotator", "--password-stdin", stdin="correct horse battery\n"
    )
    assert result.exit_code == 0, result.output
    assert "correct horse" not in result.output
    user, password_hash = stored(db, "ada")
    assert user.role == "annotator"
    assert passwords.matches(password_hash, "correct horse battery")


def test_a_short_password_is_refused(winnow: Winnow, db: Database) -> None:
    result = winnow("user", "add", "ada", "--role", "admin", "--password-stdin", stdin="short\n")
    assert result.exit_code == 1
    assert "12" in result.stderr
    assert users.by_name(db, "ada") is None


def test_without_stdin_a_password_is_made_and_printed(winnow: Winnow, db: Database) -> None:
    result = winnow("user", "add", "ada", "--role", "annotator")
    password = result.stdout.split("password  ")[1].split()[0]
    assert passwords.matches(stored(db, "ada")[1], password)


def test_a_name_is_given_once(winnow: Winnow, db: Database) -> None:
    result = winnow("user", "add", "ROOT", "--role", "annotator")
    assert result.exit_code == 1
    assert "already" in result.stderr


def test_users_are_listed_without_their_hashes(winnow: Winnow, db: Database) -> None:
    listed = json.loads(winnow("user", "list", "--json").stdout)
    assert [(user["name"], user["role"]) for user in listed] == [("root", "admin")]
    assert "argon2" not in winnow("user", "list").stdout


def test_the_last_admin_stays(winnow: Winnow, db: Database) -> None:
    result = winnow("user", "disable", "root")
    assert result.exit_code == 1
    assert "last active admin" in result.stderr


def test_a_disabled_account_is_closed(winnow: Winnow, db: Database) -> None:
    winnow("user", "add", "ada", "--role", "annotator")
    assert winnow("user", "disable", "ada").exit_code == 0
    assert stored(db, "ada")[0].disabled_at is not None


def test_passwd_sets_another_password(winnow: Winnow, db: Database) -> None:
    before = stored(db, "root")[1]
    result = winnow("user", "passwd", "root")
    password = result.stdout.split("password  ")[1].split()[0]
    assert stored(db, "root")[1] != before
    assert passwords.matches(stored(db, "root")[1], password)


def test_an_unknown_name_is_an_error(winnow: Winnow, db: Database) -> None:
    assert winnow("user", "passwd", "nobody").exit_code == 1


def test_a_password_that_is_no_text_is_said(winnow: Winnow, db: Database) -> None:
    words = b"caf\xe9 staple unusual lantern\n"
    result = winnow("user", "add", "ada", "--role", "annotator", "--password-stdin", stdin=words)
    assert result.exit_code == 1 and "no text in UTF-8" in result.stderr


@pytest.mark.parametrize("name", ["erased-2", "Erased-77"])
def test_nobody_has_the_name_of_an_erased_account(winnow: Winnow, db: Database, name: str) -> None:
    result = winnow("user", "add", name, "--role", "annotator")
    assert result.exit_code == 1 and "already" in result.stderr
