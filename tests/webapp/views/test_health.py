"""Health: each fault flips its own flag."""

import pytest
from builders import a_project
from conftest import Clock
from sqlite_utils import Database
from visitor import Browser

from webapp.instance import Instance
from webapp.store import health as questions
from webapp.store import jobs, work
from webapp.views import health


def test_all_is_well_with_a_worker(browser: Browser, web_db: Database, clock: Clock) -> None:
    work.worker_seen(web_db, "w", "host", 4242, clock())
    answer = browser.get("/healthz")
    assert answer.status_code == 200
    assert answer.json == {
        "status": "ok",
        "checks": dict.fromkeys(("database", "sqlite", "wal", "disk", "worker", "queue"), True),
    }


def failing(browser: Browser) -> set[str]:
    answer = browser.get("/healthz")
    assert answer.json is not None
    assert (answer.status_code == 503) == (answer.json["status"] == "degraded")
    return {name for name, ok in answer.json["checks"].items() if not ok}


def test_a_worker_that_stopped_breathing_is_noticed(browser: Browser, web_db: Database, clock: Clock) -> None:
    work.worker_seen(web_db, "w", "host", 4242, clock())
    clock.forward(minutes=1)
    assert failing(browser) == {"worker"}


def test_a_job_that_waits_too_long_is_noticed(browser: Browser, web_db: Database, clock: Clock) -> None:
    jobs.create(web_db, a_project(web_db).id, "encode", {}, None, clock())
    clock.forward(minutes=11)
    work.worker_seen(web_db, "w", "host", 4242, clock())
    assert failing(browser) == {"queue"}


def test_a_large_log_and_a_full_disk_are_noticed(
    browser: Browser, web_db: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.worker_seen(web_db, "w", "host", 4242, clock())
    monkeypatch.setattr(health, "LARGEST_WAL_BYTES", 0)
    monkeypatch.setattr(health, "LEAST_FREE_BYTES", 10**18)
    assert failing(browser) == {"wal", "disk"}


def test_the_write_lock_held_by_somebody_else_is_no_fault(
    web_db: Database, web_instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "PATIENCE_SECONDS", 0.05)
    other = Database(questions.pysqlite3.connect(str(web_instance.database)))
    other.execute("BEGIN IMMEDIATE")
    assert questions.can_write(web_db)
    other.close()


def test_a_database_that_cannot_be_written_is_noticed(web_db: Database) -> None:
    web_db.execute("PRAGMA query_only = ON")
    assert not questions.can_write(web_db)
    assert not web_db.conn.in_transaction


def test_the_page_names_the_fault_and_what_to_do(
    admin: Browser, web_db: Database, web_instance: Instance
) -> None:
    page = admin.get("/health").text
    assert "not running" in page and "winnow worker" in page
    assert "winnow encoder add e5-small" in page
    folder = web_instance.encoders / "minilm"
    folder.mkdir(parents=True)
    (folder / "winnow-encoder.json").write_text('{"name": "minilm", "sha256": "ab12cd", "settings": {}}')
    assert "ab12cd" in admin.get("/health").text


def test_the_page_is_for_admins_only(annotator: Browser) -> None:
    assert annotator.get("/health").status_code == 403
