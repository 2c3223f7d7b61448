"""Sessions that live on the server, and guards on every view."""

from collections.abc import Callable

import pytest
from builders import PASSWORD, Clock, a_project, a_user
from flask import Flask
from routes import addresses
from sqlite_utils import Database
from visitor import HTMX, Browser

from webapp import create_app
from webapp.instance import Instance
from webapp.store import users


def log_in_as(browser: Browser, name: str, password: str = PASSWORD, **fields: str) -> str:
    """Log in by the form; returns where it leads."""
    answer = browser.post("/login", {"name": name, "password": password, **fields})
    return answer.headers.get("Location", "")


def test_a_view_without_a_mark_stops_the_start(app: Flask) -> None:
    from webapp.access.auth import require_marks

    app.view_functions["forgotten"] = lambda: "open to everybody"
    with pytest.raises(RuntimeError, match="forgotten"):
        require_marks(app)


def test_whoever_is_not_logged_in_is_sent_to_the_form_and_back(browser: Browser, web_db: Database) -> None:
    a_user(web_db)
    sent_to = browser.get("/projects/1/annotate?x=1").headers["Location"]
    assert sent_to == "/login?next=/projects/1/annotate?x%3D1"
    assert log_in_as(browser, "ada", next="/projects/1/annotate?x=1") == "/projects/1/annotate?x=1"


def test_a_login_leads_home_when_next_leads_elsewhere(browser: Browser, web_db: Database) -> None:
    a_user(web_db)
    assert log_in_as(browser, "ada", next="//evil.example") == "/"


def test_a_cookie_is_worth_nothing_after_the_log_out(app: Flask, browser: Browser, web_db: Database) -> None:
    a_user(web_db)
    log_in_as(browser, "ada")
    cookie = browser.client.get_cookie("winnow")
    assert cookie is not None
    browser.post("/logout")
    thief = app.test_client()
    thief.set_cookie("winnow", cookie.value)
    assert thief.get("/account").status_code == 303


@pytest.mark.parametrize("end", ["password", "disabled", "role"])
def test_a_session_ends_when_the_account_changes(
    log_in: Callable[..., Browser], web_db: Database, end: str
) -> None:
    log_in("root", role="admin")
    someone = log_in("ada")
    assert someone.user is not None
    assert someone.get("/account").status_code == 200
    if end == "password":
        users.set_password(web_db, someone.user.id, "new hash", by=None)
    elif end == "disabled":
        users.disable(web_db, someone.user.id, by=None)
    else:
        users.set_role(web_db, someone.user.id, "admin", by=None)
    assert someone.get("/account").status_code == 303


def test_a_session_ends_after_two_weeks_however_busy_it_was(annotator: Browser, clock: Clock) -> None:
    for _ in range(30):
        clock.forward(hours=11)
        assert annotator.get("/account").status_code == 200
    clock.forward(hours=11)
    assert annotator.get("/account").status_code == 303


def test_a_session_that_idled_for_thirteen_hours_is_over(annotator: Browser, clock: Clock) -> None:
    clock.forward(hours=13)
    assert annotator.get("/account").status_code == 303


def test_a_login_takes_a_new_token_whatever_was_planted(browser: Browser, web_db: Database) -> None:
    a_user(web_db)
    browser.client.set_cookie("winnow", "planted")
    log_in_as(browser, "ada")
    first = browser.client.get_cookie("winnow")
    assert first is not None
    assert first.value != "planted"


def test_logging_in_again_ends_the_session_before(app: Flask, browser: Browser, web_db: Database) -> None:
    a_user(web_db)
    log_in_as(browser, "ada")
    first = browser.client.get_cookie("winnow")
    assert first is not None
    log_in_as(browser, "ada")
    other = app.test_client()
    other.set_cookie("winnow", first.value)
    assert other.get("/account").status_code == 303


def test_the_cookie_is_bound_to_https_and_this_host(web_instance: Instance, web_db: Database) -> None:
    a_user(web_db)
    browser = Browser(create_app(web_instance.folder).test_client())
    browser.client.environ_base["wsgi.url_scheme"] = "https"
    page = browser.client.get("/login", base_url="https://localhost")
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    data = {"name": "ada", "password": PASSWORD, "csrf_token": token}
    answer = browser.client.post(
        "/login", data=data, base_url="https://localhost", headers={"Referer": "https://localhost/login"}
    )
    (cookie,) = [c for c in answer.headers.getlist("Set-Cookie") if c.startswith("__Host-winnow=")]
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_annotators_cannot_reach_what_is_for_admins(app: Flask, annotator: Browser, web_db: Database) -> None:
    a_project(web_db)
    data = {"csrf_token": annotator.token()}
    for method in ("GET", "POST"):
        for address in addresses(app, method, access="admin"):
            assert annotator.client.open(address, method=method, data=data).status_code == 403, address


def test_htmx_is_told_that_the_login_ended_and_the_page_stays(browser: Browser) -> None:
    answer = browser.client.get("/account", headers=HTMX)
    assert answer.status_code == 401
    assert answer.headers["HX-Retarget"] == "#notices"
    assert "/login" in answer.text


def test_a_refusal_is_in_the_server_s_log(annotator: Browser, caplog: pytest.LogCaptureFixture) -> None:
    assert annotator.user is not None
    annotator.get("/people/1?note=secret")
    assert f"Refused to user {annotator.user.id}: GET people.show" in caplog.text
    assert "secret" not in caplog.text
