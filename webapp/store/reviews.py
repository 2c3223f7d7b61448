"""Reviews by part: how many there are, which still want a label, their texts."""

from collections.abc import Mapping
from typing import Any

from sqlite_utils import Database

from webapp.store import projects
from webapp.store.errors import NotFound

EVALUATION_PARTS = ("holdout", "validation")


def counts(db: Database, project_id: int) -> dict[str, int]:
    """Reviews by part, with `labelled` (those with a current label) and `total`."""
    found = {"pool": 0, "holdout": 0, "validation": 0}
    rows = db.execute("SELECT part, count(*) FROM reviews WHERE project_id = ? GROUP BY part", [project_id])
    found.update({row[0]: row[1] for row in rows.fetchall()})
    found["total"] = sum(found.values())
    found["labelled"] = db.execute(
        "SELECT count(DISTINCT review_id) FROM current_labels WHERE project_id = ?", [project_id]
    ).fetchone()[0]
    return found


def evaluation_queue(db: Database, project_id: int, part: str) -> list[int]:
    """Ids of the reviews of an evaluation part that still want a label, in random order."""
    rows = db.execute(
        "SELECT id FROM reviews WHERE project_id = ? AND part = ? AND needed > 0 ORDER BY shuffle_key",
        [project_id, part],
    )
    return [row[0] for row in rows]


def random_pool(db: Database, project_id: int, limit: int) -> list[int]:
    """Ids of pool reviews that want a label, drawn uniformly at random without replacement."""
    rows = db.execute(
        "SELECT id FROM reviews WHERE project_id = ? AND part = 'pool' AND needed > 0 ORDER BY shuffle_key LIMIT ?",
        [project_id, limit],
    )
    return [row[0] for row in rows]


def pool_texts(db: Database, project_id: int) -> tuple[list[int], list[str]]:
    """Ids and texts of the reviews that may be queried: pool, open, near-duplicates left out."""
    rows = db.execute(
        "SELECT id, text FROM reviews WHERE project_id = ? AND part = 'pool' AND needed > 0 ORDER BY id",
        [project_id],
    ).fetchall()
    return [row[0] for row in rows], [row[1] for row in rows]


def texts_in_reading_order(db: Database, project_id: int) -> list[str]:
    """All texts, evaluation parts first and then in queue-independent random order, for encoding ahead."""
    rows = db.execute(
        "SELECT text FROM reviews WHERE project_id = ? ORDER BY part = 'pool', shuffle_key", [project_id]
    )
    return [row[0] for row in rows]


# Open labels of a review: none once it is settled or left out. Gold checks are labels beyond what it wants.
NEEDED = (
    "CASE WHEN excluded_at IS NOT NULL OR EXISTS (SELECT 1 FROM adjudications d WHERE d.review_id = reviews.id) THEN 0"
    " ELSE max(0, {wanted} - (SELECT count(*) FROM annotations a WHERE a.review_id = reviews.id"
    # "<> 'undo'" lets the partial index of current answers serve; without it each answer scans the whole log.
    " AND a.undone_by IS NULL AND a.action <> 'undo' AND a.action = 'label' AND a.origin <> 'gold')) END"
)


def recount(db: Database, review_id: int) -> None:
    """Set how many labels a review still needs; call it in the transaction that changes its answers."""
    db.execute(f"UPDATE reviews SET needed = {NEEDED.format(wanted='wanted')} WHERE id = ?", [review_id])


def set_wanted(db: Database, project_id: int, condition: str, values: Mapping[str, object]) -> None:
    """Labels wanted: none for a near-duplicate, one where the file brought gold, else as the overlap settings say."""
    settings = projects.get(db, project_id).settings
    wanted = (
        "CASE WHEN near_duplicate_of IS NOT NULL OR excluded_at IS NOT NULL THEN 0"
        " WHEN EXISTS (SELECT 1 FROM annotations a WHERE a.review_id = reviews.id AND a.origin = 'import') THEN 1"
        " WHEN part <> 'pool' THEN :holdout WHEN shuffle_key % 10000 < :share THEN :labels ELSE 1 END"
        " + (SELECT coalesce(sum(s.labels), 0) FROM second_looks s WHERE s.review_id = reviews.id)"
    )
    overlap = {
        "holdout": settings.holdout_labels,
        "share": round(settings.overlap_share * 10_000),
        "labels": settings.overlap_labels,
    }
    # What would stay as it is is not written: most of the time goes into the indexes of open reviews.
    db.execute(
        f"UPDATE reviews SET wanted = {wanted}, needed = {NEEDED.format(wanted=f'({wanted})')}"
        f" WHERE {condition} AND wanted <> {wanted}",
        {**overlap, **values},
    )


def get(db: Database, review_id: int) -> Any:
    """One review with every column; NotFound otherwise."""
    row = db.execute("SELECT * FROM reviews WHERE id = ?", [review_id]).fetchone()
    if row is None:
        raise NotFound("There is no such review.")
    return row
