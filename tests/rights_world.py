"""The world of the table in rights.py: an instance that is as new before every request, and who asks for what."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import furnished
from builders import Clock
from flask import Flask
from flask.testing import FlaskClient
from rights import RIGHTS, Right
from sqlite_utils import Database
from visitor import TOKEN
from werkzeug.routing import Rule

from webapp import create_app
from webapp import instance as instances
from webapp.instance import Instance
from webapp.store import jobs, queue, sessions, users, work
from webapp.store.connection import open_database, timestamp, utc_now
from webapp.store.queue import Lease

ROLES = ("nobody", "disabled", "annotator", "admin")
KINDS = {"labels": "csv", "curve": "svg", "course": "svg", "download": "csv", "figures": "figures.csv"}


@dataclass(frozen=True)
class World:
    """The furnished instance with what the table's words stand for, each role's cookies and token, its first state."""

    app: Flask
    instance: Instance
    ids: dict[str, int | str]
    cookies: dict[str, dict[str, str]]
    tokens: dict[str, str]
    contents: bytes

    def restore(self) -> None:
        """Everything as it was, for the next request."""
        if self.has_changed():
            self.instance.database.write_bytes(self.contents)
            (self.instance.uploads / "messy.upload").write_text(furnished.MESSY_FILE, "utf-8")

    def has_changed(self) -> bool:
        """Whether anybody wrote; the last connection has folded the log into the file."""
        assert not Path(f"{self.instance.database}-wal").exists()
        return self.instance.database.read_bytes() != self.contents

    def browser(self, role: str) -> FlaskClient:
        """A browser as it was when that person had just logged in."""
        client = self.app.test_client()
        for name, value in self.cookies[role].items():
            client.set_cookie(name, value)
        return client


def a_world(folder: Path) -> World:
    """The furnished instance, with an annotator, an admin and a thief at its door."""
    instance = instances.locate(folder)
    instances.create(instance)
    furnished.furnish(instance)
    db = open_database(instance.database)
    ids = named(db, instance)
    started = {"annotator": session(db, "ada"), "admin": session(db, "root"), "disabled": gone(db)}
    db.close()
    # Time stands still: the tests that share this world may come minutes after each other, and sessions note that.
    clock = Clock(utc_now())
    app = create_app(instance.folder, {"TESTING": True, "COOKIE_SECURE": False, "CLOCK": clock})
    cookies: dict[str, dict[str, str]] = {}
    tokens = {}
    for role in ROLES:
        cookies[role] = {"winnow": started[role]} if role in started else {}
        client = app.test_client()
        for name, value in cookies[role].items():
            client.set_cookie(name, value)
        tokens[role] = token(client)
        form = client.get_cookie("winnow-form")
        assert form is not None
        cookies[role]["winnow-form"] = form.value
    return World(app, instance, ids, cookies, tokens, instance.database.read_bytes())


def session(db: Database, name: str) -> str:
    found = users.by_name(db, name)
    assert found is not None
    return sessions.start(db, found[0].id, utc_now())


def gone(db: Database) -> str:
    """The session of an account that was closed, as a thief would have kept it."""
    carl = users.add(db, "carl", "no hash", "admin")
    users.disable(db, carl.id, by=None)
    return sessions.start(db, carl.id, utc_now())


def named(db: Database, instance: Instance) -> dict[str, int | str]:
    """An object of project 1 for each part of an address, and those that the table names."""
    now = utc_now()
    mine, bobs = (queue.claim(db, 2, user, now) for user in (2, 3))
    assert isinstance(mine, Lease) and isinstance(bobs, Lease)
    answers = {
        row["annotator_id"]: row["id"]
        for row in db.execute(
            "SELECT id, annotator_id FROM annotations WHERE project_id = 1 AND undone_by IS NULL"
        )
    }
    done = jobs.create(db, 1, "export", {"format": "onnx", "version": 1}, 1, now)
    claim = work.claim_this(db, "jobs", done.id, now)
    assert claim is not None
    jobs.save_result(db, claim, {"archive": "made.zip"})
    work.finish(db, claim, "done", now)
    (instance.folder / "exports" / "made.zip").write_bytes(b"PK")
    (instance.checkpoints / "checkpoint-1").mkdir()
    (instance.encoders / "e5-small").mkdir()
    (instance.encoders / "e5-small" / "winnow-encoder.json").write_text(
        '{"name": "e5-small", "sha256": "ab", "settings": {}}'
    )
    queued = jobs.create(db, 1, "export", {"format": "onnx", "version": 1}, 1, now)
    quality = jobs.create(db, 1, "quality", {}, 1, now + timedelta(seconds=1))
    simulation = jobs.create(db, 1, "simulate", {}, 1, now)
    tokens = {}
    for user_id in (2, 3):
        made = {"user_id": user_id, "prefix": "w", "token_hash": bytes([user_id]), "scopes": "annotate"}
        row = {**made, "created_at": timestamp(now), "name": "a program"}
        tokens[user_id] = int(db["api_tokens"].insert(row).last_pk)
    alarm = {"name": "backup-failed", "subject": "x", "raised_at": timestamp(now)}
    erasure = {"kind": "customer", "subject_key": b"x", "state": "running", "created_at": timestamp(now)}
    return {
        "token_id": tokens[2], "bob's token": tokens[3],
        "alarm_id": int(db["alarms"].insert(alarm).last_pk), "erasure_id": int(db["erasures"].insert(erasure).last_pk),
        "project_id": 1, "review_id": 1, "user_id": 3, "number": 1, "label_id": 1,
        "annotation_id": answers[2], "bob's answer": answers[3], "token": mine.token, "bob's lease": bobs.token,
        "export": done.id, "queued export": queued.id, "quality": quality.id,
        "queued simulation": simulation.id,
        "import": first(db, "SELECT max(id) FROM jobs WHERE kind = 'import' AND project_id = 1"),
        "unsettled": 4, "skipped": 38,
        "decision_id": first(db, "SELECT min(id) FROM adjudications"),
        "suspect_id": 1, "view_id": 1, "assignment_id": 1,
    }  # fmt: skip


def first(db: Database, question: str) -> int:
    return int(db.execute(question).fetchone()[0])


def token(browser: FlaskClient) -> str:
    found = TOKEN.search(browser.get("/account", follow_redirects=True).text)
    assert found is not None
    return found[1]


def pages(app: Flask) -> list[Rule]:
    """Every route that is not the API's: that has a matrix of its own."""
    return [rule for rule in app.url_map.iter_rules() if not rule.rule.startswith(("/api/", "/static/"))]


def requests(world: World) -> Iterator[tuple[Rule, str, Right]]:
    for rule in pages(world.app):
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield rule, method, RIGHTS[rule.endpoint]


def ids_of(rule: Rule, right: Right, world: World, **others: int | str) -> dict[str, int | str]:
    """What the address of this route names: the world's own objects unless another is asked for."""
    chosen = {}
    for name in rule.arguments:
        wanted = right.ids.get(name, world.ids.get(name, KINDS.get(rule.endpoint.rpartition(".")[2], "")))
        chosen[name] = world.ids.get(str(wanted), wanted)
    return {**chosen, **others}


def send(world: World, rule: Rule, method: str, role: str, ids: dict[str, int | str], right: Right) -> int:
    """Ask as that person would, with the token of their own pages."""
    built = rule.build(ids)
    assert built is not None
    form = {"csrf_token": world.tokens[role], **right.form} if method == "POST" else None
    return world.browser(role).open(built[1], method=method, data=form).status_code
