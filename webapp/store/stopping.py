"""What the advice when to stop rests on: the stop set, what each version says of it, what a label takes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from webapp.store import model_versions, work
from webapp.store.chunks import in_turn
from webapp.store.connection import write_transaction
from webapp.store.model_versions import Metric, ModelVersion


@dataclass(frozen=True)
class Former:
    """A version published before: its accuracy on one part, and label ids by review of the stop set."""

    version: ModelVersion
    accuracy: Metric | None
    answers: dict[int, int]


def stop_set(db: Database, project_id: int, size: int) -> tuple[list[int], list[str]]:
    """Ids and texts of pool reviews drawn at random once and for all, whether labelled since or not."""
    rows = db.execute(
        "SELECT id, text FROM reviews WHERE project_id = ? AND part = 'pool' AND excluded_at IS NULL"
        " ORDER BY shuffle_key LIMIT ?",
        [project_id, size],
    ).fetchall()
    return [row["id"] for row in rows], [row["text"] for row in rows]


def add_answers(db: Database, claim: work.Claim, version_id: int, answers: Mapping[int, int]) -> None:
    """Store what a version says of the stop set: label ids by review; fenced."""
    for chunk in in_turn(db, list(answers.items())):
        with write_transaction(db):
            work.check(db, claim)
            db.conn.executemany(
                "INSERT INTO stop_predictions (model_version_id, review_id, label_id) VALUES (?, ?, ?)",
                [(version_id, review_id, label_id) for review_id, label_id in chunk],
            )


def former(db: Database, project_id: int, part: str) -> list[Former]:
    """The published versions for today's labels, oldest first."""
    found = []
    for version in reversed(model_versions.of_project(db, project_id)):
        if model_versions.fits(db, version):
            scores = {m.name: m for m in model_versions.metrics(db, version.id, part) if m.slice == "all"}
            found.append(Former(version, scores.get("accuracy"), _answers(db, version.id)))
    return found


def seconds_per_label(db: Database, project_id: int) -> float | None:
    """The median time that people took for a label; None where nobody's is known."""
    rows = db.execute(
        "SELECT seconds FROM annotations WHERE project_id = ? AND action = 'label' AND undone_by IS NULL"
        " AND origin <> 'import' AND seconds > 0 ORDER BY seconds",
        [project_id],
    ).fetchall()
    return float(rows[len(rows) // 2]["seconds"]) if rows else None


def advice(db: Database, project_id: int) -> dict[str, Any] | None:
    """What the latest finished round says of going on or stopping; None before one does."""
    row = db.execute(
        "SELECT json_extract(report, '$.stopping') AS stopping FROM rounds WHERE project_id = ? AND state = 'done'"
        " ORDER BY number DESC LIMIT 1",
        [project_id],
    ).fetchone()
    found: dict[str, Any] | None = json.loads(row["stopping"]) if row and row["stopping"] else None
    return found


def _answers(db: Database, version_id: int) -> dict[int, int]:
    rows: Sequence[Any] = db.execute(
        "SELECT review_id, label_id FROM stop_predictions WHERE model_version_id = ?", [version_id]
    ).fetchall()
    return {row["review_id"]: row["label_id"] for row in rows}
