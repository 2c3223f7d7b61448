"""Disabling somebody ends their sessions and tokens and gives back what they hold; their labels stay."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from builders import NOON
from sqlite_utils import Database

import migrations
from webapp.store import annotations, labelled, queue, sessions, users
from webapp.store.annotations import Answer
from webapp.store.connection import open_database
from webapp.store.errors import LastAdmin
from webapp.store.projects import Project
from webapp.store.queue import Lease


def test_disabling_frees_every_lease_ends_every_session_and_keeps_the_labels(
    db: Database, a_project: Callable[..., Project], people: list[int]
) -> None:
    project = a_project(3)
    ada, ben, *_, root = people
    tokens = [sessions.start(db, ada, NOON) for _ in range(2)]
    held = queue.claim_ahead(db, project.id, ada, 3, NOON)
    assert isinstance(held, list) and len(held) == 3
    annotations.record(db, held[0].token, ada, Answer("label", project.labels[0].id), NOON)
    db.execute(
        "INSERT INTO api_tokens (user_id, prefix, token_hash, scopes, created_at) VALUES (?, '', X'00', '', '')",
        [ada],
    )

    users.disable(db, ada, root, NOON)

    assert [sessions.user_for(db, token, NOON) for token in tokens] == [None, None]
    assert db.execute("SELECT count(*) FROM sessions WHERE user_id = ?", [ada]).fetchone()[0] == 0
    assert db.execute("SELECT revoked_at IS NOT NULL FROM api_tokens").fetchone()[0] == 1
    assert queue.held(db, project.id, ada, NOON) == []
    freed = queue.claim_ahead(db, project.id, ben, 3, NOON)
    assert isinstance(freed, list) and all(isinstance(lease, Lease) for lease in freed)
    assert {lease.review_id for lease in freed} == {lease.review_id for lease in held[1:]}
    assert labelled.label_count(db, project.id) == 1


def test_two_admins_who_demote_each_other_at_once_leave_one(tmp_path: Path) -> None:
    path = tmp_path / "winnow.sqlite"
    migrations.apply(open_database(path, create=True))
    setting_up = open_database(path)
    for turn in range(10):
        one, two = (
            users.add(setting_up, f"{name} {turn}", "hash", "admin").id for name in ("root", "second")
        )
        for old in users.everyone(setting_up):
            if old.is_admin and old.id not in (one, two):
                users.set_role(setting_up, old.id, "annotator", by=None)
        barrier = Barrier(2)

        def demote(other: int, barrier: Barrier = barrier) -> bool:
            db = open_database(path)
            barrier.wait()
            try:
                users.set_role(db, other, "annotator", by=None)
            except LastAdmin:
                return False
            finally:
                db.close()
            return True

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(demote, (one, two))) == [False, True]
        assert [user.is_admin for user in users.everyone(setting_up)].count(True) == 1
