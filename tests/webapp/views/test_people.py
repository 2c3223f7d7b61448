"""People: add, reset, disable, enable; the last admin stays."""

import re

import pytest
from builders import PASSWORD, a_user
from sqlite_utils import Database
from visitor import Browser

from webapp.access import passwords
from webapp.store import users

SHOWN = re.compile(r'id="password">([^<]+)<')


@pytest.mark.parametrize("address", ["/people", "/people/1"])
def test_annotators_cannot_see_people(annotator: Browser, address: str) -> None:
    assert annotator.get(address).status_code == 403


def test_a_made_password_is_shown_once_and_works(admin: Browser, web_db: Database) -> None:
    page = admin.post("/people", {"name": "Ada", "role": "annotator", "password": ""})
    shown = SHOWN.search(page.text)
    assert shown is not None and len(shown[1]) >= passwords.SHORTEST
    found = users.by_name(web_db, "ada")
    assert found is not None and found[0].role == "annotator" and passwords.matches(found[1], shown[1])
    assert page.headers["Cache-Control"] == "no-store"
    assert shown[1] not in admin.get("/people").text + admin.get(f"/people/{found[0].id}").text


def test_a_typed_password_is_taken(admin: Browser, web_db: Database) -> None:
    admin.post("/people", {"name": "ada", "role": "admin", "password": "correct horse battery"})
    found = users.by_name(web_db, "ada")
    assert found is not None and found[0].is_admin and passwords.matches(found[1], "correct horse battery")


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "ROOT"}, "name"),
        ({"password": "tiny"}, "password"),
        ({"role": "king"}, "role"),
    ],
)
def test_what_cannot_be_is_said_and_nobody_added(
    admin: Browser, web_db: Database, typed: dict[str, str], field: str
) -> None:
    answer = admin.post("/people", {"name": "ada", "role": "annotator", "password": "", **typed})
    assert answer.status_code == 422 and f'id="{field}-error"' in answer.text
    assert "tiny" not in answer.text
    assert [user.name for user in users.everyone(web_db)] == ["root"]


def test_a_reset_password_replaces_the_old_one_and_logs_out(
    admin: Browser, annotator: Browser, web_db: Database
) -> None:
    assert annotator.user is not None
    shown = SHOWN.search(admin.post(f"/people/{annotator.user.id}/password", {"password": ""}).text)
    assert shown is not None
    stored = users.password_hash(web_db, annotator.user.id)
    assert passwords.matches(stored, shown[1]) and not passwords.matches(stored, PASSWORD)
    assert annotator.get("/account").status_code == 303


def test_disabling_logs_out_and_enabling_lets_in_again(
    admin: Browser, annotator: Browser, web_db: Database
) -> None:
    assert annotator.user is not None
    admin.post(f"/people/{annotator.user.id}/disable")
    assert annotator.get("/account").status_code == 303
    assert "disabled" in admin.get("/people").text
    admin.post(f"/people/{annotator.user.id}/enable")
    assert users.by_id(web_db, annotator.user.id).disabled_at is None


def test_the_last_admin_stays_one(admin: Browser, web_db: Database) -> None:
    assert admin.user is not None
    admin.post(f"/people/{admin.user.id}/disable")
    admin.post(f"/people/{admin.user.id}/role", {"role": "annotator"})
    after = users.by_id(web_db, admin.user.id)
    assert after.is_admin and after.disabled_at is None
    assert "last active admin" in admin.get(f"/people/{admin.user.id}").text


def test_what_is_refused_is_said_in_chinese(admin: Browser) -> None:
    assert admin.user is not None
    person = f"/people/{admin.user.id}"
    taken = admin.post("/people?lang=zh", {"name": "ROOT", "role": "annotator", "password": ""})
    assert "已有名为 ROOT 的用户" in taken.text
    admin.post(f"{person}/role", {"role": "annotator"})
    page = admin.get(person).text
    assert "last active admin" not in page and "管理员" in page.split('id="notices"')[1].split("</main>")[0]


def test_an_annotator_becomes_an_admin_and_back(admin: Browser, web_db: Database) -> None:
    ada = a_user(web_db)
    for role in ("admin", "annotator"):
        admin.post(f"/people/{ada.id}/role", {"role": role})
        assert users.by_id(web_db, ada.id).role == role
    assert admin.post(f"/people/{ada.id}/role", {"role": "king"}).status_code == 422
