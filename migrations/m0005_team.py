"""The team: guidelines, assignments, second looks, suggestions, skips with a reason, consensus, suspect labels."""

from sqlite_utils import Database

from migrations.ordered import migrations
from migrations.statements import execute_all, reword


@migrations(name="0005_team")
def team(db: Database) -> None:
    """Add what several people need to label together, and let gold checks and quality jobs into the old tables."""
    execute_all(
        db,
        """
CREATE TABLE guidelines (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    created_by INTEGER REFERENCES users (id),
    created_at TEXT NOT NULL,
    UNIQUE (project_id, number)
);
-- Somebody with a row here gets only reviews that fit one of their rows; NULL fits all.
CREATE TABLE assignments (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    language TEXT,
    category TEXT,
    CHECK (language IS NOT NULL OR category IS NOT NULL)
);
CREATE UNIQUE INDEX assignments_once
    ON assignments (project_id, user_id, coalesce(language, ''), coalesce(category, ''));
-- Labels asked for beyond what the overlap settings want; these reviews come before the ranking.
CREATE TABLE second_looks (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    review_id INTEGER NOT NULL REFERENCES reviews (id) ON DELETE CASCADE,
    labels INTEGER NOT NULL CHECK (labels > 0),
    requested_by INTEGER REFERENCES users (id),
    created_at TEXT NOT NULL
);
CREATE INDEX second_looks_of_project ON second_looks (project_id, id);
CREATE INDEX second_looks_of_review ON second_looks (review_id);
CREATE TABLE consensus (
    review_id INTEGER PRIMARY KEY REFERENCES reviews (id) ON DELETE CASCADE,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    label_id INTEGER NOT NULL REFERENCES labels (id),
    method TEXT NOT NULL CHECK (method IN ('single', 'majority', 'dawid-skene', 'gold')),
    confidence REAL NOT NULL,
    votes INTEGER NOT NULL,
    snapshot INTEGER NOT NULL
);
CREATE INDEX consensus_of_project ON consensus (project_id, review_id);
CREATE TABLE suspects (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    review_id INTEGER NOT NULL REFERENCES reviews (id) ON DELETE CASCADE,
    label_id INTEGER NOT NULL REFERENCES labels (id),
    suggested_id INTEGER NOT NULL REFERENCES labels (id),
    star_id INTEGER REFERENCES labels (id),
    score REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'dismissed', 'sent-back', 'adjudicated')),
    decided_by INTEGER REFERENCES users (id),
    decided_at TEXT,
    created_at TEXT NOT NULL,
    UNIQUE (project_id, review_id)
);
CREATE INDEX suspects_open ON suspects (project_id, score) WHERE state = 'open';
CREATE TABLE saved_views (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL COLLATE NOCASE,
    query TEXT NOT NULL,
    created_by INTEGER REFERENCES users (id),
    created_at TEXT NOT NULL,
    UNIQUE (project_id, name)
);
ALTER TABLE users ADD COLUMN keys TEXT;
ALTER TABLE projects ADD COLUMN paused_at TEXT;
ALTER TABLE labels ADD COLUMN retired_at TEXT;
-- Left out of queue, training and consensus by an admin's decision.
ALTER TABLE reviews ADD COLUMN excluded_at TEXT;
-- The order in which one person sees what they hold.
ALTER TABLE leases ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE leases ADD COLUMN guidelines_id INTEGER REFERENCES guidelines (id);
-- What the model would say; it was on screen only where shown is 'suggestion'.
ALTER TABLE leases ADD COLUMN suggestion_id INTEGER REFERENCES labels (id);
ALTER TABLE leases ADD COLUMN confidence REAL;
ALTER TABLE leases ADD COLUMN shown TEXT NOT NULL DEFAULT 'blind' CHECK (shown IN ('blind', 'suggestion'));
ALTER TABLE annotations ADD COLUMN guidelines_id INTEGER REFERENCES guidelines (id);
ALTER TABLE annotations ADD COLUMN suggestion_id INTEGER REFERENCES labels (id);
ALTER TABLE annotations ADD COLUMN reason TEXT
    CHECK (reason IN ('unclear', 'other-language', 'not-a-review', 'mixed'));
-- How often this person skipped the review by now; 1 for every other answer.
ALTER TABLE annotations ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;
-- Somebody who is assigned a rare category finds it without a look at the reviews themselves.
DROP INDEX reviews_open;
CREATE INDEX reviews_open ON reviews (project_id, part, shuffle_key, language, category, needed) WHERE needed > 0;
CREATE INDEX annotations_skipped ON annotations (project_id, created_at)
    WHERE action = 'skip' AND undone_by IS NULL;
CREATE INDEX annotations_flagged ON annotations (project_id, review_id) WHERE action = 'flag' AND undone_by IS NULL;
-- The last two columns are the same in every row: with them, who counts labels by review reads nothing else.
CREATE INDEX annotations_labels_by_review ON annotations (project_id, review_id, label_id, action, undone_by)
    WHERE action = 'label' AND undone_by IS NULL;
CREATE INDEX reviews_left_out ON reviews (project_id) WHERE excluded_at IS NOT NULL;
-- annotations_current serves only who asks for exactly what it holds: everything else of one review is found here.
CREATE INDEX annotations_of_review ON annotations (review_id, annotator_id);
""",
    )
    reword(db, "annotations", "'disagreement', 'import')", "'disagreement', 'import', 'gold')")
    reword(db, "jobs", "('import', 'encode', 'export')", "('import', 'encode', 'export', 'quality')")
