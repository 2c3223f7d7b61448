"""Backups by themselves: when they are due, by one worker only, with an alarm where there is none."""

import shutil
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from builders import NOON, a_user
from sqlite_utils import Database

from webapp.backups import backup_folder, making
from webapp.configuration import Schedule
from webapp.instance import Instance
from webapp.store import alarms
from webapp.store import backups as records
from webapp.store.connection import open_database
from webapp.worker.backups import back_up_if_due, keep

DAILY = Schedule(timedelta(hours=24), 7, 4)
Turn = Callable[[datetime], bool]


@pytest.fixture
def turn(web_instance: Instance, web_db: Database) -> Turn:
    """One look at a moment: whether a backup was made. The first account is from NOON."""
    a_user(web_db)
    web_db.execute("UPDATE users SET created_at = ?", [NOON.isoformat()])
    return lambda now: back_up_if_due(web_db, web_instance, DAILY, now) is not None


def hours(number: float) -> datetime:
    return NOON + timedelta(hours=number)


def test_the_first_comes_an_hour_after_the_start_and_the_next_a_day_later(
    turn: Turn, web_db: Database, web_instance: Instance
) -> None:
    made = [number for number in range(52) if turn(hours(number))]
    assert made == [2, 26, 50]
    assert [each.cause for each in records.latest(web_db)] == ["schedule"] * 3
    assert len(backup_folder.files(web_instance.folder)) == 3


def test_an_instance_without_people_and_a_schedule_of_zero_make_none(
    web_instance: Instance, web_db: Database, turn: Turn
) -> None:
    off = Schedule(timedelta(0), 7, 4)
    assert back_up_if_due(web_db, web_instance, off, hours(99)) is None
    web_db.execute("DELETE FROM users")
    assert not turn(hours(99))


def test_one_that_was_asked_for_is_made_at_once_though_the_schedule_is_off(
    web_instance: Instance, web_db: Database
) -> None:
    records.request(web_db, None, NOON)
    assert back_up_if_due(web_db, web_instance, Schedule(timedelta(0), 7, 4), NOON) is not None
    assert [(each.cause, each.state) for each in records.latest(web_db)] == [("button", "done")]


def test_old_ones_are_rotated_away(turn: Turn, web_instance: Instance) -> None:
    for day in range(0, 60, 4):
        assert turn(hours(24 * day + 2))
        assert len(backup_folder.files(web_instance.folder)) <= 7 + 4


def test_many_workers_make_one(web_instance: Instance, web_db: Database, turn: Turn) -> None:
    start = threading.Barrier(4)
    made = []

    def look() -> None:
        db = open_database(web_instance.database)
        start.wait()
        for _ in range(3):
            made.append(back_up_if_due(db, web_instance, DAILY, hours(30)))
        db.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([each for each in made if each]) == 1
    assert [each.state for each in records.latest(web_db)] == ["done"]


def test_a_failure_raises_an_alarm_once_and_is_tried_again_in_an_hour(
    turn: Turn, web_db: Database, web_instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "RESERVE_BYTES", 10**18)
    assert [turn(hours(2)), turn(hours(2.5)), turn(hours(3.1))] == [False, False, False]
    assert [each.state for each in records.latest(web_db)] == ["failed", "failed"]
    [alarm] = alarms.open_alarms(web_db)
    assert alarm.name == "backup-failed" and alarm.detail["error"].startswith("A backup needs")
    monkeypatch.undo()
    assert turn(hours(5))
    assert alarms.open_alarms(web_db) == []


def test_backups_go_on_when_the_clock_was_a_year_ahead_and_is_set_back(turn: Turn) -> None:
    assert turn(hours(366 * 24))
    assert [number for number in range(2, 52) if turn(hours(number))] == [2, 26, 50]


def test_the_thread_outlives_a_fault_and_ends_when_told(
    web_instance: Instance, web_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    seen = []

    def look(*_arguments: object) -> None:
        seen.append(1)
        if len(seen) == 2:
            stop.set()
        shutil.rmtree(web_instance.folder / "nowhere")

    monkeypatch.setattr("webapp.worker.backups.back_up_if_due", look)
    monkeypatch.setattr("webapp.worker.backups.LOOK_SECONDS", 0.01)
    keep(web_instance, DAILY, stop)
    assert len(seen) == 2


def test_a_database_that_cannot_be_opened_at_first_ends_no_thread(
    web_instance: Instance, web_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = web_instance.database.rename(web_instance.folder / "aside")
    stop = threading.Event()

    def wait(seconds: float) -> bool:
        """Between two looks the database is there again; after the second it is enough."""
        if aside.exists():
            aside.rename(web_instance.database)
        else:
            stop.set()
        return stop.is_set()

    records.request(web_db, None, NOON)
    monkeypatch.setattr(stop, "wait", wait)
    keep(web_instance, DAILY, stop)
    assert backup_folder.files(web_instance.folder)
