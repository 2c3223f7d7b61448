"""Jobs: imports, encodings, exports, simulations and more, queued here and run by a worker."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from webapp.store import audit, work
from webapp.store.connection import timestamp, write_transaction
from webapp.store.errors import InvalidValue, NotFound


@dataclass(frozen=True)
class Job:
    """`payload` says what to do, `result` what came of it."""

    id: int
    project_id: int
    kind: str
    payload: dict[str, Any]
    result: dict[str, Any]
    state: str
    phase: str | None
    progress: float
    eta_seconds: float | None
    cancel_requested: bool
    error: str | None
    requested_by: int | None
    created_at: str
    finished_at: str | None

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in work.OPEN_STATES


def create(
    db: Database,
    project_id: int,
    kind: str,
    payload: dict[str, Any],
    by: int | None,
    now: datetime,
    draft: bool = False,
) -> Job:
    """Queue a job; a draft waits until `submit`, as an uploaded file does for its column mapping."""
    with write_transaction(db):
        row = db.execute(
            "INSERT INTO jobs (project_id, kind, payload, state, requested_by, created_at) VALUES (?, ?, ?, ?, ?, ?)"
            " RETURNING *",
            [project_id, kind, json.dumps(payload), "draft" if draft else "queued", by, timestamp(now)],
        ).fetchone()
        audit.log(db, by, f"{kind}.create", f"job:{row['id']}")
    return _job(row)


def update_draft(db: Database, job_id: int, payload: dict[str, Any]) -> None:
    """Change what a draft will do."""
    with write_transaction(db):
        db.execute(
            "UPDATE jobs SET payload = ? WHERE id = ? AND state = 'draft'", [json.dumps(payload), job_id]
        )


def submit(db: Database, job_id: int, payload: dict[str, Any], now: datetime) -> None:
    """Queue a draft; InvalidValue when it was queued or cancelled before."""
    with write_transaction(db):
        row = db.execute(
            "UPDATE jobs SET payload = ?, state = 'queued', heartbeat_at = ?"
            " WHERE id = ? AND state = 'draft' RETURNING id",
            [json.dumps(payload), timestamp(now), job_id],
        ).fetchone()
        if row is None:
            raise InvalidValue("This was started already.")


def get(db: Database, job_id: int, kind: str | None = None) -> Job:
    """The job with that id (and kind); NotFound otherwise."""
    row = db.execute(
        "SELECT * FROM jobs WHERE id = ? AND kind = coalesce(?, kind)", [job_id, kind]
    ).fetchone()
    if row is None:
        raise NotFound("There is no such job.")
    return _job(row)


def of_project(db: Database, project_id: int, kind: str, limit: int = 20) -> list[Job]:
    """The newest jobs of a kind, newest first, drafts left out."""
    rows = db.execute(
        "SELECT * FROM jobs WHERE project_id = ? AND kind = ? AND state <> 'draft' ORDER BY id DESC LIMIT ?",
        [project_id, kind, limit],
    )
    return [_job(row) for row in rows]


def drafts(db: Database, project_id: int, kind: str) -> list[Job]:
    """What was begun and not started yet, newest first."""
    rows = db.execute(
        "SELECT * FROM jobs WHERE project_id = ? AND kind = ? AND state = 'draft' ORDER BY id DESC",
        [project_id, kind],
    )
    return [_job(row) for row in rows]


def open_of_kind(db: Database, kind: str) -> list[Job]:
    """Every job of a kind, of all projects, that is a draft, waits or runs."""
    rows = db.execute(
        "SELECT * FROM jobs WHERE kind = ? AND state IN ('draft', 'queued', 'running') ORDER BY id", [kind]
    )
    return [_job(row) for row in rows]


def latest(db: Database, kind: str, limit: int) -> list[Job]:
    """The newest jobs of a kind that ended well, of all projects."""
    rows = db.execute(
        "SELECT * FROM jobs WHERE kind = ? AND state = 'done' ORDER BY id DESC LIMIT ?", [kind, limit]
    )
    return [_job(row) for row in rows]


def last_done(db: Database, project_id: int, kind: str) -> Job | None:
    """The newest job of a kind that came to its end."""
    row = db.execute(
        "SELECT max(id) FROM jobs WHERE project_id = ? AND kind = ? AND state = 'done'", [project_id, kind]
    ).fetchone()
    return None if row[0] is None else get(db, row[0])


def ids_of_project(db: Database, project_id: int) -> set[int]:
    """The ids of all jobs of a project."""
    return {row[0] for row in db.execute("SELECT id FROM jobs WHERE project_id = ?", [project_id])}


def open_job(db: Database, project_id: int, kind: str) -> Job | None:
    """The oldest job of a kind that waits or runs."""
    row = db.execute(
        "SELECT * FROM jobs WHERE project_id = ? AND kind = ? AND state IN ('queued', 'running') ORDER BY id LIMIT 1",
        [project_id, kind],
    ).fetchone()
    return _job(row) if row else None


def finished_uploads(db: Database) -> list[str]:
    """Names of uploaded files that only imports which are over still mention."""
    rows = db.execute(
        "SELECT json_extract(payload, '$.file') AS file FROM jobs WHERE kind = 'import' GROUP BY file"
        " HAVING file IS NOT NULL AND max(state IN ('draft', 'queued', 'running')) = 0"
    )
    return [row["file"] for row in rows]


def save_result(db: Database, claim: work.Claim, result: dict[str, Any]) -> None:
    """Keep what the work has come to; fenced. Call it in the transaction of the step that it describes."""
    with write_transaction(db):
        work.check(db, claim)
        db.execute("UPDATE jobs SET result = ? WHERE id = ?", [json.dumps(result), claim.id])


def cancel_waiting(db: Database, job_id: int, now: datetime) -> None:
    """Close a job that has not begun; one that runs goes on."""
    with write_transaction(db):
        db.execute(
            "UPDATE jobs SET state = 'cancelled', finished_at = ? WHERE id = ? AND state IN ('draft', 'queued')",
            [timestamp(now), job_id],
        )


def cancel(db: Database, job_id: int, by: int | None, now: datetime) -> None:
    """Ask a job to stop, or drop a draft."""
    with write_transaction(db):
        work.cancel(db, "jobs", job_id, now)
        db.execute("UPDATE jobs SET state = 'cancelled' WHERE id = ? AND state = 'draft'", [job_id])
        audit.log(db, by, "job.cancel", f"job:{job_id}")


def _job(row: Any) -> Job:
    return Job(
        row["id"],
        row["project_id"],
        row["kind"],
        json.loads(row["payload"]),
        json.loads(row["result"] or "{}"),
        row["state"],
        row["phase"],
        row["progress"],
        row["eta_seconds"],
        bool(row["cancel_requested"]),
        row["error"],
        row["requested_by"],
        row["created_at"],
        row["finished_at"],
    )
