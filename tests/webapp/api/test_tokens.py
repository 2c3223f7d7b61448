"""Tokens: shown once, kept as a hash, good for what they were made for and no longer."""

import logging
from collections.abc import Callable

import pytest
from builders import Clock, a_lease, a_project, a_user
from flask import Flask
from programs import Program
from routes import addresses
from sqlite_utils import Database
from visitor import Browser

from webapp.instance import Instance
from webapp.store import tokens, users
from webapp.store.errors import InvalidValue

Enrol = Callable[..., Program]


def test_a_token_is_stored_as_its_hash_alone_and_never_logged(
    enrol: Enrol, web_db: Database, web_instance: Instance, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    program = enrol("read")
    assert program.get("/projects").status_code == 200
    assert program.post("/projects", {"name": "no"}).status_code == 403
    secret = program.secret.encode()
    assert len(secret.removeprefix(b"winnow_")) >= 43  # 256 bits in base64
    web_db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for path in web_instance.folder.rglob("*"):
        assert path.is_dir() or secret not in path.read_bytes(), path
    assert program.secret not in caplog.text
    prefix = program.token.prefix
    assert program.secret.startswith(prefix)
    assert len(program.secret) - len(prefix) >= 43  # what a list shows leaves enough to guess


def test_what_is_no_token_is_401_and_says_how(app: Flask, enrol: Enrol) -> None:
    good = enrol("read").secret
    sent = [
        "",
        "Bearer",
        "Bearer ",
        "Bearer winnow_nonsense",
        f"Basic {good}",
        f"Bearer {good}x",
        good,
        "Bearer \xff",
    ]
    for header in sent:
        answer = app.test_client().get("/api/v1/projects", headers={"Authorization": header})
        assert answer.status_code == 401, header
        assert answer.headers["WWW-Authenticate"].startswith("Bearer"), header
        assert answer.mimetype == "application/problem+json"


def test_a_token_in_the_address_opens_nothing(app: Flask, enrol: Enrol) -> None:
    secret = enrol("read").secret
    for name in ("access_token", "token", "key"):
        assert app.test_client().get(f"/api/v1/projects?{name}={secret}").status_code == 401


@pytest.mark.parametrize("end", ["expired", "revoked", "disabled", "disabled by hand"])
def test_a_token_that_is_over_is_401(enrol: Enrol, web_db: Database, clock: Clock, end: str) -> None:
    a_user(web_db, "root", "admin")
    program = enrol("read")
    assert program.get("/projects").status_code == 200
    if end == "expired":
        clock.forward(days=tokens.DAYS)
    elif end == "revoked":
        tokens.revoke(web_db, program.token.id, None, clock())
    elif end == "disabled":
        users.disable(web_db, program.user.id, None, clock())
    else:  # as by another program: the token's own row says nothing of it
        web_db.execute("UPDATE users SET disabled_at = created_at WHERE id = ?", [program.user.id])
    answer = program.get("/projects")
    assert answer.status_code == 401
    assert "invalid_token" in answer.headers["WWW-Authenticate"]


def test_the_wrong_scope_is_403_and_says_which_is_right(enrol: Enrol) -> None:
    answer = enrol("read").post("/projects/1/predict", {"texts": ["good"]})
    assert answer.status_code == 403
    assert "insufficient_scope" in answer.headers["WWW-Authenticate"]
    assert "predict" in answer.headers["WWW-Authenticate"]


def test_only_an_admin_s_token_has_the_scope_admin_and_only_as_long_as_they_are_one(
    enrol: Enrol, web_db: Database
) -> None:
    with pytest.raises(InvalidValue, match="admin"):
        enrol("admin", name="ada")
    a_user(web_db, "other", "admin")
    program = enrol("admin", name="root", role="admin")
    assert program.post("/projects", {"name": "first"}).status_code == 201
    users.set_role(web_db, program.user.id, "annotator", None)
    assert program.post("/projects", {"name": "second"}).status_code == 403
    assert program.post("/projects/1/leases").status_code == 403  # nor what admin covered beside


def test_a_token_opens_no_page_and_makes_no_tokens(app: Flask, ruler: Program, web_db: Database) -> None:
    for address in addresses(app, "GET", "admin"):
        answer = app.test_client().get(address, headers={"Authorization": f"Bearer {ruler.secret}"})
        assert answer.status_code == 303 and "/login" in answer.headers["Location"], address
    before = web_db["api_tokens"].count
    for address in ("/tokens", "/api/v1/tokens"):
        sent = {"name": "mine", "days": 9, "scopes": "admin"}
        made = app.test_client().post(address, data=sent, headers={"Authorization": f"Bearer {ruler.secret}"})
        assert made.status_code in (403, 404), address
    assert web_db["api_tokens"].count == before


def test_a_session_s_cookie_opens_nothing_of_the_api(admin: Browser) -> None:
    assert admin.get("/api/v1/projects").status_code == 401
    assert admin.client.post("/api/v1/projects", json={"name": "x"}).status_code == 401


def test_the_last_use_is_written_now_and_then_alone(enrol: Enrol, web_db: Database, clock: Clock) -> None:
    program = enrol("read")
    seen = []
    for minutes in (0, 4, 2):
        clock.forward(minutes=minutes)
        program.get("/projects")
        seen.append(tokens.get(web_db, program.token.id).last_used_at)
    assert seen[0] is not None
    assert seen[0] == seen[1] != seen[2]


def test_a_token_acts_as_its_user(enrol: Enrol, web_db: Database) -> None:
    project = a_project(web_db)
    program = enrol("annotate")
    taken = program.post(f"/projects/{project.id}/leases").get_json()
    assert taken["lease"] == a_lease(web_db, project, program.user).token
