"""The invariant monitor in a worker that runs: what vanishes silently becomes an alarm (D23)."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from builders import a_project, a_user, an_annotation
from sqlite_utils import Database

from webapp.store import alarms, login_attempts
from webapp.store.connection import utc_now
from webapp.worker import loop, monitor


def test_a_worker_raises_an_alarm_for_a_silent_delete(
    db: Database, instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "LOOK_SECONDS", 0.05)
    project, user = a_project(db, auto_round_every=0), a_user(db)
    for _ in range(3):
        an_annotation(db, project, user)
    stop = threading.Event()
    worker = threading.Thread(target=loop.run_forever, args=(instance, stop))
    worker.start()
    try:
        until(lambda: db["annotation_counts"].count == 1)
        assert alarms.open_alarms(db) == []
        db.execute("DELETE FROM annotations WHERE id = 2")
        until(lambda: bool(alarms.open_alarms(db)))
    finally:
        stop.set()
        worker.join()
    assert [alarm.name for alarm in alarms.open_alarms(db)] == ["annotations-lost"]


def test_the_monitor_outlives_any_fault(
    db: Database, instance: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(monitor, "LOOK_SECONDS", 0.01)
    alarms.raise_alarm(db, alarms.LOG_TOO_LONG, "database", utc_now())
    db.execute("UPDATE alarms SET detail = 'no JSON'")
    stop = threading.Event()
    thread = threading.Thread(target=monitor.run_forever, args=(instance, stop))
    thread.start()
    try:
        until(lambda: len(caplog.records) > 1)
        assert "could not look" in caplog.text
        db.execute("UPDATE alarms SET detail = '{}'")
        until(lambda: alarms.open_alarms(db) == [])
    finally:
        stop.set()
        thread.join()


def until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not fact():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_a_log_that_a_reader_holds_up_raises_an_alarm_that_ends_with_its_cause(
    db: Database, instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "LARGEST_LOG_BYTES", 100_000)
    a_project(db, size=300)
    monitor.look(db, instance, utc_now())
    assert [alarm.name for alarm in alarms.open_alarms(db)] == ["log-too-long"]
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    monitor.look(db, instance, utc_now())
    assert alarms.open_alarms(db) == []


def test_who_failed_to_log_in_is_forgotten_though_nobody_logs_in(db: Database, instance: Path) -> None:
    for minutes in (20, 10):
        login_attempts.begin(db, "ada", "203.0.113.7", utc_now() - timedelta(minutes=minutes))
    monitor.look(db, instance, utc_now())
    assert db["login_failures"].count == 1
