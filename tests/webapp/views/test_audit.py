"""The audit log as admins see it and take it away."""

import csv
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from builders import NOON, PASSWORD, a_project, the_user
from sqlite_utils import Database
from visitor import Browser

from webapp.store import audit, login_attempts
from webapp.store.audit import Filters


def test_who_did_what_to_whom(admin: Browser, annotator: Browser) -> None:
    admin.post(f"/people/{the_user(annotator).id}/disable")
    page = admin.get("/audit").text
    assert "<code>user.disable</code>" in page and f"<code>user:{the_user(annotator).id}</code>" in page
    assert 'class="small nowrap">1 Mar 2026' in page or "2026" in page


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("user=1", {"one"}),
        ("action=test.two", {"two", "tomorrow"}),
        ("since=2026-03-02", {"tomorrow"}),
        ("until=2026-03-01&action=test.two", {"two"}),
        ("action=test.two&user=1", set()),
        ("until=9999-12-31", {"one", "two", "tomorrow"}),
        ("user=x&since=yesterday&before=-", {"one", "two", "tomorrow"}),
    ],
)
def test_it_is_filtered_by_person_action_and_day(
    admin: Browser, web_db: Database, query: str, seen: set[str]
) -> None:
    ada = 1
    audit.log(web_db, ada, "test.one", "one:1", NOON)
    audit.log(web_db, None, "test.two", "two:1", NOON)
    audit.log(web_db, None, "test.two", "tomorrow:1", NOON + timedelta(days=1))
    page = admin.get(f"/audit?{query}").text
    assert {name for name in ("one", "two", "tomorrow") if f"<code>{name}:1</code>" in page} == seen


def test_it_comes_a_page_at_a_time(admin: Browser, web_db: Database) -> None:
    for number in range(audit.PAGE + 5):
        audit.log(web_db, None, "test.count", f"thing:{number}", NOON)
    first = admin.get("/audit?action=test.count").text
    assert first.count("<code>test.count</code>") == audit.PAGE
    older = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert admin.get(older).text.count("<code>test.count</code>") == 5


def test_nothing_of_the_kind_says_so(admin: Browser) -> None:
    assert "Nothing of the kind was logged." in admin.get("/audit?action=no.such").text


def test_it_is_taken_away_whole(admin: Browser, web_db: Database) -> None:
    audit.log(web_db, None, "test.formula", "=1+1", NOON, name="=cmd")
    lines = [json.loads(line) for line in admin.get("/audit.jsonl").text.splitlines()]
    (entry,) = [line for line in lines if line["action"] == "test.formula"]
    assert (entry["subject"], json.loads(entry["detail"])) == ("=1+1", {"name": "=cmd"})
    rows = list(csv.DictReader(admin.get("/audit.csv?action=test.formula").text.splitlines()))
    assert [row["subject"] for row in rows] == ["'=1+1"]
    assert [each.action for each in audit.find(web_db, Filters(action="audit.download"))] == [
        "audit.download"
    ] * 2


def test_an_export_reads_every_page_of_a_long_log(web_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "EXPORT_PAGE", 3)
    for number in range(10):
        audit.log(web_db, None, "test.count", f"thing:{number}", NOON)
    subjects = [entry.subject for entry in audit.export(web_db, Filters(action="test.count"))]
    assert subjects == [f"thing:{number}" for number in range(10)]


def test_logins_and_failures_are_logged_without_what_was_typed(
    log_in: Callable[..., Browser], browser: Browser, web_db: Database
) -> None:
    ada = the_user(log_in("ada"))
    browser.post("/login", {"name": "ada", "password": "wrong"})
    browser.post("/login", {"name": "my secret password", "password": "wrong"})
    browser.post("/login", {"name": "ada", "password": PASSWORD})
    browser.post("/logout")
    logged = [(entry.user, entry.action, entry.subject) for entry in audit.latest(web_db, 4)]
    assert logged == [
        ("ada", "session.end", f"user:{ada.id}"),
        ("ada", "session.start", f"user:{ada.id}"),
        (None, "login.fail", "user:unknown"),
        (None, "login.fail", f"user:{ada.id}"),
    ]
    assert "my secret password" not in str(list(web_db["audit_log"].rows))


def test_guessing_does_not_fill_the_log(web_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_attempts, "LOGGED_PER_WINDOW", 30)
    for number in range(login_attempts.LOGGED_PER_WINDOW + 20):
        login_attempts.begin(web_db, f"name {number}", f"192.0.2.{number}", NOON)
        login_attempts.fail(web_db, None, NOON)
    logged = web_db["audit_log"].count_where("action = 'login.fail'")
    assert logged == login_attempts.LOGGED_PER_WINDOW


def test_downloads_are_logged(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    admin.get(f"/projects/{project.id}/exports/labels.csv")
    admin.get(f"/projects/{project.id}/reviews/bulk/labels.csv?scope=all&action=export")
    entries = audit.find(web_db, Filters(action="labels.download"))
    assert [(entry.user, entry.subject) for entry in entries] == [("root", f"project:{project.id}")] * 2
