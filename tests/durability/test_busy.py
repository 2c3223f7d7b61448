"""A database that stays locked: 503 with Retry-After, pages go on, and the answer sent again is stored once (D09)."""

import pytest
from builders import Clock, a_lease, a_project, the_user
from sqlite_utils import Database
from visitor import Browser

from webapp.store import connection


@pytest.mark.parametrize("script", [True, False])
def test_an_answer_to_a_locked_database_is_asked_for_again_and_stored_once(
    web_db: Database, annotator: Browser, clock: Clock, monkeypatch: pytest.MonkeyPatch, script: bool
) -> None:
    monkeypatch.setattr(connection, "BUSY_TIMEOUT_SECONDS", 0.1)  # not ten seconds of everybody's time
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    form = {"csrf_token": annotator.token(), "label": str(project.labels[0].id)}
    address = f"/leases/{lease.token}/answer"
    web_db.execute("BEGIN IMMEDIATE")
    refused = annotator.post(address, form, script=script)
    clock.forward(minutes=6)  # the session is due to be renewed, which has to wait
    page = annotator.get("/projects/1/annotate")
    web_db.conn.rollback()
    assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0
    assert "Not saved" in refused.text and page.status_code == 200
    for _ in range(2):
        assert annotator.post(address, form, script=True).status_code == 200
    assert web_db["annotations"].count == 1


def test_a_writer_waits_ten_seconds_for_the_lock(web_db: Database) -> None:
    assert connection.BUSY_TIMEOUT_SECONDS == 10
    assert web_db.execute("PRAGMA busy_timeout").fetchone()[0] == 10_000
