"""Health: each fault flips its own flag."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from builders import NOON, a_project, a_user
from conftest import Clock
from damaged import damage_the_root
from flask import Flask
from sqlite_utils import Database
from visitor import Browser

from webapp import diagnosis
from webapp.backups import making
from webapp.instance import Instance
from webapp.store import alarms, audit, deaths, jobs, work
from webapp.store import backups as records
from webapp.store import health as questions

CHECKS = set("database sqlite wal disk worker queue backup alarms configuration rights clock".split())


@pytest.fixture
def failing(browser: Browser, web_db: Database, clock: Clock) -> Callable[[], set[str]]:
    """The flags that are down while a worker is alive."""

    def ask() -> set[str]:
        work.worker_seen(web_db, "w", "host", 4242, clock())
        answer = browser.get("/healthz")
        assert answer.json is not None
        assert set(answer.json["checks"]) == CHECKS
        assert (answer.status_code == 503) == (answer.json["status"] == "degraded")
        return {name for name, ok in answer.json["checks"].items() if not ok}

    assert ask() == set()
    return ask


Failing = Callable[[], set[str]]


def test_a_worker_that_stopped_breathing_is_noticed(failing: Failing, browser: Browser, clock: Clock) -> None:
    clock.forward(minutes=1)
    answer = browser.get("/healthz").json
    assert answer is not None and [name for name, ok in answer["checks"].items() if not ok] == ["worker"]


def test_a_job_that_waits_too_long_is_noticed(failing: Failing, web_db: Database, clock: Clock) -> None:
    jobs.create(web_db, a_project(web_db).id, "encode", {}, None, clock())
    clock.forward(minutes=11)
    assert failing() == {"queue"}


def test_a_job_waits_since_it_was_queued_not_since_it_was_begun(
    failing: Failing, web_db: Database, clock: Clock
) -> None:
    draft = jobs.create(web_db, a_project(web_db).id, "import", {}, None, clock(), draft=True)
    clock.forward(minutes=11)
    jobs.submit(web_db, draft.id, {}, clock())
    assert failing() == set()
    clock.forward(minutes=11)
    assert failing() == {"queue"}


def test_work_that_yielded_waits_since_then(failing: Failing, web_db: Database, clock: Clock) -> None:
    jobs.create(web_db, a_project(web_db).id, "encode", {}, None, clock())
    claim = work.claim_next(web_db, "jobs", clock())
    assert claim is not None
    clock.forward(minutes=60)
    work.put_back(web_db, claim, clock())
    assert failing() == set()
    clock.forward(minutes=11)
    assert failing() == {"queue"}


def test_work_whose_worker_died_waits_since_it_may_be_tried_again(
    failing: Failing, web_db: Database, clock: Clock
) -> None:
    jobs.create(web_db, a_project(web_db).id, "encode", {}, None, clock())
    claim = work.claim_next(web_db, "jobs", clock())
    assert claim is not None
    clock.forward(minutes=60)
    deaths.note(web_db, claim, "It died.", clock())
    assert failing() == set()
    clock.forward(minutes=11)
    assert failing() == {"queue"}


def test_damaged_pages_are_noticed_by_the_checks_that_meet_them(
    failing: Failing, web_db: Database, web_instance: Instance, clock: Clock
) -> None:
    damage_the_root(web_instance.database, "alarms")
    assert failing() == {"alarms"}


def test_a_file_that_is_no_database_is_noticed(browser: Browser, web_instance: Instance) -> None:
    web_instance.database.write_bytes(b"not a database at all" * 1000)
    answer = browser.get("/healthz")
    assert answer.status_code == 503
    assert answer.json == {"status": "degraded", "checks": {"database": False}}


def test_a_large_log_is_noticed(failing: Failing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "LARGEST_WAL_BYTES", 0)
    assert failing() == {"wal"}


def test_a_full_disk_is_noticed(failing: Failing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "LEAST_FREE_BYTES", 10**18)
    assert failing() == {"disk"}


def test_an_affected_sqlite_is_noticed(failing: Failing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "sqlite_version", lambda _db: "3.51.2")
    assert failing() == {"sqlite"}


def test_a_backup_that_is_overdue_is_noticed(
    failing: Failing, web_db: Database, web_instance: Instance, clock: Clock
) -> None:
    a_user(web_db)
    web_db.execute("UPDATE users SET created_at = ?", [NOON.isoformat()])
    clock.forward(hours=48)
    assert failing() == set()
    clock.forward(hours=2)
    assert failing() == {"backup"}
    making.make(web_instance, now=clock())
    assert failing() == set()
    clock.forward(hours=50)
    assert failing() == {"backup"}


def test_an_open_alarm_is_noticed_until_it_is_cleared(
    failing: Failing, web_db: Database, clock: Clock, admin: Browser
) -> None:
    alarms.raise_alarm(web_db, "annotations-lost", "project:1", clock(), before=9, found=7)
    assert failing() == {"alarms"}
    page = admin.get("/health").text
    assert "Answers have vanished" in page and "before: 9, found: 7" in page
    admin.post(f"/health/alarms/{alarms.open_alarms(web_db)[0].id}/clear")
    assert failing() == set()
    assert audit.latest(web_db, 1)[0].action == "alarm.clear"


@pytest.mark.parametrize(
    "settings", [{"PROXY_COUNT": 1}, {"HOSTS": ["x.example"]}, {"PROXY_COUNT": 1, "COOKIE_SECURE": True}]
)
def test_a_configuration_that_is_not_safe_is_noticed(
    failing: Failing, app: Flask, settings: dict[str, object]
) -> None:
    app.config.update(settings)
    assert failing() == {"configuration"}


def test_a_folder_that_others_may_enter_is_noticed(failing: Failing, web_instance: Instance) -> None:
    web_instance.folder.chmod(0o755)
    assert failing() == {"rights"}


def test_a_clock_behind_its_own_rows_is_noticed(failing: Failing, web_db: Database, clock: Clock) -> None:
    work.worker_seen(web_db, "other", "host", 1, clock() + timedelta(hours=1))
    assert failing() == {"clock"}


def test_a_database_that_cannot_be_written_is_noticed(
    failing: Failing, web_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    web_db.execute("PRAGMA query_only = ON")
    assert not questions.can_write(web_db)
    assert not web_db.conn.in_transaction
    web_db.execute("PRAGMA query_only = OFF")
    monkeypatch.setattr(questions, "can_write", lambda _db: False)
    assert failing() == {"database"}


def test_the_write_lock_held_by_somebody_else_is_no_fault(
    web_db: Database, web_instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "PATIENCE_SECONDS", 0.05)
    other = Database(questions.pysqlite3.connect(str(web_instance.database)))
    other.execute("BEGIN IMMEDIATE")
    assert questions.can_write(web_db)
    other.close()


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


def test_the_page_lists_the_backups_and_takes_an_order_for_one(
    admin: Browser, web_db: Database, web_instance: Instance
) -> None:
    assert "There is none yet" in admin.get("/health").text
    assert admin.post("/health/backups").status_code == 303
    assert records.requested(web_db)
    admin.post("/health/backups")
    assert [each.state for each in records.latest(web_db)] == ["queued"]
    made = making.make(web_instance, now=NOON)
    page = admin.get("/health").text
    assert made.path.name in page and "1 Mar 2026, 12:00" in page and "Back up now" in page
    records.fail(web_db, records.begin(web_db, "schedule", "x", NOON), "The disk was full.", NOON)
    assert "The disk was full." in admin.get("/health").text


def test_the_page_is_for_admins_only(annotator: Browser) -> None:
    assert annotator.get("/health").status_code == 403
    assert annotator.post("/health/backups").status_code == 403
    assert annotator.post("/health/alarms/1/clear").status_code == 403
