"""Quality: when agreement, consensus and suspects are to be found anew, and what was found last."""

from datetime import datetime

from sqlite_utils import Database

from webapp.store import jobs, labelled
from webapp.store.connection import write_transaction
from webapp.store.jobs import Job

# New labels after which the figures are out of date, rounds or not.
DUE_EVERY = 100
# The plus keeps SQLite from reading all of a project: what is new stands at the end of the table.
_SINCE = "+project_id = ? AND id > ?"


def request(db: Database, project_id: int, by: int | None, now: datetime) -> Job:
    """Queue a job on today's labels; the one that waits or runs where there is one."""
    with write_transaction(db):
        queued = jobs.open_job(db, project_id, "quality")
        if queued is not None:
            return queued
        payload = {"snapshot": labelled.snapshot(db, project_id), "round": last_round(db, project_id)}
        return jobs.create(db, project_id, "quality", payload, by, now)


def projects_due(db: Database) -> list[int]:
    """Projects with a round published or many labels given that the last job, whatever became of it, did not know."""
    rows = db.execute(
        "SELECT p.id, coalesce(j.result ->> '$.round', j.payload ->> '$.round', 0) AS round,"
        " coalesce(j.result ->> '$.snapshot', j.payload ->> '$.snapshot', 0) AS snapshot"
        " FROM projects p LEFT JOIN jobs j ON"
        " j.id = (SELECT max(id) FROM jobs WHERE project_id = p.id AND kind = 'quality')"
        " WHERE coalesce(j.state, '') NOT IN ('queued', 'running')"
    ).fetchall()
    return [
        row["id"]
        for row in rows
        if last_round(db, row["id"]) > row["round"]
        or _labels_since(db, row["id"], row["snapshot"]) >= DUE_EVERY
    ]


def latest(db: Database, project_id: int) -> Job | None:
    """The newest job that came to its end."""
    return jobs.last_done(db, project_id, "quality")


def last_round(db: Database, project_id: int) -> int:
    """Id of the newest round that was published, 0 before the first."""
    row = db.execute(
        "SELECT coalesce(max(id), 0) FROM rounds WHERE project_id = ? AND state = 'done'", [project_id]
    ).fetchone()
    return int(row[0])


def labels_since(db: Database, project_id: int, snapshot: int) -> int:
    """Labels given or withdrawn that figures of this snapshot do not know of."""
    return int(
        db.execute(
            f"SELECT count(*) FROM annotations WHERE {_SINCE} AND action IN ('label', 'undo')",
            [project_id, snapshot],
        ).fetchone()[0]
    )


def _labels_since(db: Database, project_id: int, snapshot: int) -> int:
    """Labels given here, not imported, since a snapshot; no more than make a job due are counted."""
    return int(
        db.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM annotations WHERE {_SINCE} AND action = 'label'"
            " AND undone_by IS NULL AND origin <> 'import' LIMIT ?)",
            [project_id, snapshot, DUE_EVERY],
        ).fetchone()[0]
    )
