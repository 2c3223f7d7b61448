"""Every write of the store that one click, one request or one step of a worker makes."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from builders import NOON, a_finished_round, a_lease, a_parsed_review, a_project, a_user, an_annotation
from sqlite_utils import Database

from webapp.store import (
    adjudications,
    alarms,
    annotations,
    assignments,
    guidelines,
    insertion,
    jobs,
    label_sets,
    login_attempts,
    model_versions,
    projects,
    queue,
    rankings,
    rounds,
    saved_views,
    second_looks,
    sessions,
    users,
    work,
)
from webapp.store.annotations import Answer
from webapp.store.connection import write_transaction
from webapp.store.model_versions import Metric
from webapp.store.projects import Project
from webapp.store.users import User


@dataclass
class World:
    """A database with something of everything; each call of a write finds it as the others left it."""

    db: Database
    project: Project
    user: User
    admin: User

    @property
    def label(self) -> int:
        return self.project.labels[0].id

    def lease(self) -> str:
        return a_lease(self.db, self.project, self.user).token


def a_world(db: Database) -> World:
    """A project with a round, answers and reviews left."""
    made = World(db, a_project(db, size=300), a_user(db), a_user(db, "root", "admin"))
    a_finished_round(db, made.project)
    for _ in range(3):
        an_annotation(db, made.project, made.user)
    return made


def contents(db: Database) -> str:
    """A digest of every row of every table."""
    digest = hashlib.sha256()
    tables = db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'reviews_fts%'"
    )
    for table in [row[0] for row in tables]:
        for row in db.execute(f"SELECT * FROM {table}"):
            digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


Write = Callable[[World], object]


def _answer(answer: Callable[[World], Answer]) -> Write:
    def prepared(w: World) -> object:
        token = queue.held(w.db, w.project.id, w.user.id, NOON)[0].token
        return annotations.record(w.db, token, w.user.id, answer(w), NOON)

    return prepared


def _import(w: World) -> None:
    rows = [a_parsed_review(number, f"a new text {number} " + "word " * 40) for number in range(200)]
    insertion.insert_batch(w.db, w.project, 1, insertion.with_hashes(rows), None, NOON)


def _publish(w: World) -> None:
    """What a round writes at its end, as one transaction."""
    claim = work.Claim("rounds", 2, 1, 1)
    metrics = [Metric("holdout", "all", f"name {number}", 0.5, 0.4, 0.6, 50) for number in range(40)]
    with write_transaction(w.db):
        version = model_versions.add(
            w.db, claim, "e5-small", "ab" * 32, "head", "checkpoint-2", "cd" * 32, 50, "better", "Why.", metrics, NOON
        )  # fmt: skip
        ranking = rankings.write(w.db, w.project.id, [], NOON, 2, version.id)
        rounds.publish(w.db, claim, version.id, ranking, True, {"train": 1.5}, NOON)


WRITES: dict[str, Write] = {
    "claim": lambda w: queue.claim_ahead(w.db, w.project.id, w.user.id, 3, NOON),
    "label": _answer(lambda w: Answer("label", w.label, "a note " * 200)),
    "skip": _answer(lambda w: Answer("skip", reason="unclear")),
    "flag": _answer(lambda w: Answer("flag", note="look at this")),
    "undo": lambda w: annotations.undo_last(w.db, w.project.id, w.user.id, NOON),
    "change": lambda w: annotations.change(w.db, 2, w.user.id, Answer("skip"), NOON),
    "renew": lambda w: queue.renew(
        w.db, queue.held(w.db, w.project.id, w.user.id, NOON)[0].token, w.user.id, NOON.replace(hour=13)
    ),
    "release": lambda w: queue.release(
        w.db, queue.held(w.db, w.project.id, w.user.id, NOON)[0].token, w.user.id
    ),
    "log in": lambda w: sessions.start(w.db, w.user.id, NOON),
    "failed login": lambda w: login_attempts.begin(w.db, "ada", "127.0.0.1", NOON),
    "new account": lambda w: users.add(w.db, "new", "hash", "annotator", w.admin.id),
    "new project": lambda w: projects.create(w.db, "New"),
    "settings": lambda w: projects.update_settings(w.db, w.project.id, w.admin.id, lease_minutes=20),
    "pause": lambda w: projects.pause(w.db, w.project.id, w.admin.id, NOON),
    "new label": lambda w: label_sets.add(w.db, w.project.id, "mixed", w.admin.id, NOON),
    "guidelines": lambda w: guidelines.save(w.db, w.project.id, "# Mood\n" * 900, w.admin.id, NOON),
    "settle": lambda w: adjudications.decide(w.db, 1, w.label, w.admin.id, "because", NOON),
    "second look": lambda w: second_looks.request(w.db, w.project.id, 5, 1, w.admin.id, NOON),
    "assignment": lambda w: assignments.add(w.db, w.project.id, w.user.id, "en", None, w.admin.id, NOON),
    "saved view": lambda w: saved_views.save(w.db, w.project.id, "mine", "text=x", w.admin.id, NOON),
    "batch of an import": _import,
    "new job": lambda w: jobs.create(w.db, w.project.id, "export", {"version": 1}, w.admin.id, NOON),
    "start of a round": lambda w: rounds.start(w.db, w.project.id, {}, "button", w.admin.id, NOON),
    "claim of a worker": lambda w: work.claim_next(w.db, "rounds", NOON),
    "end of a round": _publish,
    "heartbeat": lambda w: work.worker_seen(w.db, "one", "here", 1, NOON),
    "alarm": lambda w: alarms.raise_alarm(w.db, "test", "project:1", NOON),
    "count of annotations": lambda w: alarms.watch_annotations(w.db, NOON),
}
# What must be there before the write; made while there is room.
BEFORE: dict[str, Write] = {
    **dict.fromkeys(("label", "skip", "flag", "renew", "release"), World.lease),
    "claim of a worker": WRITES["start of a round"],
    "end of a round": lambda w: (WRITES["start of a round"](w), work.claim_next(w.db, "rounds", NOON)),
}
