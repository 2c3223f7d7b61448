"""Model versions: what a round trained, how good it is, what it says of each review, and which one serves."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from webapp.store import audit, projects, work
from webapp.store.chunks import in_turn
from webapp.store.connection import timestamp, write_transaction
from webapp.store.errors import InvalidValue, NotFound
from webapp.store.projects import Label


@dataclass(frozen=True)
class ModelVersion:
    """`checkpoint` is a folder name under the instance's checkpoints."""

    id: int
    project_id: int
    round_id: int
    number: int
    encoder: str
    encoder_sha256: str
    classifier: str
    checkpoint: str
    manifest_sha256: str
    training_labels: int
    verdict: str
    reason: str
    created_at: str
    # When a text that it learned from was erased.
    stale_since: str | None
    # Star ratings that it learned from beside the labels of people.
    weak_labels: int


@dataclass(frozen=True)
class Metric:
    """One score with its bootstrap 95 % interval; `slice` is `all` or a label's name."""

    part: str
    slice: str
    name: str
    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Scores:
    """What a version says of one review: a probability per label, in the project's order."""

    review_id: int
    probabilities: Sequence[float]


@dataclass(frozen=True)
class CurvePoint:
    """One place of the learning curve: a version's scores against the labels it was trained on."""

    number: int
    round_id: int
    training_labels: int
    serves: bool
    accuracy: Metric | None
    macro_f1: Metric | None


def add(
    db: Database,
    claim: work.Claim,
    encoder: str,
    encoder_sha256: str,
    classifier: str,
    checkpoint: str,
    manifest_sha256: str,
    training_labels: int,
    verdict: str,
    reason: str,
    metrics: Sequence[Metric],
    now: datetime,
    weak_labels: int = 0,
) -> ModelVersion:
    """Record a version and its metrics, not yet serving; fenced."""
    with write_transaction(db):
        work.check(db, claim)
        row = db.execute(
            "INSERT INTO model_versions (project_id, round_id, number, encoder, encoder_sha256, classifier, checkpoint,"
            " manifest_sha256, training_labels, verdict, reason, created_at, weak_labels) SELECT project_id, id,"
            " (SELECT coalesce(max(number), 0) + 1 FROM model_versions v WHERE v.project_id = rounds.project_id),"
            " ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM rounds WHERE id = ? RETURNING *",
            [
                encoder,
                encoder_sha256,
                classifier,
                checkpoint,
                manifest_sha256,
                training_labels,
                verdict,
                reason,
                timestamp(now),
                weak_labels,
                claim.id,
            ],
        ).fetchone()
        db.conn.executemany(
            "INSERT INTO metrics (model_version_id, part, slice, name, value, low, high, n)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(row["id"], m.part, m.slice, m.name, m.value, m.low, m.high, m.n) for m in metrics],
        )
    return ModelVersion(*tuple(row))


def add_predictions(
    db: Database, claim: work.Claim, version_id: int, labels: Sequence[Label], scores: Sequence[Scores]
) -> None:
    """Store scores in small transactions with gaps, so that submits are never starved; fenced."""
    for chunk in in_turn(db, scores):
        with write_transaction(db):
            work.check(db, claim)
            db.conn.executemany(
                "INSERT INTO predictions (model_version_id, review_id, label_id, confidence, margin, scores)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [_prediction(version_id, labels, each) for each in chunk],
            )


def get(db: Database, version_id: int) -> ModelVersion:
    """The version with that id; NotFound otherwise."""
    row = db.execute("SELECT * FROM model_versions WHERE id = ?", [version_id]).fetchone()
    if row is None:
        raise NotFound("There is no such model version.")
    return ModelVersion(*tuple(row))


def of_project(db: Database, project_id: int) -> list[ModelVersion]:
    """All published versions, newest first."""
    rows = db.execute(
        "SELECT v.* FROM model_versions v JOIN rounds r ON r.model_version_id = v.id WHERE v.project_id = ?"
        " ORDER BY v.number DESC",
        [project_id],
    )
    return [ModelVersion(*tuple(row)) for row in rows]


def serving(db: Database, project_id: int) -> ModelVersion | None:
    """The version that predicts and ranks today."""
    row = db.execute("SELECT model_version_id FROM projects WHERE id = ?", [project_id]).fetchone()
    return get(db, row[0]) if row and row[0] else None


def labels_of(db: Database, version: ModelVersion) -> list[Label]:
    """The labels a version tells apart, in the order of its scores, as they are called today; some may be retired."""
    stored = db.execute(
        "SELECT json_extract(settings, '$.labels') FROM rounds WHERE id = ?", [version.round_id]
    ).fetchone()[0]
    if stored is None:  # the set is the same since
        return projects.get(db, version.project_id).labels
    rows = db.execute("SELECT id, name, position FROM labels WHERE project_id = ?", [version.project_id])
    known = {row["id"]: Label(*tuple(row)) for row in rows}
    return [known[label_id] for label_id in json.loads(stored)]


def fits(db: Database, version: ModelVersion) -> bool:
    """Whether a version tells apart the labels that the project has today."""
    known = {label.id for label in labels_of(db, version)}
    return known == {label.id for label in projects.get(db, version.project_id).labels}


def last_for_other_labels(db: Database, project_id: int) -> int | None:
    """The number of the latest version that was trained for other labels than today's."""
    # Only rounds from before a change carry their label set.
    rows = db.execute(
        "SELECT v.* FROM model_versions v JOIN rounds r ON r.id = v.round_id WHERE v.project_id = ?"
        " AND r.model_version_id = v.id AND json_extract(r.settings, '$.labels') IS NOT NULL ORDER BY v.number DESC",
        [project_id],
    ).fetchall()
    versions = (ModelVersion(*tuple(row)) for row in rows)
    return next((version.number for version in versions if not fits(db, version)), None)


def promote(db: Database, version_id: int, reason: str, by: int | None) -> None:
    """Let a version serve by hand, forward or back; the reason is logged."""
    version = get(db, version_id)
    with write_transaction(db):
        if not fits(db, version):
            raise InvalidValue("This version was trained for other labels, so it cannot serve.")
        db.execute("UPDATE projects SET model_version_id = ? WHERE id = ?", [version_id, version.project_id])
        audit.log(db, by, "model.promote", f"model_version:{version_id}", reason=reason)


def metrics(db: Database, version_id: int, part: str = "holdout") -> list[Metric]:
    """A version's scores on one part."""
    rows = db.execute(
        "SELECT part, slice, name, value, low, high, n FROM metrics WHERE model_version_id = ? AND part = ?",
        [version_id, part],
    )
    return [Metric(*tuple(row)) for row in rows]


def learning_curve(db: Database, project_id: int) -> list[CurvePoint]:
    """Holdout accuracy and macro-F1 of each version, in the order of rounds."""
    serves = serving(db, project_id)
    points = []
    for version in reversed(of_project(db, project_id)):
        scores = {metric.name: metric for metric in metrics(db, version.id) if metric.slice == "all"}
        points.append(
            CurvePoint(
                version.number,
                version.round_id,
                version.training_labels,
                serves is not None and version.id == serves.id,
                scores.get("accuracy"),
                scores.get("macro_f1"),
            )
        )
    return points


def withdrawn_labels(db: Database, project_id: int) -> dict[int, int]:
    """By version: how many of the labels it learned from were withdrawn or changed since, where there are any."""
    rows = db.execute(
        "WITH withdrawn AS MATERIALIZED (SELECT a.id, a.undone_by FROM annotations a"
        " JOIN reviews r ON r.id = a.review_id AND r.part = 'pool'"
        " WHERE a.project_id = :project AND a.action = 'label' AND a.undone_by IS NOT NULL)"
        " SELECT v.id, count(*) FROM model_versions v JOIN rounds n ON n.id = v.round_id"
        " JOIN withdrawn w ON w.id <= n.snapshot AND w.undone_by > n.snapshot WHERE v.project_id = :project"
        " GROUP BY v.id",
        {"project": project_id},
    )
    return {row[0]: row[1] for row in rows}


def _prediction(version_id: int, labels: Sequence[Label], scores: Scores) -> tuple[Any, ...]:
    order = sorted(range(len(labels)), key=lambda place: scores.probabilities[place], reverse=True)
    first, second = (scores.probabilities[place] for place in order[:2])
    rounded = [round(float(value), 4) for value in scores.probabilities]
    return (
        version_id,
        scores.review_id,
        labels[order[0]].id,
        float(first),
        float(first - second),
        json.dumps(rounded),
    )
