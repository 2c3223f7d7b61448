"""Disabling somebody ends their sessions and tokens and gives back what they hold; their labels stay."""

from collections.abc import Callable

from builders import NOON
from sqlite_utils import Database

from webapp.store import annotations, labelled, queue, sessions, users
from webapp.store.annotations import Answer
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
