"""The invariant monitor: looks every minute for what should never happen, and raises an alarm; forgets what is due."""

import logging
import threading
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlite_utils import Database

from webapp.store import alarms, health, login_attempts
from webapp.store.connection import database_path, open_database, utc_now

log = logging.getLogger(__name__)
LOOK_SECONDS = 60.0
# A checkpoint runs at 4 MB; sixteen times that means that some reader holds it up.
LARGEST_LOG_BYTES = 64_000_000


def run_forever(instance: Path, stop: threading.Event) -> None:
    """Look until `stop` is set; an error of one look is logged."""
    while not stop.is_set():
        try:
            with closing(open_database(database_path(instance))) as db:
                look(db, instance, utc_now())
        except Exception:  # the outermost turn: the thread must outlive any single fault
            log.exception("the monitor could not look this time")
        stop.wait(LOOK_SECONDS)


def look(db: Database, instance: Path, now: datetime) -> None:
    """One look: are there as many annotations as before, and does the write-ahead log stay short?"""
    for alarm in alarms.watch_annotations(db, now):
        log.error("ALARM %s of %s: %s", alarm.name, alarm.subject, alarm.detail)
    size = health.wal_bytes(database_path(instance))
    if size <= LARGEST_LOG_BYTES:
        alarms.settle(db, alarms.LOG_TOO_LONG, now)
    elif alarms.raise_alarm(db, alarms.LOG_TOO_LONG, "database", now, bytes=size):
        log.error("ALARM the write-ahead log has %d MB: some reader holds up the checkpoint", size / 1e6)
    login_attempts.forget(db, now)
