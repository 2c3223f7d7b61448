"""One's own account."""

import pytest
from builders import PASSWORD
from flask import Flask
from sqlite_utils import Database
from visitor import Browser

from webapp.store import users

NEW = "a new and longer password"


def change(browser: Browser, current: str = PASSWORD, new: str = NEW, again: str = NEW) -> int:
    return browser.post("/account/password", {"current": current, "new": new, "again": again}).status_code


def test_a_new_password_works_and_logs_every_other_device_out(app: Flask, annotator: Browser) -> None:
    other = Browser(app.test_client())
    other.post("/login", {"name": "ada", "password": PASSWORD})
    assert change(annotator) == 303
    assert annotator.get("/account").status_code == 200
    assert other.get("/account").status_code == 303
    assert Browser(app.test_client()).post("/login", {"name": "ada", "password": NEW}).status_code == 303


@pytest.mark.parametrize(
    "fields",
    [
        {"current": "wrong"},
        {"new": "short", "again": "short"},
        {"again": "another"},
        {"new": "x" * 1025, "again": "x" * 1025},
    ],
)
def test_a_password_that_will_not_do_is_refused_beside_its_field(
    annotator: Browser, web_db: Database, fields: dict[str, str]
) -> None:
    assert annotator.user is not None
    before = users.password_hash(web_db, annotator.user.id)
    assert change(annotator, **fields) == 422
    assert users.password_hash(web_db, annotator.user.id) == before


def test_an_open_session_is_no_way_to_guess_the_password(annotator: Browser) -> None:
    for _ in range(8):
        assert change(annotator, current="wrong") == 422
    assert change(annotator) == 422


def test_the_language_stays_with_the_account(app: Flask, annotator: Browser, web_db: Database) -> None:
    assert annotator.user is not None
    annotator.post("/account/preferences", {"locale": "zh", "theme": ""})
    assert users.by_id(web_db, annotator.user.id).locale == "zh"
    assert '<html lang="zh-Hans"' in annotator.get("/account").text
    annotator.post("/account/preferences", {"locale": "klingon", "theme": ""})
    assert users.by_id(web_db, annotator.user.id).locale is None


def test_the_look_stays_with_the_browser(annotator: Browser) -> None:
    annotator.post("/account/preferences", {"locale": "", "theme": "dark"})
    assert 'data-theme="dark"' in annotator.get("/account").text
    annotator.post("/account/preferences", {"locale": "", "theme": ""})
    assert "data-theme" not in annotator.get("/account").text


def test_nobody_gets_rights_by_extra_fields(annotator: Browser, web_db: Database) -> None:
    assert annotator.user is not None
    annotator.post("/account/preferences", {"locale": "en", "theme": "", "role": "admin", "user_id": "1"})
    assert users.by_id(web_db, annotator.user.id).role == "annotator"
