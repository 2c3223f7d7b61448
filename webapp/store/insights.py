"""What people and a model version say of the reviews of each product or category."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sqlite_utils import Database

# More likely than all other labels together.
SURE = 0.5
# Spaces round a name are a slip of the file and make no further group.
COLUMNS = {"product": "nullif(trim(r.product_id), '')", "category": "nullif(trim(r.category), '')"}
# The label that people agreed on counts before the model's, which reads only what nobody labelled and what measures.
# What was left out or retired since counts nowhere.
_READ = """WITH read (review_id, label_id, confidence) AS (
    SELECT c.review_id, c.label_id, NULL FROM consensus c JOIN labels l ON l.id = c.label_id AND l.retired_at IS NULL
        WHERE c.project_id = :project
    UNION ALL SELECT d.review_id, d.label_id, d.confidence FROM predictions d WHERE d.model_version_id = :version
        AND NOT EXISTS (SELECT 1 FROM consensus c JOIN labels l ON l.id = c.label_id AND l.retired_at IS NULL
            WHERE c.review_id = d.review_id)
)"""
_FROM = "FROM read d JOIN reviews r ON r.id = d.review_id AND r.excluded_at IS NULL WHERE true"
_DAY = "substr(r.reviewed_at, 1, 10)"


@dataclass(frozen=True)
class Scope:
    """Which reviews are meant: `by` is one of COLUMNS; empty days bound nothing, others (2026-03-01) are included."""

    project_id: int
    version_id: int
    by: str = "product"
    since: str = ""
    until: str = ""


class Reading(NamedTuple):
    """One review: its label, and its stars; group and day are None where its file did not say."""

    group: str | None
    day: str | None
    label_id: int
    stars: float | None


@dataclass(frozen=True)
class ReadReview:
    """A review that has the label; `confidence` is the model's, None where people gave it."""

    id: int
    text: str
    group: str | None
    day: str | None
    rating: float | None
    confidence: float | None


def newest_day(db: Database, scope: Scope) -> str | None:
    """The day of the newest review that is labelled or read, whatever its group."""
    within, values = _within(scope)
    day: str | None = db.execute(f"{_READ} SELECT max({_DAY}) {_FROM}{within}", values).fetchone()[0]
    return day


def readings(db: Database, scope: Scope) -> Iterator[Reading]:
    """Every review that is labelled or read, in no order: sorting a million would take as long as reading them."""
    within, values = _within(scope)
    rows = db.execute(
        f"{_READ} SELECT {COLUMNS[scope.by]}, {_DAY}, d.label_id, r.rating {_FROM}{within}", values
    )
    return map(Reading._make, rows)


def newest(db: Database, scope: Scope, label_id: int, group: str, limit: int) -> list[ReadReview]:
    """The latest reviews with a label, of one group, or of all where it is empty.

    Within a day those come first that people labelled, then the surest; one below SURE is left to the list of all.
    """
    within, values = _within(scope)
    column = COLUMNS[scope.by]
    rows = db.execute(
        f"{_READ} SELECT r.id, r.text, {column}, {_DAY} AS day, r.rating, d.confidence {_FROM}{within}"
        f" AND d.label_id = :label AND coalesce(d.confidence, 1) >= :sure AND (:group = '' OR {column} = :group)"
        " ORDER BY day DESC, coalesce(d.confidence, 1) DESC, r.id LIMIT :limit",
        {**values, "label": label_id, "sure": SURE, "group": group, "limit": limit},
    )
    return [ReadReview(*row) for row in rows]


def _within(scope: Scope) -> tuple[str, dict[str, int | str]]:
    bounds = {"since": ">=", "until": "<="}
    sql = "".join(f" AND {_DAY} {sign} :{name}" for name, sign in bounds.items() if getattr(scope, name))
    return sql, {
        "project": scope.project_id,
        "version": scope.version_id,
        "since": scope.since,
        "until": scope.until,
    }
