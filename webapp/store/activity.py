"""What people did: figures for the project's home and the list of people."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlite_utils import Database

from webapp.store import labelled, projects
from webapp.store.connection import from_timestamp, timestamp

# The pace of a sitting: from its last answers, longer breaks between two left out, and not from too few.
SITTING = timedelta(hours=2)
PAUSE = timedelta(minutes=3)
PACE_ANSWERS = 40
FEWEST_FOR_PACE = 8
LATELY = timedelta(minutes=30)


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
    """How far one person and the project are.

    round_size, goal: None where rounds do not start by themselves, where no goal is set. pace: labels an hour, from
    this person's last answers. The seconds assume that everybody goes on as now; None where too little is known.
    """

    mine_today: int
    mine_total: int
    project_labels: int
    pool_size: int
    round_labels: int
    round_size: int | None
    goal: int | None
    pace: int | None
    seconds_to_round: int | None
    seconds_to_goal: int | None


def progress(db: Database, project_id: int, user_id: int, now: datetime) -> Progress:
    """Figures for the annotator's progress line; the day is the UTC day."""
    settings = projects.get(db, project_id).settings
    today, total = _mine(db, project_id, user_id, now)
    labels = labelled.label_count(db, project_id)
    since_round = labelled.labels_since_last_round(db, project_id)
    pace = _pace(db, project_id, user_id, now)
    rate = pace + _others_rate(db, project_id, user_id, now) if pace else None
    to_round = settings.auto_round_every - since_round if settings.auto_round_every else None
    return Progress(
        mine_today=today,
        mine_total=total,
        project_labels=labels,
        pool_size=projects.review_count(db, project_id),
        round_labels=since_round,
        round_size=settings.auto_round_every or None,
        goal=settings.goal_labels or None,
        pace=round(pace) if pace else None,
        seconds_to_round=_seconds(to_round, rate),
        seconds_to_goal=_seconds(settings.goal_labels - labels if settings.goal_labels else None, rate),
    )


def leaderboard(db: Database, project_id: int, now: datetime) -> list[tuple[str, int]]:
    """Who gave how many labels since Monday midnight UTC, the most first."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    rows = db.execute(
        "SELECT u.name, count(*) AS labels FROM annotations a JOIN users u ON u.id = a.annotator_id"
        " WHERE a.project_id = ? AND a.created_at >= ? AND a.action = 'label' AND a.undone_by IS NULL"
        " AND a.origin <> 'import' GROUP BY u.id ORDER BY labels DESC, u.name",
        [project_id, timestamp(midnight - timedelta(days=midnight.weekday()))],
    )
    return [(row[0], row[1]) for row in rows.fetchall()]


def _mine(db: Database, project_id: int, user_id: int, now: datetime) -> tuple[int, int]:
    midnight = timestamp(now.replace(hour=0, minute=0, second=0, microsecond=0))
    row = db.execute(
        "SELECT coalesce(sum(created_at >= ?), 0), count(*) FROM annotations WHERE project_id = ? AND annotator_id = ?"
        " AND action = 'label' AND undone_by IS NULL AND origin <> 'import'",
        [midnight, project_id, user_id],
    ).fetchone()
    return row[0], row[1]


def _pace(db: Database, project_id: int, user_id: int, now: datetime) -> float | None:
    """Labels an hour over this person's last answers of this sitting; pauses are left out."""
    rows = db.execute(
        "SELECT created_at FROM annotations WHERE project_id = ? AND annotator_id = ? AND action = 'label'"
        " AND undone_by IS NULL AND origin <> 'import' AND created_at > ? ORDER BY id DESC LIMIT ?",
        [project_id, user_id, timestamp(now - SITTING), PACE_ANSWERS],
    ).fetchall()
    moments = [from_timestamp(row[0]) for row in rows]
    gaps = [later - earlier for later, earlier in pairwise(moments) if later - earlier < PAUSE]
    if len(gaps) < FEWEST_FOR_PACE:
        return None
    return 3600 * len(gaps) / max(1.0, sum(gaps, timedelta()).total_seconds())


def _others_rate(db: Database, project_id: int, user_id: int, now: datetime) -> float:
    """Labels an hour that the others gave lately, pauses and all."""
    row = db.execute(
        "SELECT coalesce(sum((SELECT count(*) FROM annotations a WHERE a.project_id = ? AND a.annotator_id = u.id"
        " AND a.created_at > ? AND a.action = 'label' AND a.undone_by IS NULL AND a.origin <> 'import')), 0)"
        " FROM users u WHERE u.id <> ?",
        [project_id, timestamp(now - LATELY), user_id],
    ).fetchone()
    return float(row[0] * (timedelta(hours=1) / LATELY))


def _seconds(labels: int | None, rate: float | None) -> int | None:
    return round(3600 * labels / rate) if labels and labels > 0 and rate else None
