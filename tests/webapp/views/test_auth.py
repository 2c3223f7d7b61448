"""The login form: what it says, and how often it may be tried."""

import re
from types import SimpleNamespace

import pytest
from builders import PASSWORD, Clock, a_user
from flask import Flask
from sqlite_utils import Database
from visitor import Browser

from webapp.access import passwords
from webapp.access.passwords import needs_rehash
from webapp.store import login_attempts, users

WRONG = {"name": "ada", "password": "wrong"}


def test_an_empty_form_says_what_is_missing(browser: Browser) -> None:
    answer = browser.post("/login", {"name": "", "password": "x"})
    assert answer.status_code == 422
    assert 'id="name-error"' in answer.text


def test_wrong_name_wrong_password_and_closed_account_look_the_same(
    browser: Browser, web_db: Database
) -> None:
    a_user(web_db, "root", "admin")
    a_user(web_db, "ada")
    users.disable(web_db, a_user(web_db, "gone").id, by=None)
    tries = [("ada", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD)]
    answers = [browser.post("/login", {"name": name, "password": password}) for name, password in tries]
    tokens = re.compile(r'value="[^"]*"|X-CSRFToken": "[^"]*"')
    assert {answer.status_code for answer in answers} == {422}
    assert len({tokens.sub("", answer.text) for answer in answers}) == 1


def test_what_was_typed_as_name_is_shown_as_text(browser: Browser) -> None:
    page = browser.post("/login", {"name": '"><script>alert(1)</script>', "password": "x"}).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_guessing_is_stopped_across_processes_without_locking_the_owner_out(
    app: Flask, browser: Browser, web_db: Database
) -> None:
    a_user(web_db)
    statuses = [browser.post("/login", WRONG).status_code for _ in range(9)]
    assert statuses == [422] * 8 + [429]
    stopped = browser.post("/login", {"name": "ada", "password": PASSWORD})
    assert stopped.status_code == 429
    assert 0 < int(stopped.headers["Retry-After"]) <= 900
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    owner = Browser(app.test_client())
    assert (
        owner.post("/login", {"name": "ada", "password": PASSWORD}, environ_overrides=elsewhere).status_code
        == 303
    )


def test_a_forwarded_address_does_not_get_around_the_limit(browser: Browser, web_db: Database) -> None:
    a_user(web_db)
    token = browser.token()
    form = {**WRONG, "csrf_token": token}
    addresses = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(9)]
    statuses = [
        browser.client.post("/login", data=form, headers=headers).status_code for headers in addresses
    ]
    assert statuses[-1] == 429


def test_the_limit_ends_after_a_while(browser: Browser, web_db: Database, clock: Clock) -> None:
    a_user(web_db)
    for _ in range(9):
        browser.post("/login", WRONG)
    clock.forward(minutes=16)
    assert browser.post("/login", {"name": "ada", "password": PASSWORD}).status_code == 303


def test_an_old_hash_is_made_anew_at_the_login_and_the_session_stays(
    browser: Browser, web_db: Database
) -> None:
    user = a_user(web_db)
    assert needs_rehash(users.password_hash(web_db, user.id))
    browser.post("/login", {"name": "ada", "password": PASSWORD})
    assert not needs_rehash(users.password_hash(web_db, user.id))
    assert browser.get("/account").status_code == 200


@pytest.mark.parametrize("fields", [{"role": "admin"}, {"user_id": "1"}, {"is_admin": "1"}])
def test_extra_fields_give_no_rights(browser: Browser, web_db: Database, fields: dict[str, str]) -> None:
    user = a_user(web_db)
    browser.post("/login", {"name": "ada", "password": PASSWORD, **fields})
    assert users.by_id(web_db, user.id).role == "annotator"


def test_whoever_is_logged_in_does_not_see_the_form(annotator: Browser) -> None:
    assert annotator.get("/login").headers["Location"] == "/"


def test_a_known_browser_gets_in_while_strangers_try_the_name_everywhere(
    app: Flask, browser: Browser, web_db: Database, clock: Clock
) -> None:
    a_user(web_db)
    right = {"name": "ada", "password": PASSWORD}
    browser.post("/login", right)
    browser.post("/logout")
    for number in range(login_attempts.LIMIT_PER_NAME):
        login_attempts.begin(web_db, "ada", f"192.0.2.{number}", clock())
    stranger = Browser(app.test_client())
    assert stranger.post("/login", right).status_code == 429
    stranger.client.set_cookie("winnow-known", "[1].forged")
    assert stranger.post("/login", right).status_code == 429
    assert browser.post("/login", right).status_code == 303


def test_right_passwords_do_not_count_as_guesses(app: Flask, web_db: Database) -> None:
    a_user(web_db)
    for _ in range(login_attempts.LIMIT_PER_NAME_AND_ADDRESS + 2):
        assert (
            Browser(app.test_client()).post("/login", {"name": "ada", "password": PASSWORD}).status_code
            == 303
        )
    assert web_db["login_failures"].count == 0


@pytest.mark.parametrize("name", ["ada", "nobody", "gone"])
def test_every_try_costs_one_hash_whoever_it_is_for(
    browser: Browser, web_db: Database, name: str, hashes: list[str]
) -> None:
    a_user(web_db, "root", "admin")
    a_user(web_db, "ada")
    users.disable(web_db, a_user(web_db, "gone").id, by=None)
    browser.post("/login", {"name": name, "password": "wrong"})
    assert len(hashes) == 1


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every hash that is compared from now on, with the library's own work done as ever."""
    compared: list[str] = []
    verify = passwords._hasher.verify

    def counted(stored: str, password: str) -> bool:
        compared.append(stored)
        return verify(stored, password)

    passwords.matches(None, "the hash for unknown accounts is made once")
    monkeypatch.setattr(passwords, "_hasher", SimpleNamespace(verify=counted))
    return compared
