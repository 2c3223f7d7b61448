"""Backups by themselves: when one is due or was asked for; the old ones are removed, and a failure raises an alarm."""

import logging
import threading
from contextlib import closing
from datetime import datetime, timedelta

from sqlite_utils import Database

from webapp.backups import backup_folder, making
from webapp.backups.making import BackupUnderWay, Made
from webapp.configuration import Schedule
from webapp.instance import Instance
from webapp.store import alarms
from webapp.store import backups as records
from webapp.store.connection import from_timestamp, open_database, utc_now

log = logging.getLogger(__name__)
LOOK_SECONDS = 5.0
# Nothing is worth a backup in the first minutes; trying again and again does not mend a full disk.
FIRST_AFTER = timedelta(hours=1)
AGAIN_AFTER = timedelta(hours=1)
ALARM = "backup-failed"


def keep(instance: Instance, schedule: Schedule, stop: threading.Event) -> None:
    """Look now and then whether one is due, until `stop` is set; an error of one look is logged."""
    while not stop.is_set():
        try:
            with closing(open_database(instance.database)) as db:
                back_up_if_due(db, instance, schedule, utc_now())
        except Exception:  # the outermost turn: the thread must outlive any single fault
            log.exception("looking after the backups failed")
        stop.wait(LOOK_SECONDS)


def back_up_if_due(db: Database, instance: Instance, schedule: Schedule, now: datetime) -> Made | None:
    """Make the backup that is due or was asked for, and remove what it supersedes; None when there is nothing to do."""
    asked = records.requested(db)
    if not asked and not is_due(db, schedule, now):
        return None
    try:
        made = making.make(
            instance,
            cause="button" if asked else "schedule",
            now=now,
            unless=lambda db: not records.requested(db) and not is_due(db, schedule, now),
        )
    except BackupUnderWay:
        return None
    except Exception as error:  # whatever it was: people must hear that there is no backup
        log.exception("the backup failed")
        alarms.raise_alarm(db, ALARM, "instance", now, error=making.reason(error))
        return None
    alarms.settle(db, ALARM, now)
    for name in made.left_out:
        log.warning("%r is not in the backup: no backup has a file of such a name", name)
    removed = (
        backup_folder.rotate(instance.folder, now, schedule.daily, schedule.weekly) if schedule.every else []
    )
    log.info("backup %s made and verified, %s old ones removed", made.path.name, len(removed))
    return made


def is_due(db: Database, schedule: Schedule, now: datetime) -> bool:
    """Whether the newest good backup is too old, and the newest try is not from just now."""
    since, last = records.in_use_since(db), records.newest_done(db)
    if not schedule.every or since is None:
        return False
    last_try = records.newest_try(db)
    if last is None and last_try is None:
        in_use = _age(since, now)
        return in_use is None or in_use > FIRST_AFTER
    tried, made = _age(last_try, now), _age(last, now)
    tried_lately = tried is not None and tried < min(AGAIN_AFTER, schedule.every)
    return not tried_lately and (made is None or made >= schedule.every)


def _age(moment: str | None, now: datetime) -> timedelta | None:
    """How long ago that was; None for a moment to come as well, which is from before the clock was set back."""
    if moment is None or from_timestamp(moment) > now:
        return None
    return now - from_timestamp(moment)
