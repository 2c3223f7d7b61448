"""Accounts and roles."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pysqlite3
from sqlite_utils import Database

from webapp.store import audit
from webapp.store.connection import timestamp, utc_now, write_transaction
from webapp.store.errors import InvalidValue, LastAdmin, NameTaken, NotFound

ROLES = ("annotator", "admin")
NAME_LIMIT = 64
# What erased accounts are called: a person of that name would stand in the way of somebody's erasure.
TOMBSTONE = re.compile(r"erased-\d+", re.IGNORECASE)


@dataclass(frozen=True)
class User:
    id: int
    name: str
    role: str
    locale: str | None
    created_at: str
    disabled_at: str | None
    # Set while the password is one that somebody else gave: until when it is good for a login.
    password_expires_at: str | None = None

    @property
    def must_choose_password(self) -> bool:
        """Whether somebody else knows the password still."""
        return self.password_expires_at is not None

    @property
    def is_admin(self) -> bool:
        """Whether this person may change projects and people."""
        return self.role == "admin"


def add(
    db: Database,
    name: str,
    password_hash: str,
    role: str,
    by: int | None = None,
    expires: datetime | None = None,
) -> User:
    """Create an account, on wish with a password for one login; NameTaken or InvalidValue says what to change."""
    name = name.strip()
    if not name or len(name) > NAME_LIMIT or not name.isprintable():
        raise InvalidValue(f"A user name has 1 to {NAME_LIMIT} printable characters.")
    if role not in ROLES:
        raise InvalidValue(f"The role is one of {', '.join(ROLES)}.")
    if TOMBSTONE.fullmatch(name):
        raise _taken(name)
    with write_transaction(db):
        try:
            row = db.execute(
                "INSERT INTO users (name, password_hash, role, created_at, password_expires_at)"
                " VALUES (?, ?, ?, ?, ?) RETURNING *",
                [name, password_hash, role, timestamp(utc_now()), timestamp(expires) if expires else None],
            ).fetchone()
        except pysqlite3.IntegrityError as error:
            raise _taken(name) from error
        audit.log(db, by, "user.add", f"user:{row['id']}", role=role)
    return _user(row)


def by_name(db: Database, name: str) -> tuple[User, str] | None:
    """The account of that name with its password hash."""
    row = db.execute("SELECT * FROM users WHERE name = ?", [name.strip()]).fetchone()
    return (_user(row), row["password_hash"]) if row else None


def by_id(db: Database, user_id: int) -> User:
    """The account with that id; NotFound otherwise."""
    row = db.execute("SELECT * FROM users WHERE id = ?", [user_id]).fetchone()
    if row is None:
        raise NotFound("There is no such user.")
    return _user(row)


def everyone(db: Database) -> list[User]:
    """All accounts, by name."""
    return [_user(row) for row in db.execute("SELECT * FROM users ORDER BY name")]


def password_hash(db: Database, user_id: int) -> str:
    """The stored hash of that account."""
    row = db.execute("SELECT password_hash FROM users WHERE id = ?", [user_id]).fetchone()
    if row is None:
        raise NotFound("There is no such user.")
    return str(row["password_hash"])


def set_password(
    db: Database, user_id: int, password_hash: str, by: int | None, expires: datetime | None = None
) -> None:
    """Store a new password, on wish one for a single login; every session of that account ends."""
    with write_transaction(db):
        db.execute(
            "UPDATE users SET password_hash = ?, password_expires_at = ? WHERE id = ?",
            [password_hash, timestamp(expires) if expires else None, user_id],
        )
        db.execute("DELETE FROM sessions WHERE user_id = ?", [user_id])
        audit.log(db, by, "user.password", f"user:{user_id}", temporary=expires is not None)


def rehash(db: Database, user_id: int, old: str, new: str) -> None:
    """Keep the same password under today's parameters, unless another was set meanwhile."""
    with write_transaction(db):
        db.execute(
            "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?", [new, user_id, old]
        )


def use_temporary_password(db: Database, user_id: int, now: datetime) -> bool:
    """Spend a password that is good for one login; False when it was spent or ran out before."""
    with write_transaction(db):
        row = db.execute(
            "UPDATE users SET password_expires_at = ? WHERE id = ? AND password_expires_at > ? RETURNING id",
            [timestamp(now), user_id, timestamp(now)],
        ).fetchone()
    return row is not None


def set_locale(db: Database, user_id: int, locale: str | None) -> None:
    """The language this person reads the pages in; None follows the browser."""
    with write_transaction(db):
        db.execute("UPDATE users SET locale = ? WHERE id = ?", [locale, user_id])


def own_keys(db: Database, user_id: int) -> dict[str, str]:
    """The labelling keys that this person chose, by command; the others are the default."""
    row = db.execute("SELECT keys FROM users WHERE id = ?", [user_id]).fetchone()
    chosen: dict[str, str] = json.loads(row["keys"]) if row and row["keys"] else {}
    return chosen


def set_keys(db: Database, user_id: int, keys: Mapping[str, str]) -> None:
    """Keep the keys that differ from the default; none brings the default back."""
    with write_transaction(db):
        db.execute(
            "UPDATE users SET keys = ? WHERE id = ?", [json.dumps(dict(keys)) if keys else None, user_id]
        )


def set_role(db: Database, user_id: int, role: str, by: int | None) -> None:
    """Promote or demote; the last active admin stays one."""
    if role not in ROLES:
        raise InvalidValue(f"The role is one of {', '.join(ROLES)}.")
    with write_transaction(db):
        by_id(db, user_id)
        if role != "admin":
            keep_an_admin(db, user_id)
        db.execute("UPDATE users SET role = ? WHERE id = ?", [role, user_id])
        db.execute("DELETE FROM sessions WHERE user_id = ?", [user_id])
        audit.log(db, by, "user.role", f"user:{user_id}", role=role)


def disable(db: Database, user_id: int, by: int | None, now: datetime | None = None) -> None:
    """Close an account: sessions and tokens die, leases return to the queue, labels stay."""
    moment = timestamp(now or utc_now())
    with write_transaction(db):
        by_id(db, user_id)
        keep_an_admin(db, user_id)
        db.execute("UPDATE users SET disabled_at = ? WHERE id = ? AND disabled_at IS NULL", [moment, user_id])
        db.execute("DELETE FROM sessions WHERE user_id = ?", [user_id])
        db.execute(
            "UPDATE api_tokens SET revoked_at = ? WHERE user_id = ? AND revoked_at IS NULL", [moment, user_id]
        )
        db.execute("UPDATE leases SET ended = 'recalled' WHERE user_id = ? AND ended IS NULL", [user_id])
        audit.log(db, by, "user.disable", f"user:{user_id}")


def enable(db: Database, user_id: int, by: int | None) -> None:
    """Open a closed account again; an erased one is nobody's any more."""
    with write_transaction(db):
        by_id(db, user_id)
        db.execute("UPDATE users SET disabled_at = NULL WHERE id = ? AND erased_at IS NULL", [user_id])
        audit.log(db, by, "user.enable", f"user:{user_id}")


def keep_an_admin(db: Database, leaving: int) -> None:
    """LastAdmin where nobody else could look after things."""
    if not has_admin(db, leaving):
        raise LastAdmin("This is the last active admin. Make another person an admin first.")


def has_admin(db: Database, but: int | None = None) -> bool:
    """Whether somebody, on wish somebody else, is an admin who can log in."""
    row = db.execute(
        "SELECT 1 FROM users WHERE role = 'admin' AND disabled_at IS NULL AND id IS NOT ? LIMIT 1", [but]
    ).fetchone()
    return row is not None


def _taken(name: str) -> NameTaken:
    return NameTaken(f"There is a user named {name} already. Choose another name.")


def _user(row: Any) -> User:
    names = ("id", "name", "role", "locale", "created_at", "disabled_at", "password_expires_at")
    return User(**{name: row[name] for name in names})
