"""What becomes of work whose worker died or had to be ended: tried again after a pause, or closed with the reason."""

from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from webapp.store import work
from webapp.store.connection import timestamp, write_transaction
from webapp.store.errors import StaleToken

TABLES: tuple[work.Table, ...] = ("rounds", "jobs")


@dataclass(frozen=True)
class Held:
    """A piece of work in a worker's hands; `steps` moves whenever the work does."""

    claim: work.Claim
    steps: int
    cancel_requested: bool


@dataclass(frozen=True)
class Holder:
    """The process behind a worker's id: `boot` names the start of its machine, `born` its own."""

    id: str
    host: str
    pid: int
    boot: str
    born: str


def held(db: Database, worker_id: str) -> list[Held]:
    """All that this worker runs now."""
    return [
        Held(
            work.Claim(table, row["id"], row["fencing_token"], row["attempts"]),
            row["steps"],
            bool(row["cancel_requested"]),
        )
        for table in TABLES
        for row in db.execute(
            f"SELECT id, fencing_token, attempts, steps, cancel_requested FROM {table}"
            " WHERE state = 'running' AND held_by = ?",
            [worker_id],
        )
    ]


def holders(db: Database) -> list[Holder]:
    """The workers that were not seen to stop in good order."""
    rows = db.execute("SELECT id, host, pid, boot, born FROM workers")
    return [Holder(*tuple(row)) for row in rows]


def last_pulse(db: Database, worker_id: str) -> str | None:
    """When a worker last said that it lives, by its own clock; None before the first time."""
    row = db.execute("SELECT heartbeat_at FROM workers WHERE id = ?", [worker_id]).fetchone()
    return str(row[0]) if row else None


def note(db: Database, claim: work.Claim, why: str, now: datetime) -> None:
    """The worker died of this, or in it: cancelled if somebody asked, tried again later, or failed with the reason."""
    with write_transaction(db):
        try:
            work.check(db, claim)
        except StaleToken:
            return
        cancelled = db.execute(
            f"SELECT cancel_requested FROM {claim.table} WHERE id = ?", [claim.id]
        ).fetchone()[0]
        if cancelled:
            work.finish(db, claim, "cancelled", now)
        elif claim.attempt >= work.MAX_ATTEMPTS:
            work.finish(db, claim, "failed", now, f"{why} This was attempt {claim.attempt}, the last one.")
        else:
            retry_at = now + work.pause_after(claim.attempt)
            db.execute(
                f"UPDATE {claim.table} SET state = 'queued', held_by = NULL, error = ?, retry_at = ? WHERE id = ?",
                [why, timestamp(retry_at), claim.id],
            )
