"""Take a person out of the database: what they labelled stays, under a name that says nothing."""

from datetime import datetime

from sqlite_utils import Database

from webapp.store import erasures, users
from webapp.store.connection import timestamp, write_transaction


def tombstone(user_id: int) -> str:
    """What an erased account is called."""
    return f"erased-{user_id}"


def erase(
    db: Database,
    erasure_id: int,
    user_id: int,
    no_password: str,
    now: datetime,
    last_admin_too: bool = False,
) -> None:
    """Put a tombstone in a person's place; `no_password` is the hash of a password that nobody has."""
    with write_transaction(db):
        if not last_admin_too:
            users.keep_an_admin(db, user_id)
        name = users.by_id(db, user_id).name
        db.execute(
            "UPDATE users SET name = ?, password_hash = ?, role = 'annotator', locale = NULL, keys = NULL,"
            " password_expires_at = NULL, disabled_at = coalesce(disabled_at, ?), erased_at = ? WHERE id = ?",
            [tombstone(user_id), no_password, timestamp(now), timestamp(now), user_id],
        )
        for table in ("sessions", "api_tokens", "assignments"):
            db.execute(f"DELETE FROM {table} WHERE user_id = ?", [user_id])
        db.execute("DELETE FROM login_failures WHERE name = ?", [name[:64]])
        db.execute("DELETE FROM rate_counts WHERE instr(lower(subject), lower(?)) > 0", [name])
        db.execute("UPDATE leases SET ended = 'released' WHERE user_id = ? AND ended IS NULL", [user_id])
        # A note is in the person's own words. Labels are the work that was asked for.
        db.execute("UPDATE annotations SET note = '' WHERE annotator_id = ? AND note <> ''", [user_id])
        erasures.add(db, erasure_id, 0, count_annotations(db, user_id), [])


def count_annotations(db: Database, user_id: int) -> int:
    """How many answers will stay without their name."""
    return int(db.execute("SELECT count(*) FROM annotations WHERE annotator_id = ?", [user_id]).fetchone()[0])
