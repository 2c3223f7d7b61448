"""Find reviews again, a page at a time; one with its neighbours and what the models say of it."""

import json
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from webapp.store import model_versions, projects
from webapp.store.filters import Filters, matching

PAGE = 50


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
    """One line of the list; `labels` are the current human ones, `predicted` the version's, by name and position."""

    id: int
    external_id: str | None
    text: str
    part: str
    rating: float | None
    product_id: str | None
    left_out: bool
    settled: bool
    labels: list[tuple[str, int]]
    predicted: tuple[str, int] | None
    confidence: float | None


@dataclass(frozen=True)
class Neighbours:
    """The reviews before and after one in a filtered list."""

    previous: int | None
    next: int | None


def find(
    db: Database, project_id: int, filters: Filters, after_id: int = 0, limit: int = PAGE
) -> list[FoundReview]:
    """Reviews that match, by id, from the one after `after_id` on."""
    found = matching(db, project_id, filters)
    rows = db.execute(
        "SELECT r.id, r.external_id, r.text, r.part, r.rating, r.product_id, r.excluded_at, d.confidence,"
        " EXISTS (SELECT 1 FROM adjudications g WHERE g.review_id = r.id) AS settled,"
        " (SELECT json_array(l.name, l.position) FROM labels l WHERE l.id = d.label_id) AS predicted,"
        " (SELECT json_group_array(json_array(n.name, n.position)) FROM current_labels c"
        "  JOIN labels n ON n.id = c.label_id WHERE c.review_id = r.id) AS labels"
        f" {found.sql} AND r.id > :after ORDER BY r.id LIMIT :limit",
        {**found.values, "after": after_id, "limit": limit},
    ).fetchall()
    return [_found(row) for row in rows]


def count(db: Database, project_id: int, filters: Filters, at_most: int) -> int:
    """How many reviews match, counted no further than `at_most`."""
    found = matching(db, project_id, filters)
    row = db.execute(
        f"SELECT count(*) FROM (SELECT 1 {found.sql} LIMIT :at_most)", {**found.values, "at_most": at_most}
    ).fetchone()
    return int(row[0])


def ids(db: Database, project_id: int, filters: Filters) -> list[int]:
    """Every review that matches, by id."""
    found = matching(db, project_id, filters)
    return [row[0] for row in db.execute(f"SELECT r.id {found.sql} ORDER BY r.id", found.values)]


def neighbours(db: Database, project_id: int, filters: Filters, review_id: int) -> Neighbours:
    """What comes before and after a review in the list that these filters make."""
    found = matching(db, project_id, filters)
    values = {**found.values, "this": review_id}

    def nearest(condition: str) -> int | None:
        row = db.execute(f"SELECT r.id {found.sql} AND {condition} LIMIT 1", values).fetchone()
        return int(row[0]) if row else None

    return Neighbours(nearest("r.id < :this ORDER BY r.id DESC"), nearest("r.id > :this ORDER BY r.id"))


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


def _found(row: Any) -> FoundReview:
    return FoundReview(
        row["id"],
        row["external_id"],
        row["text"],
        row["part"],
        row["rating"],
        row["product_id"],
        row["excluded_at"] is not None,
        bool(row["settled"]),
        [(name, position) for name, position in json.loads(row["labels"])],
        tuple(json.loads(row["predicted"])) if row["predicted"] else None,
        row["confidence"],
    )
