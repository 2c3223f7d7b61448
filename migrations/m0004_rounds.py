"""Learning: rounds, the model versions they make, and what a version says of the reviews."""

from sqlite_utils import Database

from migrations.ordered import migrations
from migrations.statements import execute_all


@migrations(name="0004_rounds")
def rounds(db: Database) -> None:
    """Create rounds, model_versions, metrics, rankings, ranking_items, predictions and workers."""
    execute_all(
        db,
        """
CREATE TABLE rounds (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    cause TEXT NOT NULL CHECK (cause IN ('button', 'command', 'automatic')),
    settings TEXT NOT NULL,
    snapshot INTEGER NOT NULL,
    model_version_id INTEGER REFERENCES model_versions (id),
    timings TEXT NOT NULL DEFAULT '{}',
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    phase TEXT,
    progress REAL NOT NULL DEFAULT 0,
    eta_seconds REAL,
    heartbeat_at TEXT,
    fencing_token INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    requested_by INTEGER REFERENCES users (id),
    created_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    UNIQUE (project_id, number)
);
CREATE UNIQUE INDEX rounds_one_open ON rounds (project_id) WHERE state IN ('queued', 'running');
CREATE TABLE model_versions (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    round_id INTEGER NOT NULL UNIQUE REFERENCES rounds (id),
    number INTEGER NOT NULL,
    encoder TEXT NOT NULL,
    encoder_sha256 TEXT NOT NULL,
    classifier TEXT NOT NULL,
    checkpoint TEXT NOT NULL,
    manifest_sha256 TEXT NOT NULL,
    training_labels INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (project_id, number)
);
CREATE TABLE metrics (
    model_version_id INTEGER NOT NULL REFERENCES model_versions (id) ON DELETE CASCADE,
    part TEXT NOT NULL,
    slice TEXT NOT NULL,
    name TEXT NOT NULL,
    value REAL NOT NULL,
    low REAL,
    high REAL,
    n INTEGER NOT NULL,
    PRIMARY KEY (model_version_id, part, slice, name)
) WITHOUT ROWID;
CREATE TABLE rankings (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    round_id INTEGER REFERENCES rounds (id),
    model_version_id INTEGER REFERENCES model_versions (id),
    created_at TEXT NOT NULL
);
CREATE TABLE ranking_items (
    ranking_id INTEGER NOT NULL REFERENCES rankings (id) ON DELETE CASCADE,
    rank INTEGER NOT NULL,
    review_id INTEGER NOT NULL REFERENCES reviews (id) ON DELETE CASCADE,
    origin TEXT NOT NULL,
    probability REAL,
    PRIMARY KEY (ranking_id, rank)
) WITHOUT ROWID;
CREATE INDEX ranking_items_of_review ON ranking_items (review_id);
CREATE TABLE predictions (
    model_version_id INTEGER NOT NULL REFERENCES model_versions (id) ON DELETE CASCADE,
    review_id INTEGER NOT NULL REFERENCES reviews (id) ON DELETE CASCADE,
    label_id INTEGER NOT NULL REFERENCES labels (id),
    confidence REAL NOT NULL,
    margin REAL NOT NULL,
    scores TEXT NOT NULL,
    PRIMARY KEY (model_version_id, review_id)
) WITHOUT ROWID;
CREATE INDEX predictions_by_margin ON predictions (model_version_id, margin);
CREATE INDEX predictions_of_review ON predictions (review_id);
CREATE TABLE workers (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_at TEXT NOT NULL,
    heartbeat_at TEXT NOT NULL
);
""",
    )
