"""API tokens: the program holds the token, the database its hash, with what it may do and until when."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from webapp.store import audit, users
from webapp.store.connection import from_timestamp, timestamp, write_transaction
from webapp.store.errors import InvalidValue, NotFound
from webapp.store.users import User

SCOPES = ("annotate", "predict", "read", "admin")
# What a person may give to a program of their own; the others are an admin's to give.
OWN_SCOPES = ("annotate", "read")
# A season: nobody has to renew it every week, and one that was forgotten in a script soon opens nothing.
DAYS = 90
LONGEST_DAYS = 3_650
NAME_LIMIT = 60
# 320 random bits. The first letters are shown in lists; what remains is beyond guessing.
SECRET_BYTES = 40
MARK = "winnow_"
PREFIX_LENGTH = len(MARK) + 6
# A request writes at most this often: reading stays reading.
TOUCH_INTERVAL = timedelta(minutes=5)


@dataclass(frozen=True)
class Token:
    """What is known of a token; the token itself is stored nowhere."""

    id: int
    user_id: int
    user: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None

    def is_over(self, now: datetime) -> bool:
        """Whether it opens nothing any more."""
        expired = self.expires_at is not None and from_timestamp(self.expires_at) <= now
        return expired or self.revoked_at is not None


def create(
    db: Database,
    user_id: int,
    scopes: Collection[str],
    by: int | None,
    now: datetime,
    days: int = DAYS,
    name: str = "",
) -> tuple[Token, str]:
    """A new token and its record; InvalidValue says what to change."""
    user = users.by_id(db, user_id)
    _check(user, scopes, days, name)
    secret = MARK + secrets.token_urlsafe(SECRET_BYTES)
    row = {
        "user_id": user_id,
        "name": name.strip(),
        "prefix": secret[:PREFIX_LENGTH],
        "token_hash": _digest(secret),
        "scopes": " ".join(scope for scope in SCOPES if scope in scopes),
        "created_by": by,
        "created_at": timestamp(now),
        "expires_at": timestamp(now + timedelta(days=days)),
    }
    with write_transaction(db):
        token_id = db.execute(
            f"INSERT INTO api_tokens ({', '.join(row)}) VALUES ({', '.join('?' * len(row))}) RETURNING id",
            list(row.values()),
        ).fetchone()[0]
        audit.log(
            db, by, "token.create", f"token:{token_id}", now, user=user_id, scopes=row["scopes"], days=days
        )
    return get(db, token_id), secret


def get(db: Database, token_id: int) -> Token:
    """The token with that id; NotFound otherwise."""
    row = db.execute(f"{_TOKENS} WHERE t.id = :id", {"id": token_id}).fetchone()
    if row is None:
        raise NotFound("There is no such token.")
    return _token(row)


def everything(db: Database, user_id: int | None = None) -> list[Token]:
    """All tokens, or those of one person, newest first."""
    rows = db.execute(f"{_TOKENS} WHERE t.user_id = coalesce(?, t.user_id) ORDER BY t.id DESC", [user_id])
    return [_token(row) for row in rows]


def holder(db: Database, secret: str, now: datetime) -> tuple[Token, User] | None:
    """Who asks with this token; None for one that is unknown, over, or whose person's account is closed."""
    row = db.execute(
        f"{_TOKENS} WHERE t.token_hash = ? AND u.disabled_at IS NULL", [_digest(secret)]
    ).fetchone()
    token = _token(row) if row else None
    if token is None or token.is_over(now):
        return None
    if token.last_used_at is None or now - from_timestamp(token.last_used_at) > TOUCH_INTERVAL:
        with write_transaction(db):
            db.execute("UPDATE api_tokens SET last_used_at = ? WHERE id = ?", [timestamp(now), token.id])
    return token, users.by_id(db, token.user_id)


def revoke(db: Database, token_id: int, by: int | None, now: datetime) -> None:
    """The token opens nothing from now on; revoking it twice changes nothing."""
    with write_transaction(db):
        get(db, token_id)
        changed = db.execute(
            "UPDATE api_tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL RETURNING id",
            [timestamp(now), token_id],
        ).fetchone()
        if changed:
            audit.log(db, by, "token.revoke", f"token:{token_id}", now)


_TOKENS = """SELECT t.id, t.user_id, u.name AS user, t.name, t.prefix, t.scopes, t.created_at, t.expires_at,
    t.last_used_at, t.revoked_at FROM api_tokens t JOIN users u ON u.id = t.user_id"""


def _check(user: User, scopes: Collection[str], days: int, name: str) -> None:
    if user.disabled_at is not None:
        raise InvalidValue("This account is disabled. Enable it first.")
    if not scopes or not set(scopes) <= set(SCOPES):
        raise InvalidValue(f"A token has one or more of the scopes {', '.join(SCOPES)}.")
    if "admin" in scopes and not user.is_admin:
        raise InvalidValue("Only an admin's token can have the scope admin.")
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidValue(f"A token lives from 1 to {LONGEST_DAYS} days.")
    if len(name) > NAME_LIMIT or not name.isprintable():
        raise InvalidValue(f"The name of a token has at most {NAME_LIMIT} printable characters.")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _token(row: Any) -> Token:
    values = dict(zip(row.keys(), row, strict=True))
    return Token(**{**values, "scopes": tuple(row["scopes"].split())})
