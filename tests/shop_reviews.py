"""A project of products whose reviews a model version has read: what the insights are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from builders import a_finished_round, a_project
from sqlite_utils import Database

from webapp.store.connection import write_transaction
from webapp.store.model_versions import ModelVersion
from webapp.store.projects import Project


@dataclass(frozen=True)
class Read:
    """So many reviews of a product, written on one day, that the version reads as the label at that position."""

    reviews: int
    position: int
    product: str | None = None
    day: str | None = None
    rating: float | None = None
    category: str | None = None
    confidence: float = 0.9


def a_shop(db: Database, read: Sequence[Read], **settings: object) -> tuple[Project, ModelVersion]:
    """The project, with ids from 1 on in the order given, and the version that serves."""
    rows = [each for each in read for _ in range(each.reviews)]
    project = a_project(db, texts=[f"review number {number}" for number in range(len(rows))], **settings)
    version = a_finished_round(db, project)
    first = db.execute("SELECT min(id) FROM reviews WHERE project_id = ?", [project.id]).fetchone()[0]
    with write_transaction(db):
        for review_id, row in enumerate(rows, start=first):
            db.execute(
                "UPDATE reviews SET product_id = ?, reviewed_at = ?, rating = ?, category = ? WHERE id = ?",
                [row.product, row.day, row.rating, row.category, review_id],
            )
            db.execute(
                "INSERT INTO predictions (model_version_id, review_id, label_id, confidence, margin, scores)"
                " VALUES (?, ?, ?, ?, 0.5, '[]')",
                [version.id, review_id, project.labels[row.position].id, row.confidence],
            )
    return project, version
