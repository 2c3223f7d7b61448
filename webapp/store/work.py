"""Long work with a lease: one set of questions for the two tables that hold it, rounds and jobs.

A worker claims a row, renews its heartbeat, and may publish only while it holds the newest fencing token (Kleppmann,
"How to do distributed locking", 2016). A worker that dies loses nothing: the heartbeat goes stale and the row is
claimed again, at most `MAX_ATTEMPTS` times, each time after a longer pause.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlite_utils import Database

from webapp.store.connection import timestamp, write_transaction
from webapp.store.errors import StaleToken

Table = Literal["rounds", "jobs"]
HEARTBEAT_INTERVAL = timedelta(seconds=5)
# Longer than any pause of a busy machine, short enough that a killed round is soon taken up again.
HEARTBEAT_LIMIT = timedelta(seconds=30)
MAX_ATTEMPTS = 3
# After the first death; doubled after each further one.
SHORTEST_PAUSE = timedelta(seconds=10)
DIED = f"The worker died {MAX_ATTEMPTS} times while it ran this. See the log of the worker; memory is the usual cause."
OPEN_STATES = ("queued", "running")


@dataclass(frozen=True)
class Claim:
    """The right to work on one row until another worker gets a newer token."""

    table: Table
    id: int
    token: int
    attempt: int


def claim_next(
    db: Database, table: Table, now: datetime, kinds: tuple[str, ...] = (), holder: str | None = None
) -> Claim | None:
    """Take the oldest queued or abandoned row; rows that failed too often are closed with a reason.

    holder: the worker's id. What killed a worker once runs alone in the next, so that another death is its own.
    """
    kind = f"AND kind IN ({','.join(repr(k) for k in kinds)})" if kinds else ""
    values = {**_moments(now), "died": DIED, "holder": holder}
    with write_transaction(db):
        db.execute(
            f"UPDATE {table} SET state = 'cancelled', finished_at = :now WHERE {_ABANDONED} AND cancel_requested = 1",
            values,
        )
        db.execute(
            f"UPDATE {table} SET state = 'failed', finished_at = :now, error = :died"
            f" WHERE {_ABANDONED} AND attempts >= {MAX_ATTEMPTS}",
            values,
        )
        alone = _ALONE.format(table=table)
        return _claimed(
            db,
            table,
            f"(SELECT id FROM {table} WHERE ({_WAITING} OR {_ABANDONED}) {kind} AND {alone} ORDER BY id LIMIT 1)",
            values,
        )


def claim_this(
    db: Database, table: Table, row_id: int, now: datetime, holder: str | None = None
) -> Claim | None:
    """Take this very row if it waits; None when a worker was faster."""
    values = {"now": timestamp(now), "id": row_id, "holder": holder}
    with write_transaction(db):
        return _claimed(db, table, f"(SELECT id FROM {table} WHERE id = :id AND state = 'queued')", values)


def _claimed(db: Database, table: Table, chosen: str, values: dict[str, Any]) -> Claim | None:
    row = db.execute(
        f"UPDATE {table} SET state = 'running', heartbeat_at = :now, started_at = coalesce(started_at, :now),"
        f" fencing_token = fencing_token + 1, attempts = attempts + 1, phase = NULL, progress = 0,"
        f" eta_seconds = NULL, held_by = :holder, steps = 0, retry_at = NULL"
        f" WHERE id = {chosen} RETURNING id, fencing_token, attempts",
        values,
    ).fetchone()
    return Claim(table, row["id"], row["fencing_token"], row["attempts"]) if row else None


def pause_after(attempt: int) -> timedelta:
    """How long work rests after its n-th attempt killed a worker."""
    return SHORTEST_PAUSE * (1 << (attempt - 1))


def _moments(now: datetime) -> dict[str, Any]:
    return {
        "now": timestamp(now),
        "stale": timestamp(now - HEARTBEAT_LIMIT - pause_after(1)),
        "stale_again": timestamp(now - HEARTBEAT_LIMIT - pause_after(2)),
        "fresh": timestamp(now - HEARTBEAT_LIMIT),
        "future": timestamp(now + HEARTBEAT_LIMIT),
    }


# A moment to come is one from before the clock was set back: it would keep the work for as long as that.
_ABANDONED = """(state = 'running' AND (heartbeat_at > :future
    OR heartbeat_at < CASE WHEN attempts < 2 THEN :stale ELSE :stale_again END))"""
_WAITING = "(state = 'queued' AND (retry_at IS NULL OR retry_at <= :now OR retry_at > :future))"
_ALONE = """NOT EXISTS (SELECT 1 FROM (
    SELECT attempts FROM rounds WHERE state = 'running' AND held_by = :holder AND heartbeat_at >= :fresh
    UNION ALL SELECT attempts FROM jobs WHERE state = 'running' AND held_by = :holder AND heartbeat_at >= :fresh
    ) beside WHERE beside.attempts > 1 OR {table}.attempts > 0)"""
# A queued row has a heartbeat where somebody had it in hand before: a worker, or whoever began it as a draft.
WAITS_SINCE = "max(created_at, coalesce(heartbeat_at, ''), coalesce(retry_at, ''))"


def heartbeat(db: Database, claim: Claim, now: datetime) -> bool:
    """Renew the lease; True when the work should stop because somebody cancelled it. StaleToken when it was lost."""
    with write_transaction(db):
        row = db.execute(
            f"UPDATE {claim.table} SET heartbeat_at = ? WHERE id = ? AND fencing_token = ? AND state = 'running'"
            " RETURNING cancel_requested",
            [timestamp(now), claim.id, claim.token],
        ).fetchone()
    if row is None:
        raise StaleToken("This work was given to another worker.")
    return bool(row["cancel_requested"])


def report(
    db: Database, claim: Claim, phase: str, fraction: float, eta_seconds: float | None, now: datetime
) -> bool:
    """Show how far the work is (`fraction` from 0 to 1); renews the lease as `heartbeat` does."""
    with write_transaction(db):
        check(db, claim)
        db.execute(
            f"UPDATE {claim.table} SET phase = ?, progress = ?, eta_seconds = ?, steps = steps + 1 WHERE id = ?",
            [phase, min(1.0, max(0.0, fraction)), eta_seconds, claim.id],
        )
        return heartbeat(db, claim, now)


def check(db: Database, claim: Claim) -> None:
    """StaleToken unless this claim may still publish; call it inside the publishing transaction."""
    row = db.execute(
        f"SELECT 1 FROM {claim.table} WHERE id = ? AND fencing_token = ? AND state = 'running'",
        [claim.id, claim.token],
    ).fetchone()
    if row is None:
        raise StaleToken("This work was given to another worker.")


def finish(db: Database, claim: Claim, state: str, now: datetime, error: str | None = None) -> None:
    """Close the work as done, failed (with what people will read) or cancelled."""
    with write_transaction(db):
        check(db, claim)
        db.execute(
            f"UPDATE {claim.table} SET state = ?, error = ?, finished_at = ?, eta_seconds = NULL,"
            " progress = CASE ? WHEN 'done' THEN 1 ELSE progress END WHERE id = ?",
            [state, error, timestamp(now), state, claim.id],
        )


def put_back(db: Database, claim: Claim, now: datetime) -> None:
    """Give unfinished work back to the queue, as when the worker stops or something more urgent waits."""
    with write_transaction(db):
        check(db, claim)
        db.execute(
            f"UPDATE {claim.table} SET state = 'queued', attempts = attempts - 1, heartbeat_at = ? WHERE id = ?",
            [timestamp(now), claim.id],
        )


def cancel(db: Database, table: Table, row_id: int, now: datetime) -> None:
    """Ask running work to stop; queued work is closed at once."""
    with write_transaction(db):
        db.execute(
            f"UPDATE {table} SET cancel_requested = 1,"
            f" state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END,"
            f" finished_at = CASE state WHEN 'queued' THEN ? ELSE finished_at END"
            f" WHERE id = ? AND state IN ('draft', 'queued', 'running')",
            [timestamp(now), row_id],
        )


def is_held(db: Database, claim: Claim) -> bool:
    """Whether the claim is still open and ours, that is, neither published nor lost."""
    try:
        check(db, claim)
    except StaleToken:
        return False
    return True


def people_wait(db: Database, kinds: tuple[str, ...] = ("export",)) -> bool:
    """Whether a round or a job of these kinds is queued; imports have a thread of their own."""
    return (
        db.execute(
            "SELECT 1 FROM rounds WHERE state = 'queued' UNION ALL SELECT 1 FROM jobs WHERE state = 'queued'"
            f" AND kind IN ({','.join(repr(kind) for kind in kinds)}) LIMIT 1"
        ).fetchone()
        is not None
    )


def worker_seen(
    db: Database, worker_id: str, host: str, pid: int, now: datetime, boot: str = "", born: str = ""
) -> None:
    """Note that a worker is alive; workers unseen for a day are forgotten."""
    moment = timestamp(now)
    with write_transaction(db):
        db.execute("DELETE FROM workers WHERE heartbeat_at < ?", [timestamp(now - timedelta(days=1))])
        db.execute(
            "INSERT INTO workers (id, host, pid, started_at, heartbeat_at, boot, born) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at",
            [worker_id, host, pid, moment, moment, boot, born],
        )


def worker_gone(db: Database, worker_id: str) -> None:
    """Note that a worker stopped in good order."""
    with write_transaction(db):
        db.execute("DELETE FROM workers WHERE id = ?", [worker_id])


def live_workers(db: Database, now: datetime) -> list[Any]:
    """Workers whose heartbeat is fresh."""
    return db.execute(
        "SELECT * FROM workers WHERE heartbeat_at >= ? ORDER BY started_at",
        [timestamp(now - HEARTBEAT_LIMIT)],
    ).fetchall()
