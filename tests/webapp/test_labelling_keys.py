"""A person's own labelling keys."""

import pytest
from builders import the_user
from flask import Flask
from sqlite_utils import Database
from visitor import Browser

from webapp import labelling_keys
from webapp.store import users

EVERY = {name: labelling_keys.drawn(key) for name, key in labelling_keys.DEFAULTS.items()}


def test_chosen_keys_are_kept_and_the_others_stay_as_they_are(annotator: Browser, web_db: Database) -> None:
    user = the_user(annotator)
    form = {**EVERY, "label-1": "J", "earlier": "↑", "skip": "1"}
    assert annotator.post("/account/keys", form).status_code == 303
    own = users.own_keys(web_db, user.id)
    assert own == {"label-1": "j", "earlier": "arrowup", "skip": "1"}
    assert labelling_keys.of(own)["flag"] == "f"
    assert 'value="↑"' in annotator.get("/account").text
    assert annotator.post("/account/keys", {"reset": "1"}).status_code == 303
    assert users.own_keys(web_db, user.id) == {}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"skip": "f"}, "taken already"),
        ({"skip": "F"}, "taken already"),
        ({"skip": ""}, "Give one key"),
        ({"skip": "ab"}, "Give one key"),
        ({"skip": "\x07"}, "Give one key"),
    ],
)
def test_two_commands_on_one_key_or_no_key_at_all_are_refused_beside_their_field(
    annotator: Browser, web_db: Database, changed: dict[str, str], message: str
) -> None:
    page = annotator.post("/account/keys", {**EVERY, **changed})
    assert page.status_code == 422
    assert message in page.text
    assert users.own_keys(web_db, the_user(annotator).id) == {}


def test_no_default_is_given_twice(app: Flask) -> None:
    with app.test_request_context():
        assert labelling_keys.parse(EVERY).checked() == {}
