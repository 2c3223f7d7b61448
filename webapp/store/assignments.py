"""Assignments: who labels which languages and categories of a project; nobody with a row gets anything else."""

import json
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from webapp.store import audit, projects, users
from webapp.store.connection import write_transaction
from webapp.store.errors import InvalidValue, NotFound

LONGEST = 200
# What leaves a lease l no longer fitting any row of its holder.
_MISFITS = """NOT EXISTS (SELECT 1 FROM assignments g JOIN reviews r ON r.id = l.review_id
    JOIN projects p ON p.id = l.project_id WHERE g.project_id = l.project_id AND g.user_id = l.user_id
    AND (g.language IS NULL OR g.language = coalesce(r.language, p.language))
    AND (g.category IS NULL OR g.category = r.category))"""


@dataclass(frozen=True)
class Assignment:
    """A language, a category or both; None fits all."""

    id: int
    user_id: int
    language: str | None
    category: str | None


@dataclass(frozen=True)
class Choices:
    """Languages and categories that occur, each with its number of reviews, most first."""

    languages: dict[str, int]
    categories: dict[str, int]


def of_project(db: Database, project_id: int) -> dict[int, list[Assignment]]:
    """What each person is limited to, by user id; who is missing labels everything."""
    found: dict[int, list[Assignment]] = {}
    for row in db.execute(
        "SELECT id, user_id, language, category FROM assignments WHERE project_id = ?"
        " ORDER BY language, category",
        [project_id],
    ):
        found.setdefault(row["user_id"], []).append(Assignment(*tuple(row)))
    return found


def add(
    db: Database,
    project_id: int,
    user_id: int,
    language: str | None,
    category: str | None,
    by: int | None,
    now: datetime,
) -> None:
    """Give somebody a language, a category or both; what they hold of anything else returns to the queue."""
    if not language and not category:
        raise InvalidValue("Choose a language, a category or both.")
    if len(language or "") > LONGEST or len(category or "") > LONGEST:
        raise InvalidValue("That is too long for a language or a category.")
    with write_transaction(db):
        users.by_id(db, user_id)
        projects.get(db, project_id)
        db.execute(
            "INSERT OR IGNORE INTO assignments (project_id, user_id, language, category) VALUES (?, ?, ?, ?)",
            [project_id, user_id, language or None, category or None],
        )
        _release_misfits(db, project_id, user_id)
        audit.log(
            db, by, "assignment.add", f"user:{user_id}", now,
            project=project_id, language=language or None, category=category or None,
        )  # fmt: skip


def remove(db: Database, project_id: int, assignment_id: int, by: int | None, now: datetime) -> None:
    """Take one away; without any they label everything again."""
    with write_transaction(db):
        row = db.execute(
            "DELETE FROM assignments WHERE id = ? AND project_id = ? RETURNING user_id, language, category",
            [assignment_id, project_id],
        ).fetchone()
        if row is None:
            raise NotFound("This was taken away already.")
        if row["user_id"] in of_project(db, project_id):
            _release_misfits(db, project_id, row["user_id"])
        audit.log(
            db, by, "assignment.remove", f"user:{row['user_id']}", now,
            project=project_id, language=row["language"], category=row["category"],
        )  # fmt: skip


def choices(db: Database, project_id: int) -> Choices:
    """What occurs in the reviews, as imports and bulk actions counted it: a million are not looked at again."""
    languages: Counter[str] = Counter()
    categories: Counter[str] = Counter()
    for row in db.execute(
        "SELECT id, result FROM jobs WHERE project_id = ? AND kind = 'import' AND result IS NOT NULL",
        [project_id],
    ).fetchall():
        result = json.loads(row["result"])
        if result.get("imported") and not result.get("languages"):  # from before imports counted
            result |= {name: _counted(db, row["id"], name) for name in ("languages", "categories")}
        languages.update(result.get("languages", {}))
        categories.update(result.get("categories", {}))
    for row in db.execute(
        "SELECT detail FROM audit_log WHERE action = 'reviews.set_category' AND subject = ?",
        [f"project:{project_id}"],
    ):
        given = json.loads(row["detail"])
        categories[given["category"]] += given["count"]
    # A review that names no language has the project's.
    languages[projects.get(db, project_id).language] += languages.pop("", 0)
    categories.pop("", None)
    return Choices(_most_first(languages), _most_first(categories))


def uncovered(occurring: Choices, members: Iterable[Collection[Assignment]]) -> tuple[list[str], list[str]]:
    """Languages, then categories, that none of these people gets."""
    everybody = [list(given) for given in members]
    if any(not given for given in everybody):
        return [], []
    rows = [assignment for given in everybody for assignment in given]
    languages = {row.language for row in rows}
    categories = {row.category for row in rows}
    return (
        [each for each in occurring.languages if not {each, None} & languages],
        [each for each in occurring.categories if not {each, None} & categories],
    )


def _release_misfits(db: Database, project_id: int, user_id: int) -> None:
    db.execute(
        "UPDATE leases AS l SET ended = 'recalled' WHERE l.user_id = ? AND l.project_id = ? AND l.ended IS NULL"
        f" AND {_MISFITS}",
        [user_id, project_id],
    )


def _counted(db: Database, import_id: int, name: str) -> dict[str, int]:
    column = {"languages": "language", "categories": "category"}[name]
    rows = db.execute(
        f"SELECT coalesce({column}, ''), count(*) AS n FROM reviews WHERE import_id = ? GROUP BY 1"
        " ORDER BY n DESC LIMIT 500",
        [import_id],
    )
    return {row[0]: row[1] for row in rows}


def _most_first(counted: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in counted.most_common() if count}
