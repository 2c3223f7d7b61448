"""Failed logins, counted in the database so that all processes share one limit."""

from datetime import datetime, timedelta

from sqlite_utils import Database

from webapp.store import audit
from webapp.store.connection import from_timestamp, timestamp, write_transaction

WINDOW = timedelta(minutes=15)
# Per name and address together, so that a stranger cannot lock a person out by the name alone.
LIMIT_PER_NAME_AND_ADDRESS = 8
LIMIT_PER_ADDRESS = 60
# Many addresses against one name: a slower, wider net.
LIMIT_PER_NAME = 200
# The audit log is never shortened: guessing from many addresses must not fill the disk with it.
LOGGED_PER_WINDOW = 500


def begin(db: Database, name: str, address: str, now: datetime, known: bool = False) -> int | datetime:
    """Count a try as failed before its password is looked at, so that many at once are counted too.

    Returns its id for `succeed` or `fail`; or, where there were too many, when the next one may be made. A `known`
    browser, where this person has logged in before, is not held up by what strangers try elsewhere.
    """
    with write_transaction(db):
        blocked = _blocked_until(db, name[:64], address, now, known)
        if blocked is not None:
            return blocked
        forget(db, now)
        row = db.execute(
            "INSERT INTO login_failures (name, address, at) VALUES (?, ?, ?) RETURNING id",
            [name[:64], address, timestamp(now)],
        ).fetchone()
    return int(row["id"])


def forget(db: Database, now: datetime) -> None:
    """Keep no name and address longer than they count, though nobody logs in."""
    with write_transaction(db):
        db.execute("DELETE FROM login_failures WHERE at NOT BETWEEN ? AND ?", _around(now))


def succeed(db: Database, attempt: int) -> None:
    """It was the right password: the try does not count."""
    with write_transaction(db):
        db.execute("DELETE FROM login_failures WHERE id = ?", [attempt])


def fail(db: Database, user_id: int | None, now: datetime) -> None:
    """Log a failed try, without what was typed as name: that may well be a password."""
    with write_transaction(db):
        if db.execute("SELECT count(*) FROM login_failures").fetchone()[0] <= LOGGED_PER_WINDOW:
            audit.log(db, None, "login.fail", f"user:{user_id or 'unknown'}", now)


def _blocked_until(db: Database, name: str, address: str, now: datetime, known: bool) -> datetime | None:
    limits = [
        ("name = ? AND address = ?", [name, address], LIMIT_PER_NAME_AND_ADDRESS),
        ("address = ?", [address], LIMIT_PER_ADDRESS),
    ]
    if not known:
        limits.append(("name = ?", [name], LIMIT_PER_NAME))
    until = None
    for condition, values, limit in limits:
        row = db.execute(
            f"SELECT at FROM login_failures WHERE {condition} AND at BETWEEN ? AND ?"
            " ORDER BY at DESC LIMIT 1 OFFSET ?",
            [*values, *_around(now), limit - 1],
        ).fetchone()
        if row is not None:
            until = max(filter(None, [until, from_timestamp(row["at"]) + WINDOW]))
    return until


def _around(now: datetime) -> list[str]:
    """The times of tries that count; later ones are from before the clock was set back, and would hold for so long."""
    return [timestamp(now - WINDOW), timestamp(now + WINDOW)]
