"""Saved views: filters of the review list under a name, for all admins of a project."""

from dataclasses import dataclass
from datetime import datetime

import pysqlite3
from sqlite_utils import Database

from webapp.store import audit
from webapp.store.connection import timestamp, write_transaction
from webapp.store.errors import InvalidValue, NameTaken, NotFound

NAME_LIMIT = 60


@dataclass(frozen=True)
class SavedView:
    """`query` is what an address carries after the question mark."""

    id: int
    name: str
    query: str


def of_project(db: Database, project_id: int) -> list[SavedView]:
    """All views of a project, by name."""
    rows = db.execute(
        "SELECT id, name, query FROM saved_views WHERE project_id = ? ORDER BY name", [project_id]
    )
    return [SavedView(*tuple(row)) for row in rows]


def save(db: Database, project_id: int, name: str, query: str, by: int, now: datetime) -> None:
    """Keep filters under a name; NameTaken or InvalidValue says what to change."""
    name = name.strip()
    if not name or len(name) > NAME_LIMIT or not name.isprintable():
        raise InvalidValue("The name of a view is empty, too long or not printable.")
    if not query:
        raise InvalidValue("Set a filter first: a view keeps filters under a name.")
    with write_transaction(db):
        try:
            view = db.execute(
                "INSERT INTO saved_views (project_id, name, query, created_by, created_at) VALUES (?, ?, ?, ?, ?)"
                " RETURNING id",
                [project_id, name, query, by, timestamp(now)],
            ).fetchone()
        except pysqlite3.IntegrityError as error:
            raise NameTaken("There is a view of this name already. Choose another name.") from error
        audit.log(db, by, "view.save", f"view:{view['id']}", now, project=project_id)


def delete(db: Database, project_id: int, view_id: int, by: int, now: datetime) -> None:
    """Forget a view; the reviews stay as they are."""
    with write_transaction(db):
        row = db.execute(
            "DELETE FROM saved_views WHERE id = ? AND project_id = ? RETURNING id", [view_id, project_id]
        ).fetchone()
        if row is None:
            raise NotFound("There is no such view.")
        audit.log(db, by, "view.delete", f"view:{view_id}", now, project=project_id)
