"""Labelling: leases, the log of annotations, and decisions on disagreements."""

from sqlite_utils import Database

from migrations.ordered import migrations
from migrations.statements import execute_all


@migrations(name="0003_annotations")
def annotations(db: Database) -> None:
    """Create leases, annotations, adjudications and the views current_labels and gold_labels."""
    execute_all(
        db,
        """
CREATE TABLE leases (
    token TEXT PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    review_id INTEGER NOT NULL REFERENCES reviews (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    ranking_id INTEGER REFERENCES rankings (id),
    origin TEXT NOT NULL,
    probability REAL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    ended TEXT CHECK (ended IN ('answered', 'released', 'expired'))
) WITHOUT ROWID;
CREATE UNIQUE INDEX leases_live ON leases (review_id, user_id) WHERE ended IS NULL;
CREATE INDEX leases_live_of_user ON leases (user_id, project_id) WHERE ended IS NULL;
CREATE INDEX leases_to_expire ON leases (expires_at) WHERE ended IS NULL;
CREATE TABLE annotations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    review_id INTEGER NOT NULL REFERENCES reviews (id) ON DELETE CASCADE,
    annotator_id INTEGER NOT NULL REFERENCES users (id),
    action TEXT NOT NULL CHECK (action IN ('label', 'skip', 'flag', 'undo')),
    label_id INTEGER REFERENCES labels (id),
    note TEXT NOT NULL DEFAULT '',
    seconds REAL,
    lease_token TEXT UNIQUE,
    ranking_id INTEGER REFERENCES rankings (id),
    origin TEXT NOT NULL CHECK (origin IN
        ('uncertain', 'diverse', 'audit', 'seed', 'holdout', 'validation', 'disagreement', 'import')),
    probability REAL,
    shown TEXT NOT NULL DEFAULT 'blind' CHECK (shown IN ('blind', 'suggestion')),
    undone_by INTEGER REFERENCES annotations (id),
    created_at TEXT NOT NULL,
    CHECK ((action = 'label') = (label_id IS NOT NULL))
);
-- The lock behind "never two current answers by one person on one review".
CREATE UNIQUE INDEX annotations_current ON annotations (review_id, annotator_id)
    WHERE undone_by IS NULL AND action <> 'undo';
CREATE INDEX annotations_of_user ON annotations (project_id, annotator_id, id);
CREATE INDEX annotations_labels ON annotations (project_id, annotator_id, created_at)
    WHERE action = 'label' AND undone_by IS NULL;
CREATE TABLE adjudications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    review_id INTEGER NOT NULL REFERENCES reviews (id) ON DELETE CASCADE,
    label_id INTEGER NOT NULL REFERENCES labels (id),
    decided_by INTEGER NOT NULL REFERENCES users (id),
    reason TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL
);
CREATE INDEX adjudications_of_review ON adjudications (review_id, id);
CREATE VIEW current_labels AS
    SELECT id, project_id, review_id, annotator_id, label_id, created_at FROM annotations
    WHERE action = 'label' AND undone_by IS NULL;
""",
    )
