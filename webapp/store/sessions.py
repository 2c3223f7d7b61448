"""Logins that live on the server: the cookie holds a random token, the database its hash."""

import hashlib
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_utils import Database
from sqlite_utils.utils import OperationalError

from webapp.store import audit, users
from webapp.store.connection import from_timestamp, timestamp, write_transaction
from webapp.store.errors import NotFound

# A page view writes at most this often: reading stays reading.
TOUCH_INTERVAL = timedelta(minutes=5)
AGENT_LIMIT = 300
# Enough of the hash to tell one person's sessions apart; nobody can log in with any of it.
KEY_BYTES = 8


@dataclass(frozen=True)
class Limits:
    """How long a session lives: unused, and however busy it is."""

    idle: timedelta = timedelta(hours=12)
    absolute: timedelta = timedelta(days=14)


@dataclass(frozen=True)
class Session:
    """One login as people see it; `key` names it, `agent` is what the browser calls itself."""

    key: str
    agent: str
    created_at: str
    seen_at: str


def start(db: Database, user_id: int, now: datetime, agent: str = "", limits: Limits | None = None) -> str:
    """Begin a session and return its token, which is stored nowhere."""
    token, oldest = secrets.token_urlsafe(32), now - (limits or Limits()).absolute
    moment = timestamp(now)
    with write_transaction(db):
        db.execute("DELETE FROM sessions WHERE created_at < ?", [timestamp(oldest)])
        db.execute(
            "INSERT INTO sessions (token_hash, user_id, created_at, seen_at, agent) VALUES (?, ?, ?, ?, ?)",
            [_digest(token), user_id, moment, moment, agent[:AGENT_LIMIT]],
        )
        audit.log(db, user_id, "session.start", f"user:{user_id}", now)
    return token


def user_for(db: Database, token: str, now: datetime, limits: Limits | None = None) -> users.User | None:
    """Who holds this session, None once it ended, idled out or the account was disabled."""
    row = db.execute(
        "SELECT s.created_at, s.seen_at, s.user_id FROM sessions s JOIN users u ON u.id = s.user_id"
        " WHERE s.token_hash = ? AND u.disabled_at IS NULL",
        [_digest(token)],
    ).fetchone()
    if row is None:
        return None
    if not _lives(row["created_at"], row["seen_at"], now, limits or Limits()):
        with suppress(OperationalError):
            forget(db, token)
        return None
    if now - from_timestamp(row["seen_at"]) > TOUCH_INTERVAL:
        # On a full disk pages can still be read.
        with suppress(OperationalError), write_transaction(db):
            db.execute(
                "UPDATE sessions SET seen_at = ? WHERE token_hash = ?", [timestamp(now), _digest(token)]
            )
    return users.by_id(db, row["user_id"])


def started_at(db: Database, token: str) -> datetime | None:
    """When the password was last given in this session: at its beginning."""
    row = db.execute("SELECT created_at FROM sessions WHERE token_hash = ?", [_digest(token)]).fetchone()
    return from_timestamp(row["created_at"]) if row else None


def of_user(db: Database, user_id: int, now: datetime, limits: Limits | None = None) -> list[Session]:
    """Where this person is logged in, last seen first."""
    rows = db.execute(
        "SELECT token_hash, agent, created_at, seen_at FROM sessions WHERE user_id = ? ORDER BY seen_at DESC",
        [user_id],
    ).fetchall()
    return [
        Session(row["token_hash"][:KEY_BYTES].hex(), row["agent"], row["created_at"], row["seen_at"])
        for row in rows
        if _lives(row["created_at"], row["seen_at"], now, limits or Limits())
    ]


def key_of(token: str) -> str:
    """What names this session in the list of its person's."""
    return _digest(token)[:KEY_BYTES].hex()


def forget(db: Database, token: str) -> None:
    """Drop a session that ran out or is replaced: the token is worth nothing from now on."""
    with write_transaction(db):
        db.execute("DELETE FROM sessions WHERE token_hash = ?", [_digest(token)])


def end(db: Database, token: str, now: datetime) -> None:
    """Log out."""
    with write_transaction(db):
        row = db.execute(
            "DELETE FROM sessions WHERE token_hash = ? RETURNING user_id", [_digest(token)]
        ).fetchone()
        if row is not None:
            audit.log(db, row["user_id"], "session.end", f"user:{row['user_id']}", now)


def end_one(db: Database, user_id: int, key: str, by: int, now: datetime) -> None:
    """End one session of this person, named by its key; NotFound when it is over already."""
    with write_transaction(db):
        done = db.execute(
            "DELETE FROM sessions WHERE user_id = ? AND lower(hex(substr(token_hash, 1, ?))) = ?",
            [user_id, KEY_BYTES, key],
        )
        if not done.rowcount:
            raise NotFound("This login is over already.")
        audit.log(db, by, "session.end", f"user:{user_id}", now)


def end_all(db: Database, user_id: int, by: int, now: datetime, but: str | None = None) -> int:
    """Log this person out everywhere, on wish but for one token; returns how many sessions that ended."""
    with write_transaction(db):
        done = db.execute(
            "DELETE FROM sessions WHERE user_id = ? AND token_hash <> ?", [user_id, _digest(but or "")]
        )
        audit.log(db, by, "session.end-all", f"user:{user_id}", now, sessions=done.rowcount)
    return int(done.rowcount)


def _lives(created_at: str, seen_at: str, now: datetime, limits: Limits) -> bool:
    return (
        now - from_timestamp(seen_at) <= limits.idle and now - from_timestamp(created_at) <= limits.absolute
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
