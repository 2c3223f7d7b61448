"""Labels as the learner and the export see them: as of a snapshot, one consensus a review, with their origin."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

PAGE = 1_000


@dataclass(frozen=True)
class LabelledReview:
    """A review with its consensus label, as the learner sees it."""

    review_id: int
    text: str
    part: str
    position: int
    drawn_at_random: bool


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
    return int(
        db.execute(
            "SELECT count(*) FROM annotations WHERE project_id = :project AND action = 'label' AND undone_by IS NULL"
            " AND origin <> 'import'"
            " AND id > (SELECT coalesce(max(snapshot), 0) FROM rounds WHERE project_id = :project)",
            {"project": project_id},
        ).fetchone()[0]
    )


def labelled_reviews(db: Database, project_id: int, snapshot: int) -> list[LabelledReview]:
    """Reviews with the label that adjudication or the majority gave them as of a snapshot; ties are left out."""
    rows = db.execute(
        "SELECT a.review_id, a.origin, l.position,"
        " (SELECT g.position FROM adjudications d JOIN labels g ON g.id = d.label_id WHERE d.review_id = a.review_id"
        "  ORDER BY d.id DESC LIMIT 1) AS gold"
        " FROM annotations a JOIN labels l ON l.id = a.label_id WHERE a.project_id = :project AND a.id <= :snapshot"
        " AND a.action = 'label' AND (a.undone_by IS NULL OR a.undone_by > :snapshot) ORDER BY a.review_id, a.id",
        {"project": project_id, "snapshot": snapshot},
    ).fetchall()
    votes: defaultdict[int, list[Any]] = defaultdict(list)
    for row in rows:
        votes[row["review_id"]].append(row)
    labels = {review_id: _consensus(given) for review_id, given in votes.items()}
    texts = {
        row["id"]: row
        for row in db.execute(
            "SELECT id, text, part FROM reviews WHERE id IN (SELECT DISTINCT review_id FROM annotations"
            " WHERE project_id = ? AND action = 'label')",
            [project_id],
        )
    }
    return [
        LabelledReview(
            review_id,
            texts[review_id]["text"],
            texts[review_id]["part"],
            label,
            votes[review_id][0]["origin"] == "audit",
        )
        for review_id, label in labels.items()
        if label is not None
    ]


def export_rows(db: Database, project_id: int) -> Iterator[dict[str, Any]]:
    """Every current label with where it came from, oldest first; read in pages of one frozen snapshot."""
    end = snapshot(db, project_id)
    last = 0
    while True:
        rows = db.execute(
            "SELECT a.id AS annotation, r.id, r.external_id, r.text, l.name AS label, u.name AS annotator,"
            " a.created_at, a.seconds, n.number AS round, v.number AS model_version, a.origin, a.probability, r.part"
            " FROM annotations a JOIN reviews r ON r.id = a.review_id JOIN labels l ON l.id = a.label_id"
            " JOIN users u ON u.id = a.annotator_id LEFT JOIN rankings k ON k.id = a.ranking_id"
            " LEFT JOIN rounds n ON n.id = k.round_id LEFT JOIN model_versions v ON v.id = k.model_version_id"
            " WHERE a.project_id = :project AND a.action = 'label' AND a.id > :last AND a.id <= :end"
            " AND (a.undone_by IS NULL OR a.undone_by > :end) ORDER BY a.id LIMIT :page",
            {"project": project_id, "last": last, "end": end, "page": PAGE},
        ).fetchall()
        for row in rows:
            yield {key: row[key] for key in row.keys() if key != "annotation"}  # noqa: SIM118 - a Row iterates values
        if len(rows) < PAGE:
            return
        last = rows[-1]["annotation"]


def _consensus(votes: list[Any]) -> int | None:
    if votes[0]["gold"] is not None:
        return int(votes[0]["gold"])
    ranked = Counter(vote["position"] for vote in votes).most_common(2)
    if len(ranked) == 2 and ranked[0][1] == ranked[1][1]:
        return None
    return int(ranked[0][0])
