"""The page of the tokens: shown once, one's own for annotators, everybody's for admins."""

import re

from builders import Clock, a_user, the_user
from sqlite_utils import Database
from visitor import Browser

from webapp.store import tokens

SECRET = re.compile(r'id="token">(winnow_[\w-]+)<')
NEW = {"name": "nightly export", "days": "30", "scopes": ["annotate"]}


def test_a_new_token_is_shown_once_and_works(annotator: Browser) -> None:
    made = annotator.post("/tokens", NEW)
    found = SECRET.search(made.text)
    assert found is not None
    answer = annotator.client.get("/api/v1/projects", headers={"Authorization": f"Bearer {found[1]}"})
    assert answer.status_code == 200
    page = annotator.get("/tokens").text
    assert found[1] not in page
    assert found[1][: tokens.PREFIX_LENGTH] in page and "nightly export" in page


def test_an_annotator_makes_tokens_for_themselves_and_only_to_label_and_read(
    annotator: Browser, web_db: Database
) -> None:
    other = a_user(web_db, "bob")
    for change in (
        {"scopes": ["admin"]},
        {"scopes": ["annotate", "predict"]},
        {"scopes": []},
        {"user": other.id},
    ):
        assert annotator.post("/tokens", {**NEW, **change}).status_code == 422, change
    assert tokens.everything(web_db) == []


def test_an_admin_makes_tokens_for_others(admin: Browser, web_db: Database) -> None:
    bob = a_user(web_db, "bob")
    assert admin.post("/tokens", {**NEW, "user": bob.id, "scopes": ["predict"]}).status_code == 200
    assert admin.post("/tokens", {**NEW, "user": bob.id, "scopes": ["admin"]}).status_code == 422
    (token,) = tokens.everything(web_db, bob.id)
    assert token.scopes == ("predict",)


def test_only_its_person_or_an_admin_sees_and_revokes_a_token(
    annotator: Browser, admin: Browser, web_db: Database, clock: Clock
) -> None:
    bob = a_user(web_db, "bob")
    mine, _ = tokens.create(web_db, the_user(annotator).id, ["read"], None, clock())
    his, _ = tokens.create(web_db, bob.id, ["read"], None, clock(), name="the token of bob")
    assert "the token of bob" not in annotator.get("/tokens").text
    assert "the token of bob" in admin.get("/tokens").text
    codes = [
        annotator.post(f"/tokens/{his.id}/revoke").status_code,
        annotator.post(f"/tokens/{mine.id}/revoke").status_code,
        admin.post(f"/tokens/{his.id}/revoke").status_code,
    ]
    assert codes == [404, 303, 303]
    assert all(token.revoked_at for token in tokens.everything(web_db))
