"""Figures of the whole instance, for those who watch it from outside."""

from sqlite_utils import Database

# By the name of the figure: a number for each project.
BY_PROJECT = {
    "winnow_labels": "SELECT project_id, count(*) FROM annotations WHERE action = 'label' AND undone_by IS NULL"
    " GROUP BY project_id",
    "winnow_reviews": "SELECT id, review_count FROM projects",
    "winnow_reviews_wanted": "SELECT project_id, count(*) FROM reviews WHERE needed > 0 GROUP BY project_id",
    "winnow_leases": "SELECT project_id, count(*) FROM leases WHERE ended IS NULL GROUP BY project_id",
    "winnow_serving_version": "SELECT p.id, v.number FROM projects p"
    " JOIN model_versions v ON v.id = p.model_version_id",
    "winnow_round_seconds": "SELECT project_id, 86400.0 * (julianday(finished_at) - julianday(started_at))"
    " FROM rounds WHERE id IN (SELECT max(id) FROM rounds WHERE state = 'done' GROUP BY project_id)",
}


def by_project(db: Database) -> dict[str, dict[int, float]]:
    """Each figure, by project."""
    return {name: {row[0]: row[1] for row in db.execute(query)} for name, query in BY_PROJECT.items()}


def rounds(db: Database) -> dict[tuple[str, ...], float]:
    """How many rounds, by project and state."""
    rows = db.execute("SELECT project_id, state, count(*) FROM rounds GROUP BY project_id, state")
    return {(str(row[0]), row[1]): row[2] for row in rows}


def open_jobs(db: Database) -> dict[tuple[str, ...], float]:
    """How many wait or run, by kind; a round is one of them."""
    rows = db.execute(
        "SELECT 'round', count(*) FROM rounds WHERE state IN ('queued', 'running')"
        " UNION ALL SELECT kind, count(*) FROM jobs WHERE state IN ('queued', 'running') GROUP BY kind"
    )
    return {(row[0],): row[1] for row in rows}


def open_alarms(db: Database) -> int:
    """How many alarms nobody has dealt with."""
    return int(db.execute("SELECT count(*) FROM alarms WHERE cleared_at IS NULL").fetchone()[0])
