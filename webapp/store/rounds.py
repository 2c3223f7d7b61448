"""Rounds: queued by people or by count, run by a worker, published all at once."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pysqlite3
from sqlite_utils import Database

from webapp.store import audit, labelled, work
from webapp.store.connection import timestamp, write_transaction
from webapp.store.errors import NotFound, RoundAlreadyOpen


@dataclass(frozen=True)
class Round:
    id: int
    project_id: int
    number: int
    cause: str
    settings: dict[str, Any]
    snapshot: int
    model_version_id: int | None
    timings: dict[str, float]
    state: str
    phase: str | None
    progress: float
    eta_seconds: float | None
    cancel_requested: bool
    attempts: int
    error: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    report: dict[str, Any]

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in work.OPEN_STATES


def start(
    db: Database, project_id: int, settings: dict[str, Any], cause: str, by: int | None, now: datetime
) -> Round:
    """Queue a round on today's labels; RoundAlreadyOpen when one waits or runs."""
    with write_transaction(db):
        try:
            row = db.execute(
                "INSERT INTO rounds (project_id, number, cause, settings, snapshot, state, requested_by, created_at)"
                " VALUES (:project, (SELECT coalesce(max(number), 0) + 1 FROM rounds WHERE project_id = :project),"
                " :cause, :settings, :snapshot, 'queued', :by, :now) RETURNING *",
                {
                    "project": project_id,
                    "cause": cause,
                    "settings": json.dumps(settings),
                    "snapshot": labelled.snapshot(db, project_id),
                    "by": by,
                    "now": timestamp(now),
                },
            ).fetchone()
        except pysqlite3.IntegrityError as error:
            raise RoundAlreadyOpen("A round is open already. Wait until it ends, or cancel it.") from error
        audit.log(db, by, "round.start", f"round:{row['id']}", cause=cause)
    return _round(row)


def get(db: Database, round_id: int) -> Round:
    """The round with that id; NotFound otherwise."""
    row = db.execute("SELECT * FROM rounds WHERE id = ?", [round_id]).fetchone()
    if row is None:
        raise NotFound("There is no such round.")
    return _round(row)


def numbered(db: Database, number: int, project_id: int | None = None) -> Round:
    """A project's round by its number, or any round by its id when no project is named."""
    if project_id is None:
        return get(db, number)
    row = db.execute(
        "SELECT * FROM rounds WHERE project_id = ? AND number = ?", [project_id, number]
    ).fetchone()
    if row is None:
        raise NotFound(f"There is no round {number}.")
    return _round(row)


def of_project(db: Database, project_id: int) -> list[Round]:
    """All rounds, newest first."""
    rows = db.execute("SELECT * FROM rounds WHERE project_id = ? ORDER BY number DESC", [project_id])
    return [_round(row) for row in rows]


def open_round(db: Database, project_id: int) -> Round | None:
    """The round that waits or runs."""
    row = db.execute(
        "SELECT * FROM rounds WHERE project_id = ? AND state IN ('queued', 'running')", [project_id]
    ).fetchone()
    return _round(row) if row else None


def cancel(db: Database, round_id: int, by: int | None, now: datetime) -> None:
    """Ask a round to stop; the model that serves stays."""
    with write_transaction(db):
        work.cancel(db, "rounds", round_id, now)
        audit.log(db, by, "round.cancel", f"round:{round_id}")


def projects_due(db: Database) -> list[int]:
    """Projects, none paused, whose labels since the last round reached their number and that have no open round."""
    rows = db.execute(
        "SELECT p.id, json_extract(p.settings, '$.auto_round_every') AS every FROM projects p WHERE every > 0"
        " AND p.paused_at IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM rounds r WHERE r.project_id = p.id AND r.state IN ('queued', 'running'))"
    ).fetchall()
    return [row["id"] for row in rows if labelled.labels_since_last_round(db, row["id"]) >= row["every"]]


def publish(
    db: Database,
    claim: work.Claim,
    model_version_id: int,
    ranking_id: int,
    serves: bool,
    timings: dict[str, float],
    now: datetime,
    report: dict[str, Any] | None = None,
) -> None:
    """Turn the project to the new ranking and, if the gate let it pass, the new model: one transaction, fenced."""
    with write_transaction(db):
        work.check(db, claim)
        db.execute(
            "UPDATE projects SET ranking_id = ? WHERE id = (SELECT project_id FROM rounds WHERE id = ?)",
            [ranking_id, claim.id],
        )
        if serves:
            db.execute(
                "UPDATE projects SET model_version_id = ? WHERE id = (SELECT project_id FROM rounds WHERE id = ?)",
                [model_version_id, claim.id],
            )
        db.execute(
            "UPDATE rounds SET model_version_id = ?, timings = ?, report = ? WHERE id = ?",
            [model_version_id, json.dumps(timings), json.dumps(report or {}), claim.id],
        )
        work.finish(db, claim, "done", now)


def forget_unpublished(db: Database, claim: work.Claim) -> None:
    """Remove what an earlier, killed attempt of this round left in the tables."""
    with write_transaction(db):
        work.check(db, claim)
        db.execute("DELETE FROM rankings WHERE round_id = ?", [claim.id])
        db.execute("DELETE FROM model_versions WHERE round_id = ?", [claim.id])


def is_left_over(db: Database, claim: work.Claim, project_id: int, number: int, checkpoint: str) -> bool:
    """Whether no version has this checkpoint and no attempt but those before this claim can be writing it."""
    row = db.execute(
        "SELECT 1 FROM rounds r WHERE r.project_id = ? AND r.number = ?"
        " AND (r.id = ? OR r.state NOT IN ('queued', 'running'))"
        " AND NOT EXISTS (SELECT 1 FROM model_versions WHERE checkpoint = ?)",
        [project_id, number, claim.id, checkpoint],
    ).fetchone()
    return row is not None


def _round(row: Any) -> Round:
    settings = json.loads(row["settings"])
    settings.pop("labels", None)  # the label set of its time, no setting: see model_versions.labels_of
    return Round(
        row["id"],
        row["project_id"],
        row["number"],
        row["cause"],
        settings,
        row["snapshot"],
        row["model_version_id"],
        json.loads(row["timings"]),
        row["state"],
        row["phase"],
        row["progress"],
        row["eta_seconds"],
        bool(row["cancel_requested"]),
        row["attempts"],
        row["error"],
        row["created_at"],
        row["started_at"],
        row["finished_at"],
        json.loads(row["report"]),
    )
