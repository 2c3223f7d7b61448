"""One person's own answers: found again, looked through, with what stood there before."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlite_utils import Database

# Current answers of one person in one project that were given here; :user and :project are theirs.
_MINE = """FROM annotations a JOIN reviews r ON r.id = a.review_id JOIN projects p ON p.id = a.project_id
    LEFT JOIN labels l ON l.id = a.label_id
    WHERE a.project_id = :project AND a.annotator_id = :user AND a.action <> 'undo' AND a.undone_by IS NULL
    AND a.origin <> 'import'"""
_COLUMNS = """a.id, a.review_id, r.text, coalesce(r.language, p.language) AS language, a.action, a.label_id,
    l.name AS label, l.position, a.reason, a.note, a.created_at"""


@dataclass(frozen=True)
class EarlierAnswer:
    """What one said of a review before one changed it."""

    action: str
    label: str | None
    position: int | None
    reason: str | None
    created_at: str


@dataclass(frozen=True)
class MyAnswer:
    id: int
    review_id: int
    text: str
    language: str
    action: str
    label_id: int | None
    label: str | None
    position: int | None
    reason: str | None
    note: str
    created_at: str
    before: list[EarlierAnswer] = field(default_factory=list)


@dataclass(frozen=True)
class MyFilters:
    """What to show; empty means all. `kind` is skip, flag or changed; dates are UTC days, both included."""

    label_id: int | None = None
    kind: str = ""
    with_note: bool = False
    since: date | None = None
    until: date | None = None
    text: str = ""


def find(
    db: Database,
    project_id: int,
    user_id: int,
    filters: MyFilters | None = None,
    limit: int = 50,
    before_id: int | None = None,
) -> list[MyAnswer]:
    """My current answers that match, newest first, each with those it replaced."""
    conditions, values = _conditions(filters or MyFilters())
    rows = db.execute(
        f"SELECT {_COLUMNS} {_MINE}{conditions} AND a.id < :before ORDER BY a.id DESC LIMIT :limit",
        {**values, "project": project_id, "user": user_id, "before": before_id or 2**62, "limit": limit},
    ).fetchall()
    before = _replaced(db, user_id, [row["review_id"] for row in rows])
    return [_answer(row, before.get(row["review_id"], [])) for row in rows]


def count(db: Database, project_id: int, user_id: int, filters: MyFilters) -> int:
    """How many of my answers match."""
    conditions, values = _conditions(filters)
    row = db.execute(
        f"SELECT count(*) {_MINE}{conditions}", {**values, "project": project_id, "user": user_id}
    ).fetchone()
    return int(row[0])


def last_before(db: Database, project_id: int, user_id: int, before_id: int | None = None) -> MyAnswer | None:
    """The answer before that one, or the newest: one step back through my reviews."""
    found = find(db, project_id, user_id, limit=1, before_id=before_id)
    return found[0] if found else None


def first_after(db: Database, project_id: int, user_id: int, after_id: int) -> MyAnswer | None:
    """The answer after that one: one step forward again; None at the newest."""
    row = db.execute(
        f"SELECT {_COLUMNS} {_MINE} AND a.id > :after ORDER BY a.id LIMIT 1",
        {"project": project_id, "user": user_id, "after": after_id},
    ).fetchone()
    return _answer(row, []) if row else None


def _answer(row: Any, before: list[EarlierAnswer]) -> MyAnswer:
    return MyAnswer(**dict(zip(row.keys(), row, strict=True)), before=before)


def _conditions(filters: MyFilters) -> tuple[str, dict[str, Any]]:
    parts: list[str] = []
    values: dict[str, Any] = {}
    if filters.label_id is not None:
        parts.append("a.label_id = :label")
        values["label"] = filters.label_id
    if filters.kind in ("skip", "flag"):
        parts.append("a.action = :action")
        values["action"] = filters.kind
    elif filters.kind == "changed":
        parts.append(
            "EXISTS (SELECT 1 FROM annotations b WHERE b.review_id = a.review_id AND b.annotator_id = :user"
            " AND b.action <> 'undo' AND b.id < a.id)"
        )
    if filters.with_note:
        parts.append("a.note <> ''")
    if filters.since:
        parts.append("a.created_at >= :since")
        values["since"] = filters.since.isoformat()
    if filters.until:
        parts.append("substr(a.created_at, 1, 10) <= :until")
        values["until"] = filters.until.isoformat()
    if filters.text:
        parts.append("(instr(lower(r.text), lower(:text)) OR instr(lower(a.note), lower(:text)))")
        values["text"] = filters.text
    return "".join(f" AND {part}" for part in parts), values


def _replaced(db: Database, user_id: int, review_ids: list[int]) -> dict[int, list[EarlierAnswer]]:
    found: dict[int, list[EarlierAnswer]] = {}
    rows = db.execute(
        "SELECT a.review_id, a.action, l.name AS label, l.position, a.reason, a.created_at FROM annotations a"
        " LEFT JOIN labels l ON l.id = a.label_id"
        f" WHERE a.review_id IN ({', '.join('?' * len(review_ids))}) AND a.annotator_id = ?"
        " AND a.action <> 'undo' AND a.undone_by IS NOT NULL ORDER BY a.id DESC",
        [*review_ids, user_id],
    )
    for review_id, *answer in map(tuple, rows.fetchall()):
        found.setdefault(review_id, []).append(EarlierAnswer(*answer))
    return found
