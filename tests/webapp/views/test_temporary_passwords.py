"""A password that somebody else knows is good for one login, for a while, and for nothing but choosing one's own."""

import re

import pytest
from builders import PASSWORD, Clock
from flask import Flask
from sqlite_utils import Database
from visitor import HTMX, Browser

from webapp.store import users

SHOWN = re.compile(r'id="password">([^<]+)<')
NEW = {"new": "nine quiet herons", "again": "nine quiet herons"}


@pytest.fixture
def handed_over(admin: Browser) -> str:
    """The password that an admin made for dora."""
    found = SHOWN.search(admin.post("/people", {"name": "dora", "role": "annotator", "password": ""}).text)
    assert found is not None
    return found[1]


@pytest.fixture
def dora(browser: Browser, handed_over: str) -> Browser:
    assert browser.post("/login", {"name": "dora", "password": handed_over}).status_code == 303
    return browser


def test_nothing_is_open_before_an_own_password_is_chosen(dora: Browser) -> None:
    for address in ("/", "/account", "/projects/1/annotate"):
        assert dora.get(address).headers["Location"] == "/account/password"
    assert dora.client.get("/account", headers=HTMX).status_code == 403
    assert dora.post("/account/preferences", {"locale": "zh"}).status_code == 403
    assert dora.post("/logout").status_code == 303


def test_the_chosen_password_opens_the_pages_and_stays(dora: Browser, app: Flask, handed_over: str) -> None:
    answer = dora.post("/account/password", {"current": handed_over, **NEW})
    assert answer.headers["Location"] == "/"
    assert dora.get("/account").status_code == 200
    again = Browser(app.test_client())
    assert again.post("/login", {"name": "dora", "password": handed_over}).status_code == 422
    again.post("/login", {"name": "dora", "password": NEW["new"]})
    assert again.get("/account").status_code == 200


def test_the_same_password_is_no_new_one(dora: Browser, handed_over: str) -> None:
    same = {"current": handed_over, "new": handed_over, "again": handed_over}
    answer = dora.post("/account/password", same)
    assert answer.status_code == 422 and 'id="new-error"' in answer.text
    assert dora.get("/account").status_code == 303


def test_it_is_good_for_one_login(dora: Browser, app: Flask, handed_over: str) -> None:
    second = Browser(app.test_client()).post("/login", {"name": "dora", "password": handed_over})
    assert second.status_code == 422 and "for one login" in second.text


def test_it_runs_out(browser: Browser, handed_over: str, clock: Clock) -> None:
    clock.forward(hours=73)
    assert browser.post("/login", {"name": "dora", "password": handed_over}).status_code == 422


def test_a_reset_password_is_one_of_these(admin: Browser, annotator: Browser, web_db: Database) -> None:
    assert annotator.user is not None
    admin.post(f"/people/{annotator.user.id}/password", {"password": "eleven loud herons"})
    assert users.by_id(web_db, annotator.user.id).must_choose_password
    assert "chooses a password" in admin.get(f"/people/{annotator.user.id}").text


def test_one_s_own_is_not(annotator: Browser, web_db: Database) -> None:
    assert annotator.user is not None
    annotator.post("/account/password", {"current": PASSWORD, **NEW})
    assert not users.by_id(web_db, annotator.user.id).must_choose_password
