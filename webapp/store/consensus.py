"""Consensus: the votes as of a snapshot, and the one label that each review got from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from webapp.store import work
from webapp.store.chunks import in_turn
from webapp.store.connection import write_transaction

METHODS = ("gold", "single", "majority", "dawid-skene")
PAGE = 1_000
# What was left out or retired since the consensus was found.
_IN_FORCE = (
    "FROM consensus c JOIN reviews r ON r.id = c.review_id AND r.excluded_at IS NULL"
    " JOIN labels l ON l.id = c.label_id AND l.retired_at IS NULL"
)


@dataclass(frozen=True)
class Vote:
    """One person's label for one review; `shown` says whether the model's guess was on screen."""

    review_id: int
    annotator_id: int
    label_id: int
    origin: str
    shown: str
    created_at: str


@dataclass(frozen=True)
class Consensus:
    """One review's label: by which method, how sure (0 to 1), from how many votes."""

    review_id: int
    label_id: int
    method: str
    confidence: float
    votes: int


def votes(db: Database, project_id: int, snapshot: int) -> list[Vote]:
    """Labels as of a snapshot, in the order they were given; reviews left out and retired labels do not count."""
    rows = db.execute(
        "SELECT a.review_id, a.annotator_id, a.label_id, a.origin, a.shown, a.created_at FROM annotations a"
        " JOIN labels l ON l.id = a.label_id AND l.retired_at IS NULL"
        " JOIN reviews r ON r.id = a.review_id AND r.excluded_at IS NULL"
        " WHERE a.project_id = :project AND a.id <= :snapshot AND a.action = 'label'"
        " AND (a.undone_by IS NULL OR a.undone_by > :snapshot) ORDER BY a.id",
        {"project": project_id, "snapshot": snapshot},
    )
    return [Vote(*tuple(row)) for row in rows]


def gold(db: Database, project_id: int) -> dict[int, int]:
    """The label that an admin settled on, by review; the latest decision counts, labelled by others or not."""
    rows = db.execute(
        "SELECT d.review_id, d.label_id FROM adjudications d"
        " JOIN reviews r ON r.id = d.review_id AND r.excluded_at IS NULL"
        " JOIN labels l ON l.id = d.label_id AND l.retired_at IS NULL"
        " WHERE r.project_id = ? AND d.id = (SELECT max(id) FROM adjudications WHERE review_id = d.review_id)",
        [project_id],
    )
    return {row["review_id"]: row["label_id"] for row in rows}


def write(
    db: Database, project_id: int, found: Sequence[Consensus], snapshot: int, claim: work.Claim | None = None
) -> None:
    """Store the consensus as of a snapshot, in small transactions; fenced where there is a claim.

    A newer one that another job wrote meanwhile stays.
    """
    rows = [(c.review_id, project_id, c.label_id, c.method, c.confidence, c.votes, snapshot) for c in found]
    kept = {each.review_id for each in found}
    stale = [
        (row["review_id"], snapshot)
        for row in db.execute("SELECT review_id FROM consensus WHERE project_id = ?", [project_id])
        if row["review_id"] not in kept
    ]
    upsert = (
        "INSERT INTO consensus (review_id, project_id, label_id, method, confidence, votes, snapshot)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (review_id) DO UPDATE SET label_id = excluded.label_id,"
        " method = excluded.method, confidence = excluded.confidence, votes = excluded.votes,"
        " snapshot = excluded.snapshot WHERE excluded.snapshot >= consensus.snapshot"
    )
    forget = "DELETE FROM consensus WHERE review_id = ? AND snapshot <= ?"
    for statement, values in ((upsert, rows), (forget, stale)):
        for chunk in in_turn(db, values):
            with write_transaction(db):
                if claim is not None:
                    work.check(db, claim)
                db.conn.executemany(statement, chunk)


def snapshot_of(db: Database, project_id: int) -> int | None:
    """The end of the log up to which the stored consensus counts; None before the first."""
    row = db.execute("SELECT max(snapshot) FROM consensus WHERE project_id = ?", [project_id]).fetchone()
    return None if row[0] is None else int(row[0])


def count(db: Database, project_id: int) -> int:
    """Reviews that `export_rows` tells of."""
    return int(db.execute(f"SELECT count(*) {_IN_FORCE} WHERE c.project_id = ?", [project_id]).fetchone()[0])


def export_rows(db: Database, project_id: int) -> Iterator[dict[str, Any]]:
    """Every review with its consensus, by id, read in pages."""
    last = 0
    while True:
        rows = db.execute(
            "SELECT r.id, r.external_id, r.text, l.name AS label, c.method, c.confidence, c.votes, r.part"
            f" {_IN_FORCE} WHERE c.project_id = ? AND c.review_id > ? ORDER BY c.review_id LIMIT ?",
            [project_id, last, PAGE],
        ).fetchall()
        for row in rows:
            yield dict(zip(row.keys(), tuple(row), strict=True))
        if len(rows) < PAGE:
            return
        last = rows[-1]["id"]
