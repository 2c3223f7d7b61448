"""Rankings: published orders of the pool. One is written under a new id, then a single pointer turns to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from webapp.store import reviews
from webapp.store.chunks import in_turn
from webapp.store.connection import timestamp, write_transaction

# Of ten reviews in a row, while they last, these many come from the parts that measure.
HOLDOUT_IN_TEN = 2
VALIDATION_IN_TEN = 1
INITIAL_SIZE = 2_000


@dataclass(frozen=True)
class RankedReview:
    """One place of a ranking: why the review stands there and with which probability it was drawn."""

    review_id: int
    origin: str
    probability: float | None


def write(
    db: Database,
    project_id: int,
    training: Sequence[RankedReview],
    now: datetime,
    round_id: int | None = None,
    model_version_id: int | None = None,
) -> int:
    """Write a ranking, evaluation reviews mixed in, without publishing it; returns its id."""
    evaluation = {part: reviews.evaluation_queue(db, project_id, part) for part in reviews.EVALUATION_PARTS}
    with write_transaction(db):
        ranking_id = int(
            db.execute(
                "INSERT INTO rankings (project_id, round_id, model_version_id, created_at) VALUES (?, ?, ?, ?)"
                " RETURNING id",
                [project_id, round_id, model_version_id, timestamp(now)],
            ).fetchone()[0]
        )
    mixed = enumerate(_mixed(training, evaluation["holdout"], evaluation["validation"]))
    for chunk in in_turn(db, list(mixed)):
        with write_transaction(db):
            db.conn.executemany(
                "INSERT INTO ranking_items (ranking_id, rank, review_id, origin, probability) VALUES (?, ?, ?, ?, ?)",
                [(ranking_id, place, item.review_id, item.origin, item.probability) for place, item in chunk],
            )
    return ranking_id


def publish(db: Database, project_id: int, ranking_id: int) -> None:
    """Turn the queue to this ranking: readers see the old one or the new one, never none."""
    with write_transaction(db):
        db.execute("UPDATE projects SET ranking_id = ? WHERE id = ?", [ranking_id, project_id])


def publish_random(db: Database, project_id: int, now: datetime) -> int:
    """A ranking in uniformly random order, for the time before any features exist; returns its id."""
    drawn = reviews.random_pool(db, project_id, INITIAL_SIZE)
    open_reviews = db.execute(
        "SELECT count(*) FROM reviews WHERE project_id = ? AND part = 'pool' AND needed > 0", [project_id]
    ).fetchone()[0]
    probability = len(drawn) / open_reviews if open_reviews else None
    items = [RankedReview(review_id, "audit", probability) for review_id in drawn]
    ranking_id = write(db, project_id, items, now)
    publish(db, project_id, ranking_id)
    return ranking_id


def _mixed(
    training: Iterable[RankedReview], holdout: Iterable[int], validation: Iterable[int]
) -> Iterable[RankedReview]:
    """Training, holdout and validation reviews in the fixed proportion; where one runs out the others go on."""
    sources = {
        "training": iter(training),
        "holdout": (RankedReview(review_id, "holdout", None) for review_id in holdout),
        "validation": (RankedReview(review_id, "validation", None) for review_id in validation),
    }
    pattern = _pattern()
    while sources:
        for name in pattern:
            if name in sources:
                item = next(sources[name], None)
                if item is None:
                    del sources[name]
                else:
                    yield item


def _pattern() -> list[str]:
    """Ten places, the evaluation ones spread evenly: an annotator who stops early has labelled some of each."""
    places = ["training"] * 10
    for place in range(HOLDOUT_IN_TEN):
        places[2 + place * 10 // HOLDOUT_IN_TEN] = "holdout"
    for place in range(VALIDATION_IN_TEN):
        places[4 + place * 10 // VALIDATION_IN_TEN] = "validation"
    return places
