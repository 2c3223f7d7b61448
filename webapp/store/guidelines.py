"""Guidelines: how people are to label, version by version; each label remembers the one in force."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from webapp.store import audit
from webapp.store.connection import timestamp, write_transaction
from webapp.store.errors import ChangedMeanwhile, InvalidValue, NotFound

TEXT_LIMIT = 50_000
VERSIONS = (
    "SELECT g.id, g.number, g.text, u.name AS created_by, g.created_at FROM guidelines g"
    " LEFT JOIN users u ON u.id = g.created_by WHERE g.project_id = :project"
)


@dataclass(frozen=True)
class Guidelines:
    """One version; `text` is Markdown as its author typed it, `created_by` a name."""

    id: int
    number: int
    text: str
    created_by: str | None
    created_at: str


def current(db: Database, project_id: int) -> Guidelines | None:
    """The version in force: the latest."""
    row = db.execute(f"{VERSIONS} ORDER BY g.number DESC LIMIT 1", {"project": project_id}).fetchone()
    return _guidelines(row) if row else None


def version(db: Database, project_id: int, number: int) -> Guidelines:
    """The version of that number; NotFound otherwise."""
    row = db.execute(
        f"{VERSIONS} AND g.number = :number", {"project": project_id, "number": number}
    ).fetchone()
    if row is None:
        raise NotFound("There is no such version of the guidelines.")
    return _guidelines(row)


def history(db: Database, project_id: int) -> list[Guidelines]:
    """All versions, newest first."""
    rows = db.execute(f"{VERSIONS} ORDER BY g.number DESC", {"project": project_id})
    return [_guidelines(row) for row in rows]


def labels_under(db: Database, project_id: int) -> dict[int | None, int]:
    """Current labels given under each version, by its id; under None those from before there were any."""
    rows = db.execute(
        "SELECT guidelines_id, count(*) FROM annotations WHERE project_id = ? AND action = 'label'"
        " AND undone_by IS NULL AND origin <> 'import' GROUP BY guidelines_id",
        [project_id],
    )
    return {row[0]: row[1] for row in rows}


def save(
    db: Database, project_id: int, text: str, by: int | None, now: datetime, based_on: int | None = None
) -> Guidelines:
    """A new version, in force from now on; the present one where nothing was changed.

    based_on: the number its author began from (0: there was none); ChangedMeanwhile if another came since.
    """
    text = checked(text)
    with write_transaction(db):
        latest = current(db, project_id)
        number = latest.number if latest else 0
        if latest is not None and latest.text == text:
            return latest
        if based_on is not None and based_on != number:
            raise ChangedMeanwhile("Somebody else saved new guidelines meanwhile. Compare, then save again.")
        guidelines_id = db.execute(
            "INSERT INTO guidelines (project_id, number, text, created_by, created_at) VALUES (?, ?, ?, ?, ?)"
            " RETURNING id",
            [project_id, number + 1, text, by, timestamp(now)],
        ).fetchone()[0]
        audit.log(db, by, "guidelines.save", f"guidelines:{guidelines_id}", now, number=number + 1)
        return version(db, project_id, number + 1)


def checked(text: str) -> str:
    """The text as it is stored, or InvalidValue: lines end the same way whatever browser sent them."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip()
    if not text:
        raise InvalidValue("Guidelines need some text.")
    if len(text) > TEXT_LIMIT:
        raise InvalidValue("Guidelines have at most 50,000 characters.")
    return text


def _guidelines(row: Any) -> Guidelines:
    return Guidelines(row["id"], row["number"], row["text"], row["created_by"], row["created_at"])
