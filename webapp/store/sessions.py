"""Logins that live on the server: the cookie holds a random token, the database its hash."""

import hashlib
import secrets
from contextlib import suppress
from datetime import datetime, timedelta

from sqlite_utils import Database
from sqlite_utils.utils import OperationalError

from webapp.store import users
from webapp.store.connection import from_timestamp, timestamp, write_transaction

IDLE_LIMIT = timedelta(hours=12)
ABSOLUTE_LIMIT = timedelta(days=14)
# A page view writes at most this often: reading stays reading.
TOUCH_INTERVAL = timedelta(minutes=5)


def start(db: Database, user_id: int, now: datetime) -> str:
    """Begin a session and return its token, which is stored nowhere."""
    token = secrets.token_urlsafe(32)
    moment = timestamp(now)
    with write_transaction(db):
        db.execute("DELETE FROM sessions WHERE created_at < ?", [timestamp(now - ABSOLUTE_LIMIT)])
        db.execute(
            "INSERT INTO sessions (token_hash, user_id, created_at, seen_at) VALUES (?, ?, ?, ?)",
            [_digest(token), user_id, moment, moment],
        )
    return token


def user_for(db: Database, token: str, now: datetime) -> users.User | None:
    """Who holds this session, None once it ended, idled out or the account was disabled."""
    row = db.execute(
        "SELECT s.created_at, s.seen_at, s.user_id FROM sessions s JOIN users u ON u.id = s.user_id"
        " WHERE s.token_hash = ? AND u.disabled_at IS NULL",
        [_digest(token)],
    ).fetchone()
    if row is None:
        return None
    seen = from_timestamp(row["seen_at"])
    if now - seen > IDLE_LIMIT or now - from_timestamp(row["created_at"]) > ABSOLUTE_LIMIT:
        with suppress(OperationalError):
            end(db, token)
        return None
    if now - seen > TOUCH_INTERVAL:
        # On a full disk pages can still be read.
        with suppress(OperationalError), write_transaction(db):
            db.execute(
                "UPDATE sessions SET seen_at = ? WHERE token_hash = ?", [timestamp(now), _digest(token)]
            )
    return users.by_id(db, row["user_id"])


def end(db: Database, token: str) -> None:
    """Log out: the token is worth nothing from now on."""
    with write_transaction(db):
        db.execute("DELETE FROM sessions WHERE token_hash = ?", [_digest(token)])


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
