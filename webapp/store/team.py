"""The people of a project: how much each has done in it, and what they hold right now."""

from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from webapp.store import audit
from webapp.store.connection import timestamp, write_transaction


@dataclass(frozen=True)
class Member:
    """An active person; `held` are the reviews on their screen and behind it."""

    user_id: int
    name: str
    is_admin: bool
    labels: int
    last_at: str | None
    held: int


def members(db: Database, project_id: int, now: datetime) -> list[Member]:
    """Every active person, by name: anybody may label in any project."""
    rows = db.execute(
        "SELECT u.id, u.name, u.role = 'admin', coalesce(a.labels, 0), a.last_at, coalesce(h.held, 0) FROM users u"
        " LEFT JOIN (SELECT annotator_id, count(*) AS labels, max(created_at) AS last_at FROM annotations"
        "   WHERE project_id = :project AND action = 'label' AND undone_by IS NULL AND origin <> 'import'"
        "   GROUP BY annotator_id) a ON a.annotator_id = u.id"
        " LEFT JOIN (SELECT user_id, count(*) AS held FROM leases WHERE project_id = :project AND ended IS NULL"
        "   AND expires_at > :now GROUP BY user_id) h ON h.user_id = u.id"
        " WHERE u.disabled_at IS NULL ORDER BY u.name",
        {"project": project_id, "now": timestamp(now)},
    )
    return [Member(row[0], row[1], bool(row[2]), row[3], row[4], row[5]) for row in rows]


def release_all(db: Database, project_id: int, user_id: int, by: int | None, now: datetime) -> int:
    """Give all that one person holds back to the queue; returns how many reviews that were."""
    with write_transaction(db):
        released = db.execute(
            "UPDATE leases SET ended = 'recalled' WHERE project_id = ? AND user_id = ? AND ended IS NULL"
            " RETURNING expires_at",
            [project_id, user_id],
        ).fetchall()
        count = sum(row["expires_at"] > timestamp(now) for row in released)
        audit.log(db, by, "lease.release-all", f"user:{user_id}", now, project=project_id, reviews=count)
    return int(count)
