"""The answer to a request that may be sent twice, kept under the key that its sender chose."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_utils import Database

from webapp.store.connection import timestamp, write_transaction
from webapp.store.errors import KeyReused

# Longer than any client goes on trying; a key means nothing afterwards.
KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Kept:
    """What was answered. `status` is None where the body only says what the answer is to be made from."""

    status: int | None
    body: str


def find(db: Database, token_id: int, key: str, request_hash: bytes, now: datetime) -> Kept | None:
    """The answer kept under a token's key, None for a new one; KeyReused when it answered another request."""
    row = db.execute(
        "SELECT * FROM idempotency_keys WHERE token_id = ? AND key = ? AND created_at > ?",
        [token_id, key, timestamp(now - KEPT)],
    ).fetchone()
    if row is None:
        return None
    if row["request_hash"] != request_hash:
        raise KeyReused("This Idempotency-Key came with another request before. Choose a new key.")
    return Kept(row["status"], row["body"])


def keep(db: Database, token_id: int, key: str, request_hash: bytes, kept: Kept, now: datetime) -> None:
    """Keep an answer, in the transaction that makes what it tells of; old ones are forgotten."""
    with write_transaction(db):
        db.execute("DELETE FROM idempotency_keys WHERE created_at <= ?", [timestamp(now - KEPT)])
        db.execute(
            "INSERT INTO idempotency_keys (token_id, key, request_hash, status, body, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [token_id, key, request_hash, kept.status, kept.body, timestamp(now)],
        )
