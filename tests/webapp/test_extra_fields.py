"""Mass assignment: what a form does not have cannot be set through it."""

import re
from typing import Any

from rights import Right
from rights_world import World, ids_of, requests
from werkzeug.routing import Rule

from webapp.store.connection import open_database

# What a hostile form might try to set beside its own fields: columns of the tables, and names that others use for them.
EXTRA = {
    "role": "admin", "is_admin": "1", "user_id": "4", "annotator_id": "4", "user": "4", "by": "4", "decided_by": "4",
    "created_by": "4", "requested_by": "4", "project_id": "3", "id": "77", "is_gold": "1", "gold": "1",
    "origin": "gold", "probability": "1", "part": "holdout", "state": "done", "serves": "1", "lease_token": "x",
    "annotation_id": "1", "review_id": "9", "password_hash": "x", "disabled_at": "", "created_at": "2001-01-01",
    "scopes": "admin", "model_version_id": "1", "excluded_at": "2001-01-01", "undone_by": "1",
}  # fmt: skip
RANDOM = ("token", "token_hash", "prefix", "password_hash", "shuffle_key")


def test_fields_that_a_form_does_not_have_change_nothing(world: World) -> None:
    found = []
    for rule, method, right in requests(world):
        if method == "POST":
            extra = {name: value for name, value in EXTRA.items() if name not in right.form}
            plain, full = posted(world, rule, right), posted(world, rule, right, form=extra, query=extra)
            found += [f"{rule.endpoint} takes {', '.join(sorted(full ^ plain)[:3])}"] if full != plain else []
    assert found == []


def test_no_page_takes_json(world: World) -> None:
    found = []
    for rule, method, right in requests(world):
        if method == "POST":
            empty = posted(world, rule, Right(right.who, ids=right.ids))
            json = posted(world, rule, Right(right.who, ids=right.ids), json={**right.form, **EXTRA})
            found += [rule.endpoint] if json != empty else []
    assert found == []


def posted(world: World, rule: Rule, right: Right, **ways: dict[str, str]) -> set[str]:
    """Every row that there is after a form was sent by whoever may, without what differs from run to run."""
    world.restore()
    role = "annotator" if right.who == "annotator" else "admin"
    built = rule.build(ids_of(rule, right, world))
    assert built is not None
    options: dict[str, Any] = {
        "query_string": ways.get("query"),
        "headers": {"X-CSRFToken": world.tokens[role]},
    }
    if "json" in ways:
        options["json"] = ways["json"]
    else:
        options["data"] = {**ways.get("form", {}), **right.form}
    world.browser(role).post(built[1], **options)
    db = open_database(world.instance.database)
    rows = {
        f"{table}: { {name: comparable(name, value) for name, value in row.items() if name not in RANDOM} }"
        for table in db.table_names()
        if not table.startswith("reviews_fts")
        for row in db[table].rows
    }
    db.close()
    return rows


def comparable(name: str, value: object) -> object:
    """Of a moment the year, enough to see whether one was set; of a job's outcome all but how long it took."""
    if name == "at" or name.endswith("_at"):
        return str(value)[:4]
    return re.sub(r'"seconds": [^,}]+', "", value) if name == "payload" and isinstance(value, str) else value
