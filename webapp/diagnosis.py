"""What can be wrong with an instance, and what to do about it: for the doctor, the health page and /healthz alike."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pysqlite3
from sqlite_utils import Database

from webapp import checkpoint_files, instance, orphans
from webapp.backups import backup_folder, restoring
from webapp.configuration import Schedule
from webapp.instance import Instance
from webapp.store import alarms, health, soundness, work
from webapp.store import backups as records
from webapp.store.connection import from_timestamp, wal_is_safe

LEAST_FREE_BYTES = 1_000_000_000
# Far past the point at which a checkpoint should have run; some reader holds it up.
LARGEST_WAL_BYTES = 256_000_000
LONGEST_WAIT_SECONDS = 600
# A second machine's clock, or a correction of ours, may be off by so much.
CLOCK_TOLERANCE = timedelta(minutes=5)


def _(text: str) -> str:
    """Mark a text for the catalogue; the page says it in the reader's language."""
    return text


PAGES, LINKS = _("Pages of the database"), _("Links between rows")
RESTORE = _("Stop Winnow, keep the file, and restore the newest backup with “winnow restore”.")


@dataclass(frozen=True)
class Finding:
    """One thing that can be wrong: `name` for programs; title, value (filled in with `facts`) and advice for people."""

    name: str
    title: str
    ok: bool
    value: str
    advice: str
    facts: dict[str, object] = field(default_factory=dict)

    @property
    def english(self) -> str:
        """The value as the command line says it."""
        return self.value % self.facts if self.facts else self.value


def quick(db: Database, where: Instance, settings: Mapping[str, Any], now: datetime) -> list[Finding]:
    """What can be seen in some milliseconds."""
    return [
        *_database(db, where),
        _disk(where),
        _read("worker", lambda: _worker(db, now)),
        _read("queue", lambda: _queue(db, now)),
        _read("backup", lambda: _backup(db, where, Schedule.of(settings), now)),
        _read("alarms", lambda: _alarms(db)),
        _configuration(where, settings),
        _rights(where),
        _read("clock", lambda: _clock(db, now)),
    ]


def thorough(db: Database, where: Instance, now: datetime) -> list[Finding]:
    """What needs a look at every page of the database and every file."""
    damage = health.damage(db, thorough=True)
    return [
        Finding("integrity", PAGES, not damage, "; ".join(damage) or _("sound"), RESTORE),
        # Where pages are damaged, the links end in them: SQLite gives up, or names rows that are there.
        Finding("foreign-keys", LINKS, False, _("not looked at"), RESTORE) if damage else _links(db),
        _read("checkpoints", lambda: _checkpoints(db, where)),
        _read("orphans", lambda: _orphans(db, where, now)),
        _former(where),
    ]


def _read(name: str, look: Callable[[], Finding]) -> Finding:
    """What a look at rows finds; where it meets damaged pages, that is the finding, and the other looks go on."""
    try:
        return look()
    except pysqlite3.DatabaseError as error:
        if not soundness.tells_of_damage(error):
            raise
        return Finding(name, PAGES, False, str(error), RESTORE)
    except (ValueError, TypeError) as error:  # a row holds what Winnow never wrote
        return Finding(name, PAGES, False, str(error), RESTORE)


def _database(db: Database, where: Instance) -> list[Finding]:
    writable, version, wal = health.can_write(db), health.sqlite_version(db), health.wal_bytes(where.database)
    return [
        Finding("database", _("Database"), writable, _("writable") if writable else _("not writable"),
                _("Look at the rights of the instance folder and at the free disk space.")),
        Finding("sqlite", _("SQLite version"), wal_is_safe(version), version,
                _("Install the pinned pysqlite3: this version can lose commits.")),
        Finding("wal", _("Write-ahead log"), wal <= LARGEST_WAL_BYTES, f"{wal / 1e6:,.1f} MB",
                _("Some process keeps an old read open; restart web and worker.")),
    ]  # fmt: skip


def _disk(where: Instance) -> Finding:
    free = shutil.disk_usage(where.folder).free
    advice = _("Free some space: imports, rounds and labels need it.")
    return Finding("disk", _("Free disk space"), free >= LEAST_FREE_BYTES, f"{free / 1e9:,.1f} GB", advice)


def _worker(db: Database, now: datetime) -> Finding:
    alive = bool(work.live_workers(db, now))
    advice = _("Start it with “winnow run” or “winnow worker”.")
    return Finding("worker", _("Worker"), alive, _("alive") if alive else _("not running"), advice)


def _queue(db: Database, now: datetime) -> Finding:
    waited = health.oldest_waiting_seconds(db, now) or 0
    value = _("%(minutes)s min") if waited else _("none waits")
    facts: dict[str, object] = {"minutes": f"{waited / 60:,.0f}"} if waited else {}
    advice = _("The worker is busy or stuck; its log says with what.")
    return Finding("queue", _("Oldest waiting job"), waited <= LONGEST_WAIT_SECONDS, value, advice, facts)


def _backup(db: Database, where: Instance, schedule: Schedule, now: datetime) -> Finding:
    """Overdue after two turns without a good one: the first may have come upon a full disk, and people need time."""
    title = _("Newest backup")
    advice = _("See why the last one failed on this page, or make one with “winnow backup”.")
    last = last_backup(db, where)
    if last is None and not schedule.every:
        return Finding("backup", title, True, _("none; the schedule is off"), advice)
    since = last or (from_timestamp(began) if (began := records.in_use_since(db)) else now)
    overdue = bool(schedule.every) and now - since > 2 * schedule.every + timedelta(hours=1)
    if last is None:
        return Finding("backup", title, not overdue, _("none yet"), advice)
    hours = f"{max(0.0, (now - last).total_seconds()) / 3600:,.0f}"
    return Finding("backup", title, not overdue, _("%(hours)s h ago"), advice, {"hours": hours})


def last_backup(db: Database, where: Instance) -> datetime | None:
    """When the newest good backup was begun: one that the list knows, or one in the folder."""
    listed, newest = records.newest_done(db), backup_folder.newest(where.folder)
    moments = [from_timestamp(listed)] if listed else []
    return max([*moments, *([backup_folder.made_at(newest)] if newest else [])], default=None)


def _alarms(db: Database) -> Finding:
    found = alarms.open_alarms(db)
    names = ", ".join(sorted({alarm.name for alarm in found}))
    advice = _("Read what each alarm says on the health page, see to it, then clear it there.")
    return Finding("alarms", _("Alarms"), not found, names or _("none"), advice)


def _configuration(where: Instance, settings: Mapping[str, Any]) -> Finding:
    fault = _misconfigured(where, settings)
    return Finding(
        "configuration", _("Configuration"), not fault, _("sound") if not fault else _("not safe"), fault
    )


def _misconfigured(where: Instance, settings: Mapping[str, Any]) -> str:
    try:
        instance.secret_key(where)
    except instance.InstanceError:
        return _(
            "The secret key is missing, weak or open to others; “winnow run” says which, and what to do."
        )
    behind_proxy = bool(settings["PROXY_COUNT"])
    if (behind_proxy or settings["HOSTS"]) and not settings["COOKIE_SECURE"]:
        return _(
            "Other machines reach this server, and its cookies travel without https. Set COOKIE_SECURE = True."
        )
    if behind_proxy and not settings["HOSTS"]:
        return _("A proxy stands in front, but HOSTS is empty: this server answers to no name but localhost.")
    return ""


def _rights(where: Instance) -> Finding:
    # A folder that nobody else may enter keeps what is in it; the key is too precious to rely on that.
    private = (where.folder, where.secret_key_file)
    names = [path.name for path in private if path.exists() and path.stat().st_mode & 0o077]
    advice = _("Take the rights from all other accounts: run “chmod -R go=” on the instance folder.")
    return Finding("rights", _("File rights"), not names, ", ".join(names) or _("private"), advice)


def _clock(db: Database, now: datetime) -> Finding:
    newest = health.newest_moment(db)
    behind = newest is not None and newest - now > CLOCK_TOLERANCE
    advice = _(
        "The clock was set back, or was ahead: the newest rows are from the future. Let it follow a time server."
    )
    return Finding(
        "clock", _("Clock"), not behind, _("behind its own rows") if behind else _("sound"), advice
    )


def _links(db: Database) -> Finding:
    lost = health.orphaned_rows(db)
    advice = _("Somebody changed the database past Winnow. Restore a backup from before.")
    return Finding("foreign-keys", LINKS, not lost, "; ".join(lost) or _("sound"), advice)


def _checkpoints(db: Database, where: Instance) -> Finding:
    known = health.checkpoints(db).items()
    faults = [
        f"{name} {fault}"
        for name, sha256 in known
        if (fault := checkpoint_files.fault(where.checkpoints / name, sha256))
    ]
    advice = _(
        "Restore the folder from a backup, or train a new round; until then that version cannot serve."
    )
    value = "; ".join(faults[:5]) or _("%(count)s, all as published")
    return Finding(
        "checkpoints", _("Checkpoints"), not faults, value, advice, {} if faults else {"count": len(known)}
    )


def _orphans(db: Database, where: Instance, now: datetime) -> Finding:
    found = orphans.find(db, where, now)
    facts = {"count": len(found), "size": f"{sum(map(orphans.size, found)) / 1e6:,.1f}"}
    value = _("%(count)s (%(size)s MB)") if found else _("none")
    advice = _("“winnow doctor --clean” removes them.")
    return Finding("orphans", _("Files that nothing names"), not found, value, advice, facts if found else {})


def _former(where: Instance) -> Finding:
    found = sorted(path.name for path in where.folder.glob(f"{restoring.FORMER}*"))
    advice = _("Remove the folder once all is well: it holds texts that were erased since, too.")
    return Finding(
        "former", _("Left from before a restore"), not found, ", ".join(found) or _("nothing"), advice
    )
