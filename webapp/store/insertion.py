"""Bring reviews in: no text twice, parts drawn at random, the queue opened when an import is complete."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlite_utils import Database

from webapp.importing import ParsedReview, near_duplicate_key, text_hash
from webapp.store import projects, reviews
from webapp.store.chunks import in_turn
from webapp.store.connection import random_shuffle_key, timestamp, write_transaction
from webapp.store.projects import Project
from webapp.store.reviews import EVALUATION_PARTS

# A small project keeps most of its reviews for learning, whatever the sizes asked for.
LARGEST_SHARE = {"holdout": 0.20, "validation": 0.10}
OPENING_CHUNK = 5_000
_BETWEEN = "id BETWEEN :first AND :last"
COLUMNS = (
    "id project_id import_id external_id text text_hash near_key near_duplicate_of language rating product_id author_id"
    " reviewed_at category extra part shuffle_key wanted needed created_at original"
).split()


@dataclass
class BatchOutcome:
    """What became of one batch of rows."""

    inserted: int = 0
    labelled: int = 0
    duplicates: int = 0
    rejected: list[tuple[int, str, str]] = field(default_factory=list)
    languages: Counter[str] = field(default_factory=Counter)
    categories: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class NewReview:
    """A parsed review with its hashes, made before the write lock is taken."""

    parsed: ParsedReview
    text_hash: bytes
    near_key: bytes


def with_hashes(batch: Sequence[ParsedReview]) -> list[NewReview]:
    """Hash each text, exactly and up to near-duplicates."""
    return [NewReview(parsed, text_hash(parsed.text), near_duplicate_key(parsed.text)) for parsed in batch]


def insert_batch(
    db: Database, project: Project, import_id: int, batch: Sequence[NewReview], by: int | None, now: datetime
) -> BatchOutcome:
    """Insert new reviews, closed to the queue until `open_import`; labels are recorded as human gold of `by`."""
    outcome = BatchOutcome()
    with write_transaction(db):
        fresh = _new_ones(db, project.id, batch, outcome)
        first_id = db.execute("SELECT coalesce(max(id), 0) + 1 FROM reviews").fetchone()[0]
        originals = _originals(db, project.id, [review.near_key for review in fresh])
        rows = []
        for review_id, review in enumerate(fresh, first_id):
            # A near-duplicate stands on its original's side of the split, so that nothing leaks across it.
            original, part = originals.setdefault(review.near_key, (review_id, review.parsed.part or "pool"))
            rows.append(_row(project, import_id, review, review_id, original, part, now))
        db.conn.executemany(
            f"INSERT INTO reviews ({', '.join(COLUMNS)}) VALUES ({','.join('?' * len(COLUMNS))})", rows
        )
        db.execute(
            "INSERT INTO reviews_fts (rowid, text) SELECT id, text FROM reviews WHERE id >= ?", [first_id]
        )
        db.execute(
            "UPDATE projects SET review_count = review_count + ? WHERE id = ?", [len(rows), project.id]
        )
        if by is not None:
            outcome.labelled = _record_gold(db, project, fresh, first_id, by, now)
        outcome.inserted = len(rows)
        # Under "" those that name none.
        outcome.languages = Counter(review.parsed.language or "" for review in fresh)
        outcome.categories = Counter(review.parsed.category or "" for review in fresh)
    return outcome


def existing_hashes(db: Database, project_id: int, hashes: Sequence[bytes]) -> set[bytes]:
    """Which of these texts the project has already."""
    marks = ",".join("?" * len(hashes))
    rows = db.execute(
        f"SELECT text_hash FROM reviews WHERE project_id = ? AND text_hash IN ({marks})",
        [project_id, *hashes],
    )
    return {bytes(row[0]) for row in rows}


def existing_external_ids(db: Database, project_id: int, ids: Sequence[str]) -> set[str | None]:
    """Which of these ids the project has already."""
    marks = ",".join("?" * len(ids))
    rows = db.execute(
        f"SELECT external_id FROM reviews WHERE project_id = ? AND external_id IN ({marks})",
        [project_id, *ids],
    )
    return {row[0] for row in rows}


def open_import(db: Database, project: Project, import_id: int) -> None:
    """Draw the evaluation parts from an import that is complete, then let its reviews into the queue.

    What an earlier import brought before it failed or was cancelled comes in with it.
    """
    imports = [import_id, *_broken_imports(db, project.id)]
    for each in imports:
        for part in EVALUATION_PARTS:
            _draw_part(db, project, each, part)
        first, last = db.execute(
            "SELECT min(id), max(id) FROM reviews WHERE import_id = ?", [each]
        ).fetchone()
        # Small steps: submits are never starved.
        for start in range(first or 0, (last or -1) + 1, OPENING_CHUNK):
            span = {"import": each, "first": start, "last": start + OPENING_CHUNK - 1}
            with write_transaction(db):
                reviews.set_wanted(db, project.id, f"import_id = :import AND wanted = 0 AND {_BETWEEN}", span)


def reset_wanted(db: Database, project: Project) -> None:
    """Apply the project's overlap settings to the reviews it has, where they are new, in small steps.

    `overlap_from` says in the database how far that is, and moves on with each step: what is cut off goes on there.
    """
    done, first, last = db.execute(
        "SELECT overlap_from, (SELECT min(id) FROM reviews WHERE project_id = :project),"
        " (SELECT max(id) FROM reviews WHERE project_id = :project) FROM projects WHERE id = :project",
        {"project": project.id},
    ).fetchone()
    if done is None:
        return
    for span in in_turn(db, range(max(done, first or 0), (last or 0) + 1), OPENING_CHUNK):
        with write_transaction(db):
            if not _moved_on(db, project.id, done, span[-1] + 1):
                return  # They changed again, or another process went on here; whoever it was does the rest.
            # Reviews that want none yet belong to an import that is not complete; near-duplicates never do.
            these = {"project": project.id, "first": span[0], "last": span[-1]}
            reviews.set_wanted(db, project.id, f"+project_id = :project AND wanted > 0 AND {_BETWEEN}", these)
        done = span[-1] + 1
    with write_transaction(db):
        _moved_on(db, project.id, done, None)


def finish_resets(db: Database) -> None:
    """Go on where somebody who applied overlap settings was killed."""
    for row in db.execute("SELECT id FROM projects WHERE overlap_from IS NOT NULL").fetchall():
        reset_wanted(db, projects.get(db, row["id"]))


def want_labels(db: Database, project: Project, review_ids: Sequence[int]) -> None:
    """Set how many labels these reviews want, as where a near-duplicate becomes an original."""
    with write_transaction(db):
        ids = {"ids": json.dumps(list(review_ids))}
        reviews.set_wanted(db, project.id, "id IN (SELECT value FROM json_each(:ids))", ids)


def _new_ones(
    db: Database, project_id: int, batch: Sequence[NewReview], outcome: BatchOutcome
) -> list[NewReview]:
    """The reviews of the batch that the project has not; the others are counted."""
    known_texts = existing_hashes(db, project_id, [review.text_hash for review in batch])
    ids = [review.parsed.external_id for review in batch if review.parsed.external_id]
    known_ids = existing_external_ids(db, project_id, ids)
    fresh = []
    for review in batch:
        external_id = review.parsed.external_id
        if review.text_hash in known_texts:
            outcome.duplicates += 1
        elif external_id in known_ids:
            message = f"The id {external_id} belongs to another review. Give each review its own id."
            outcome.rejected.append((review.parsed.row, "duplicate_id", message))
        else:
            known_texts.add(review.text_hash)
            if external_id:
                known_ids.add(external_id)
            fresh.append(review)
    return fresh


def _originals(db: Database, project_id: int, near_keys: Sequence[bytes]) -> dict[bytes, tuple[int, str]]:
    """Id and part of the first review of each near-duplicate key."""
    rows = db.execute(
        "SELECT near_key, min(id) AS id, part FROM reviews WHERE project_id = ?"
        f" AND near_key IN ({','.join('?' * len(near_keys))}) GROUP BY near_key",
        [project_id, *near_keys],
    )
    return {bytes(row["near_key"]): (row["id"], row["part"]) for row in rows}


def _row(
    project: Project,
    import_id: int,
    review: NewReview,
    review_id: int,
    original: int,
    part: str,
    now: datetime,
) -> tuple[object, ...]:
    parsed = review.parsed
    values = {
        "id": review_id,
        "project_id": project.id,
        "import_id": import_id,
        "external_id": parsed.external_id,
        "text": parsed.text,
        "text_hash": review.text_hash,
        "near_key": review.near_key,
        "near_duplicate_of": None if original == review_id else original,
        "language": parsed.language,
        "rating": parsed.rating,
        "product_id": parsed.product_id,
        "author_id": parsed.author_id,
        "reviewed_at": parsed.reviewed_at,
        "category": parsed.category,
        "extra": json.dumps(parsed.extra, ensure_ascii=False) if parsed.extra else None,
        "part": part,
        "shuffle_key": random_shuffle_key(),
        "wanted": 0,
        "needed": 0,
        "created_at": timestamp(now),
        "original": parsed.original,
    }
    return tuple(values[column] for column in COLUMNS)


def _record_gold(
    db: Database, project: Project, fresh: Sequence[NewReview], first_id: int, by: int, now: datetime
) -> int:
    gold = []
    for review_id, review in enumerate(fresh, first_id):
        label = project.label_named(review.parsed.label) if review.parsed.label else None
        if label is not None:
            gold.append((project.id, review_id, by, label.id, timestamp(now)))
    db.conn.executemany(
        "INSERT INTO annotations (project_id, review_id, annotator_id, action, label_id, origin, created_at)"
        " VALUES (?, ?, ?, 'label', ?, 'import', ?)",
        gold,
    )
    return len(gold)


def _broken_imports(db: Database, project_id: int) -> list[int]:
    rows = db.execute(
        "SELECT id FROM jobs WHERE project_id = ? AND kind = 'import' AND state IN ('failed', 'cancelled')"
        " AND EXISTS (SELECT 1 FROM reviews WHERE import_id = jobs.id AND wanted = 0 AND near_duplicate_of IS NULL)",
        [project_id],
    )
    return [row[0] for row in rows]


def _draw_part(db: Database, project: Project, import_id: int, part: str) -> None:
    """Move reviews of this import, uniformly at random, into a part until it has its size."""
    size = {"holdout": project.settings.holdout_size, "validation": project.settings.validation_size}[part]
    with write_transaction(db):
        total, have = db.execute(
            "SELECT count(*), coalesce(sum(part = ?), 0) FROM reviews WHERE project_id = ?",
            [part, project.id],
        ).fetchone()
        missing = min(size, int(total * LARGEST_SHARE[part])) - have
        if missing <= 0:
            return
        drawn = db.execute(
            "UPDATE reviews SET part = ? WHERE id IN (SELECT id FROM reviews WHERE import_id = ? AND part = 'pool'"
            " AND near_duplicate_of IS NULL AND needed = 0 AND wanted = 0 ORDER BY shuffle_key LIMIT ?) RETURNING id",
            [part, import_id, missing],
        ).fetchall()
        for row in drawn:
            db.execute("UPDATE reviews SET part = ? WHERE near_duplicate_of = ?", [part, row["id"]])


def _moved_on(db: Database, project_id: int, start: int, end: int | None) -> bool:
    """Say that the overlap settings are applied so far; False where they no longer stood at the start."""
    moved = db.execute(
        "UPDATE projects SET overlap_from = ? WHERE id = ? AND overlap_from = ? RETURNING id",
        [end, project_id, start],
    )
    return moved.fetchone() is not None
