"""Where one is logged in: seen, ended, and never for longer than the settings say."""

import re
from collections.abc import Callable

import pytest
from builders import PASSWORD, Clock, a_user, the_user
from flask import Flask
from sqlite_utils import Database
from visitor import Browser

from webapp import create_app
from webapp.instance import Instance
from webapp.store import sessions

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
KEY = re.compile(r'name="session" value="([0-9a-f]{16})"')


@pytest.fixture
def elsewhere(app: Flask, annotator: Browser) -> Browser:
    """The same person in a second browser."""
    browser = Browser(app.test_client())
    browser.client.environ_base["HTTP_USER_AGENT"] = FIREFOX
    browser.post("/login", {"name": the_user(annotator).name, "password": PASSWORD})
    return browser


def contents(db: Database) -> list[list[dict[str, object]]]:
    """What a stolen session is after."""
    return [list(db[name].rows) for name in ("users", "api_tokens", "erasures", "jobs")]


def is_in(browser: Browser) -> bool:
    return browser.get("/account").status_code == 200


def test_one_s_sessions_are_listed_with_their_browsers(annotator: Browser, elsewhere: Browser) -> None:
    page = annotator.get("/account").text
    assert "Firefox on Linux" in page
    assert FIREFOX not in page
    assert page.count("this one") == 1 and len(KEY.findall(page)) == 1


def test_one_session_is_ended_and_this_one_stays(annotator: Browser, elsewhere: Browser) -> None:
    (key,) = KEY.findall(annotator.get("/account").text)
    assert annotator.post("/account/sessions", {"session": key}).status_code == 303
    assert (is_in(annotator), is_in(elsewhere)) == (True, False)
    assert annotator.post("/account/sessions", {"session": key}).status_code == 404


@pytest.mark.parametrize(("which", "stays"), [("others", True), ("all", False)])
def test_log_out_everywhere(annotator: Browser, elsewhere: Browser, which: str, stays: bool) -> None:
    annotator.post("/account/sessions", {"session": which})
    assert (is_in(annotator), is_in(elsewhere)) == (stays, False)


def test_nobody_ends_another_s_session(
    log_in: Callable[..., Browser], annotator: Browser, elsewhere: Browser
) -> None:
    (key,) = KEY.findall(annotator.get("/account").text)
    assert log_in("bob").post("/account/sessions", {"session": key}).status_code == 404
    assert is_in(elsewhere)


def test_an_admin_logs_somebody_out_everywhere(
    admin: Browser, annotator: Browser, elsewhere: Browser
) -> None:
    page = admin.get(f"/people/{the_user(annotator).id}").text
    assert "Firefox on Linux" in page
    admin.post(f"/people/{the_user(annotator).id}/sessions")
    assert (is_in(admin), is_in(annotator), is_in(elsewhere)) == (True, False, False)
    assert "Nowhere at the moment." in admin.get(f"/people/{the_user(annotator).id}").text


def test_an_old_session_gives_the_password_before_it_ends_others(
    annotator: Browser, elsewhere: Browser, clock: Clock
) -> None:
    clock.forward(minutes=20)
    sent_to = annotator.post("/account/sessions", {"session": "others"}).headers["Location"]
    assert sent_to == "/account/confirm?next=/account%23sessions"
    assert is_in(elsewhere)
    assert annotator.post("/account/confirm", {"current": "wrong"}).status_code == 422
    before = annotator.client.get_cookie("winnow")
    answer = annotator.post("/account/confirm", {"current": PASSWORD, "next": "/account#sessions"})
    assert answer.headers["Location"] == "/account#sessions"
    after = annotator.client.get_cookie("winnow")
    assert before is not None and after is not None and before.value != after.value
    annotator.post("/account/sessions", {"session": "others"})
    assert not is_in(elsewhere)


def test_what_comes_after_the_password_is_a_page_of_ours(annotator: Browser) -> None:
    answer = annotator.post("/account/confirm", {"current": PASSWORD, "next": "//evil.example"})
    assert answer.headers["Location"] == "/account"


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("/people", {"name": "eve", "role": "admin", "password": ""}),
        ("/people/{ada}/role", {"role": "admin"}),
        ("/people/{ada}/password", {"password": ""}),
        ("/tokens", {"user": "1", "scopes": "admin", "days": "30", "name": "thief"}),
        ("/privacy/customer/erase", {"customer": "c1", "project": ""}),
        ("/privacy/annotator/erase", {"user": "{ada}"}),
    ],
)
def test_an_old_session_makes_no_admins_and_tokens_sets_no_passwords_and_erases_nobody(
    admin: Browser, annotator: Browser, clock: Clock, address: str, form: dict[str, str], web_db: Database
) -> None:
    clock.forward(minutes=20)
    ada = the_user(annotator).id
    before = contents(web_db)
    answer = admin.post(
        address.format(ada=ada), {name: value.format(ada=ada) for name, value in form.items()}
    )
    assert answer.headers["Location"].startswith("/account/confirm?next=/")
    assert contents(web_db) == before


def test_the_limits_are_settings(web_instance: Instance, web_db: Database, clock: Clock) -> None:
    short = {
        "TESTING": True,
        "COOKIE_SECURE": False,
        "CLOCK": clock,
        "SESSION_IDLE_HOURS": 1,
        "SESSION_DAYS": 1,
    }
    app, user = create_app(web_instance.folder, short), a_user(web_db)
    for pauses, alive in (([0.9] * 3, True), ([1.1], False), ([0.9] * 27, False)):
        browser = Browser(app.test_client())
        browser.client.set_cookie("winnow", sessions.start(web_db, user.id, clock()))
        for hours in pauses:
            clock.forward(hours=hours)
            last = is_in(browser)
        assert last == alive, pauses


def test_a_session_that_ran_out_is_not_listed(annotator: Browser, web_db: Database, clock: Clock) -> None:
    sessions.start(web_db, the_user(annotator).id, clock(), FIREFOX)
    clock.forward(hours=11)
    annotator.get("/account")
    clock.forward(hours=2)
    assert "Firefox" not in annotator.get("/account").text
