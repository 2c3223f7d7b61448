"""Star ratings that came with the reviews: a customer's word, never taken for a label of the people here."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

# Open reviews of the pool that nobody answered: what people said, even that it cannot be labelled, counts alone.
_UNANSWERED = (
    "FROM reviews r WHERE r.project_id = :project AND r.part = 'pool' AND r.needed > 0 AND r.rating IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM annotations a WHERE a.review_id = r.id AND a.action <> 'undo'"
    " AND a.id <= :snapshot AND (a.undone_by IS NULL OR a.undone_by > :snapshot))"
    " AND NOT EXISTS (SELECT 1 FROM adjudications d WHERE d.review_id = r.id)"
)


@dataclass(frozen=True)
class RatedReview:
    """A review with its stars."""

    review_id: int
    text: str
    rating: float


def unanswered(db: Database, project_id: int, limit: int, snapshot: int) -> list[RatedReview]:
    """Rated pool reviews that nobody had answered at that snapshot, at most so many, drawn uniformly at random."""
    rows = db.execute(
        f"SELECT r.id, r.text, r.rating {_UNANSWERED} ORDER BY r.shuffle_key LIMIT :limit",
        {"project": project_id, "snapshot": snapshot, "limit": limit},
    )
    return [RatedReview(*tuple(row)) for row in rows]


def of_reviews(db: Database, review_ids: Sequence[int]) -> dict[int, float]:
    """Stars of those of the reviews that have any."""
    rows = db.execute(
        "SELECT id, rating FROM reviews WHERE rating IS NOT NULL AND id IN (SELECT value FROM json_each(?))",
        [json.dumps(list(review_ids))],
    )
    return {row[0]: row[1] for row in rows}


def values(db: Database, project_id: int, look_at: int) -> list[float]:
    """Which stars occur among so many random open reviews of the pool, ascending."""
    rows = db.execute(
        "SELECT DISTINCT rating FROM (SELECT rating FROM reviews WHERE project_id = ? AND part = 'pool' AND needed > 0"
        " ORDER BY shuffle_key LIMIT ?) WHERE rating IS NOT NULL ORDER BY rating",
        [project_id, look_at],
    )
    return [row[0] for row in rows]
