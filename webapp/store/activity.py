"""What people did: figures for the project's home and the list of people."""

from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from webapp.store import labelled, projects
from webapp.store.connection import timestamp


@dataclass(frozen=True)
class PersonActivity:
    """One person's current labels, and when the last was given."""

    labels: int
    last_at: str | None


def labels_today(db: Database, project_id: int, now: datetime) -> int:
    """Labels that people gave in the project since midnight UTC and that still stand."""
    midnight = timestamp(now.replace(hour=0, minute=0, second=0, microsecond=0))
    row = db.execute(
        "SELECT count(*) FROM annotations WHERE project_id = ? AND created_at >= ? AND action = 'label'"
        " AND undone_by IS NULL AND origin <> 'import'",
        [project_id, midnight],
    ).fetchone()
    return int(row[0])


def labelled_by_part(db: Database, project_id: int) -> dict[str, int]:
    """Reviews with a current label, by part."""
    found = {"pool": 0, "holdout": 0, "validation": 0}
    rows = db.execute(
        "SELECT r.part, count(DISTINCT r.id) FROM current_labels c JOIN reviews r ON r.id = c.review_id"
        " WHERE c.project_id = ? GROUP BY r.part",
        [project_id],
    )
    found.update({row[0]: row[1] for row in rows.fetchall()})
    return found


def still_wanted(db: Database, project_id: int) -> bool:
    """Whether any review still wants a label."""
    row = db.execute(
        "SELECT 1 FROM reviews WHERE project_id = ? AND needed > 0 LIMIT 1", [project_id]
    ).fetchone()
    return row is not None


def by_person(db: Database) -> dict[int, PersonActivity]:
    """Labels that each person gave, in all projects, by user id; labels that came with a file left out."""
    rows = db.execute(
        "SELECT annotator_id, count(*), max(created_at) FROM annotations WHERE action = 'label' AND undone_by IS NULL"
        " AND origin <> 'import' GROUP BY annotator_id"
    )
    return {row[0]: PersonActivity(row[1], row[2]) for row in rows.fetchall()}


@dataclass(frozen=True)
class Progress:
    """How far one person and the project are; `until_next_round` is None when rounds do not start by themselves."""

    mine_today: int
    mine_total: int
    project_labels: int
    pool_size: int
    until_next_round: int | None


def progress(db: Database, project_id: int, user_id: int, now: datetime) -> Progress:
    """Figures for the annotator's progress line; the day is the UTC day."""
    midnight = timestamp(now.replace(hour=0, minute=0, second=0, microsecond=0))
    today, total = db.execute(
        "SELECT coalesce(sum(created_at >= ?), 0), count(*) FROM annotations WHERE project_id = ? AND annotator_id = ?"
        " AND action = 'label' AND undone_by IS NULL AND origin <> 'import'",
        [midnight, project_id, user_id],
    ).fetchone()
    pool = db.execute("SELECT review_count FROM projects WHERE id = ?", [project_id]).fetchone()[0]
    every = projects.get(db, project_id).settings.auto_round_every
    left = max(0, every - labelled.labels_since_last_round(db, project_id)) if every else None
    return Progress(today, total, labelled.label_count(db, project_id), pool, left)
