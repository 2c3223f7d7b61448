"""Find reviews again: full-text search, filters, pages by key."""

import json
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from webapp.store import model_versions, projects

PAGE = 50
TRIGRAM = 3


@dataclass(frozen=True)
class Filters:
    """What to show; empty means all. `state` is labelled, unlabelled, skipped, flagged or disagreed.

    `version_id` names the model version whose predictions are meant, the serving one if none is named.
    """

    text: str = ""
    part: str = ""
    label_id: int | None = None
    predicted_id: int | None = None
    state: str = ""
    product: str = ""
    version_id: int | None = None


@dataclass(frozen=True)
class Prediction:
    """What a model version says of one review; `scores` are in the order of the project's labels today."""

    version_number: int
    round_number: int
    label: str
    position: int
    confidence: float
    scores: list[float]
    serves: bool


@dataclass(frozen=True)
class FoundReview:
    """One line of the list; `labels` are the current human ones, `predicted` the serving model's."""

    id: int
    external_id: str | None
    text: str
    part: str
    rating: float | None
    product_id: str | None
    labels: list[str]
    predicted: str | None
    confidence: float | None


_ANSWERED = "EXISTS (SELECT 1 FROM annotations a WHERE a.review_id = r.id AND a.action = '{}' AND a.undone_by IS NULL)"
STATES = {
    "labelled": "EXISTS (SELECT 1 FROM current_labels c WHERE c.review_id = r.id)",
    "unlabelled": "NOT EXISTS (SELECT 1 FROM current_labels c WHERE c.review_id = r.id)",
    "skipped": _ANSWERED.format("skip"),
    "flagged": _ANSWERED.format("flag"),
    "disagreed": "(SELECT count(DISTINCT label_id) FROM current_labels c WHERE c.review_id = r.id) > 1",
}


def find(
    db: Database, project_id: int, filters: Filters, after_id: int = 0, limit: int = PAGE
) -> list[FoundReview]:
    """Reviews that match, by id, from the one after `after_id` on."""
    conditions, values = _conditions(filters)
    project = projects.get(db, project_id)
    rows = db.execute(
        "SELECT r.id, r.external_id, r.text, r.part, r.rating, r.product_id, l.name AS predicted, d.confidence,"
        " (SELECT json_group_array(n.name) FROM current_labels c JOIN labels n ON n.id = c.label_id"
        "  WHERE c.review_id = r.id) AS labels FROM reviews r"
        " LEFT JOIN predictions d ON d.review_id = r.id AND d.model_version_id = :version"
        " LEFT JOIN labels l ON l.id = d.label_id"
        f" WHERE r.project_id = :project AND r.id > :after {conditions} ORDER BY r.id LIMIT :limit",
        {
            **values,
            "project": project_id,
            "after": after_id,
            "limit": limit,
            "version": filters.version_id or project.model_version_id,
        },
    ).fetchall()
    return [_found(row) for row in rows]


def count(db: Database, project_id: int, filters: Filters, at_most: int) -> int:
    """How many reviews match, counted no further than `at_most`."""
    conditions, values = _conditions(filters)
    version = filters.version_id or projects.get(db, project_id).model_version_id
    row = db.execute(
        "SELECT count(*) FROM (SELECT 1 FROM reviews r"
        " LEFT JOIN predictions d ON d.review_id = r.id AND d.model_version_id = :version"
        f" WHERE r.project_id = :project {conditions} LIMIT :at_most)",
        {**values, "project": project_id, "at_most": at_most, "version": version},
    ).fetchone()
    return int(row[0])


def predictions_of(db: Database, review_id: int) -> list[Prediction]:
    """What each model version said of a review, the newest first."""
    rows = db.execute(
        "SELECT v.number, n.number AS round, l.name, l.position, d.confidence, d.scores,"
        " v.id = p.model_version_id AS serves, v.id, v.project_id"
        " FROM predictions d JOIN model_versions v ON v.id = d.model_version_id"
        " JOIN rounds n ON n.id = v.round_id JOIN labels l ON l.id = d.label_id JOIN projects p ON p.id = v.project_id"
        " WHERE d.review_id = ? ORDER BY v.number DESC",
        [review_id],
    )
    return [
        Prediction(
            row["number"],
            row["round"],
            row["name"],
            row["position"],
            row["confidence"],
            _in_todays_order(db, row),
            bool(row["serves"]),
        )
        for row in rows
    ]


def _in_todays_order(db: Database, row: Any) -> list[float]:
    """Scores are stored in the order of the version's own labels; one it does not know gets none."""
    known = model_versions.labels_of(db, model_versions.get(db, row["id"]))
    scores = dict(zip((label.id for label in known), json.loads(row["scores"]), strict=True))
    return [scores.get(label.id, 0.0) for label in projects.get(db, row["project_id"]).labels]


def extra_columns(review: Any) -> dict[str, str]:
    """The columns of the file that play no role, by name."""
    return dict(json.loads(review["extra"])) if review["extra"] else {}


def _conditions(filters: Filters) -> tuple[str, dict[str, Any]]:
    parts: list[str] = []
    values: dict[str, Any] = {}
    if len(filters.text) >= TRIGRAM:
        # detail='none' keeps no positions: the index finds candidates, LIKE has the last word.
        parts.append("r.id IN (SELECT rowid FROM reviews_fts WHERE text LIKE :like)")
        values["like"] = f"%{filters.text}%"
    elif filters.text:
        parts.append("instr(r.text, :text) > 0")
        values["text"] = filters.text
    for column, value in (("part", filters.part), ("product_id", filters.product)):
        if value:
            parts.append(f"r.{column} = :{column}")
            values[column] = value
    if filters.label_id:
        parts.append(
            "EXISTS (SELECT 1 FROM current_labels c WHERE c.review_id = r.id AND c.label_id = :label)"
        )
        values["label"] = filters.label_id
    if filters.predicted_id:
        parts.append("d.label_id = :predicted")
        values["predicted"] = filters.predicted_id
    if filters.state in STATES:
        parts.append(STATES[filters.state])
    return "".join(f" AND {part}" for part in parts), values


def _found(row: Any) -> FoundReview:
    return FoundReview(
        row["id"],
        row["external_id"],
        row["text"],
        row["part"],
        row["rating"],
        row["product_id"],
        json.loads(row["labels"]),
        row["predicted"],
        row["confidence"],
    )
