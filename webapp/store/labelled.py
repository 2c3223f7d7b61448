"""Labels as the learner and the export see them: as of a snapshot, one consensus a review, with their origin."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from webapp.store.consensus import Consensus

PAGE = 1_000


@dataclass(frozen=True)
class LabelledReview:
    """A review with its consensus label, and how that was found, as the learner sees it."""

    review_id: int
    text: str
    part: str
    label_id: int
    method: str
    drawn_at_random: bool
    # How many reviews it stands for beside the others that were drawn at random; one for those that were not.
    weight: float = 1.0


def snapshot(db: Database, project_id: int) -> int:
    """The log's present end: labels given or withdrawn later do not count for whoever holds it."""
    return int(
        db.execute(
            "SELECT coalesce(max(id), 0) FROM annotations WHERE project_id = ?", [project_id]
        ).fetchone()[0]
    )


def label_count(db: Database, project_id: int) -> int:
    """Current labels in the project, by everybody."""
    return int(
        db.execute("SELECT count(*) FROM current_labels WHERE project_id = ?", [project_id]).fetchone()[0]
    )


def labels_since_last_round(db: Database, project_id: int) -> int:
    """Labels given here, not imported, that no round, whatever became of it, has seen."""
    # Person by person: that index has the ids in order, and only what is new is read (+ keeps the others away).
    return int(
        db.execute(
            "SELECT coalesce(sum((SELECT count(*) FROM annotations a WHERE a.project_id = :project"
            " AND a.annotator_id = u.id AND a.id > s.seen"
            " AND +a.action = 'label' AND +a.undone_by IS NULL AND a.origin <> 'import')), 0) FROM users u,"
            " (SELECT coalesce(max(snapshot), 0) AS seen FROM rounds WHERE project_id = :project) s",
            {"project": project_id},
        ).fetchone()[0]
    )


def labelled_reviews(
    db: Database, project_id: int, found: Sequence[Consensus], snapshot: int
) -> list[LabelledReview]:
    """The reviews of a consensus with their texts, by id.

    Drawn at random is what the audit share asked for, told by the first label that counts, or by the first answer to
    a review that nobody but the admin could label.
    """
    first: dict[int, Any] = {}
    for row in db.execute(
        "SELECT review_id, origin, probability, ranking_id FROM annotations"
        " WHERE project_id = :project AND id <= :snapshot"
        " AND action <> 'undo' AND (undone_by IS NULL OR undone_by > :snapshot)"
        " ORDER BY review_id, action <> 'label', id",
        {"project": project_id, "snapshot": snapshot},
    ):
        first.setdefault(row["review_id"], row)
    weights = _weights([row for row in first.values() if row["origin"] == "audit"])
    texts = {
        row["id"]: row
        for row in db.execute(
            "SELECT id, text, part FROM reviews WHERE id IN (SELECT review_id FROM annotations WHERE project_id = ?"
            " AND action <> 'undo' UNION SELECT review_id FROM adjudications) AND project_id = ?",
            [project_id, project_id],
        )
    }
    return [
        LabelledReview(
            each.review_id,
            texts[each.review_id]["text"],
            texts[each.review_id]["part"],
            each.label_id,
            each.method,
            each.review_id in weights,
            weights.get(each.review_id, 1.0),
        )
        for each in sorted(found, key=lambda each: each.review_id)
        if each.review_id in texts
    ]


def _weights(drawn: Sequence[Any]) -> dict[int, float]:
    """By review drawn at random: one over its selection probability, against the likeliest of its draw.

    Within a draw only near-duplicates have lower ones, since one stands for all. Between draws the probabilities tell
    how large the batches were, and that makes no label worth more than another.
    """
    likeliest: dict[int | None, float] = {}
    for row in drawn:
        likeliest[row["ranking_id"]] = max(row["probability"] or 0.0, likeliest.get(row["ranking_id"], 0.0))
    return {
        row["review_id"]: likeliest[row["ranking_id"]] / row["probability"] if row["probability"] else 1.0
        for row in drawn
    }


# The log in its own order, page by page: by the project's index each page would sort all of its labels.
_EXPORTED = (
    "FROM annotations a WHERE +a.project_id = :project AND a.action = 'label' AND a.id <= :end"
    " AND (a.undone_by IS NULL OR a.undone_by > :end)"
)


def export_count(db: Database, project_id: int, end: int) -> int:
    """How many rows `export_rows` gives of that snapshot."""
    found = db.execute(f"SELECT count(*) {_EXPORTED}", {"project": project_id, "end": end}).fetchone()
    return int(found[0])


def export_rows(db: Database, project_id: int, end: int | None = None) -> Iterator[dict[str, Any]]:
    """Every label of a snapshot, now's if none is given, with where it came from, oldest first.

    Read in pages, so that no long reading keeps the log from being folded in. Whatever people do meanwhile, the
    labels are those of the snapshot, under the names of its first page.
    """
    end = snapshot(db, project_id) if end is None else end
    names = dict(map(tuple, db.execute("SELECT id, name FROM labels WHERE project_id = ?", [project_id])))
    people = dict(map(tuple, db.execute("SELECT id, name FROM users")))
    last = 0
    while True:
        rows = db.execute(
            "SELECT a.id AS annotation, r.id, r.external_id, r.text, a.label_id AS label, a.annotator_id AS annotator,"
            " a.created_at, a.seconds, n.number AS round, v.number AS model_version, a.origin, a.probability, r.part"
            f" FROM (SELECT a.* {_EXPORTED} AND a.id > :last ORDER BY a.id LIMIT :page) a"
            " JOIN reviews r ON r.id = a.review_id LEFT JOIN rankings k ON k.id = a.ranking_id"
            " LEFT JOIN rounds n ON n.id = k.round_id LEFT JOIN model_versions v ON v.id = k.model_version_id"
            " ORDER BY a.id",
            {"project": project_id, "last": last, "end": end, "page": PAGE},
        ).fetchall()
        for row in rows:
            found = dict(zip(row.keys(), tuple(row), strict=True))
            last = found.pop("annotation")
            found["label"], found["annotator"] = names[found["label"]], people[found["annotator"]]
            yield found
        if len(rows) < PAGE:
            return
