"""What is labelled: projects, their labels and their reviews, with full-text search."""

from sqlite_utils import Database

from migrations.ordered import migrations
from migrations.statements import execute_all


@migrations(name="0002_reviews")
def reviews(db: Database) -> None:
    """Create projects, labels, jobs, reviews and reviews_fts."""
    execute_all(
        db,
        """
CREATE TABLE projects (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    language TEXT NOT NULL,
    settings TEXT NOT NULL,
    ranking_id INTEGER REFERENCES rankings (id),
    model_version_id INTEGER REFERENCES model_versions (id),
    -- Kept by the import: counting a million rows on every card would be slow.
    review_count INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL
);
CREATE TABLE labels (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL COLLATE NOCASE,
    position INTEGER NOT NULL,
    UNIQUE (project_id, name),
    UNIQUE (project_id, position)
);
-- Long work of every kind but rounds; the columns from state to error are those of rounds.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('import', 'encode', 'export')),
    payload TEXT NOT NULL,
    result TEXT,
    state TEXT NOT NULL CHECK (state IN ('draft', 'queued', 'running', 'done', 'failed', 'cancelled')),
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
    finished_at TEXT
);
CREATE INDEX jobs_of_project ON jobs (project_id, kind, id);
CREATE INDEX jobs_open ON jobs (state, id) WHERE state IN ('queued', 'running');
CREATE TABLE reviews (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    import_id INTEGER REFERENCES jobs (id),
    external_id TEXT,
    text TEXT NOT NULL,
    text_hash BLOB NOT NULL,
    near_key BLOB NOT NULL,
    near_duplicate_of INTEGER REFERENCES reviews (id),
    language TEXT,
    rating REAL,
    product_id TEXT,
    author_id TEXT,
    reviewed_at TEXT,
    category TEXT,
    extra TEXT,
    part TEXT NOT NULL CHECK (part IN ('pool', 'holdout', 'validation')),
    -- A random number, drawn once: reading in its order is drawing uniformly without replacement.
    shuffle_key INTEGER NOT NULL,
    -- Labels asked of different people, and those still open; 0 keeps a review out of the queue.
    wanted INTEGER NOT NULL,
    needed INTEGER NOT NULL CHECK (needed >= 0),
    created_at TEXT NOT NULL
);
CREATE UNIQUE INDEX reviews_by_text ON reviews (project_id, text_hash);
CREATE UNIQUE INDEX reviews_by_external_id ON reviews (project_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX reviews_by_near_key ON reviews (project_id, near_key);
CREATE INDEX reviews_by_part ON reviews (project_id, part, shuffle_key);
CREATE INDEX reviews_open ON reviews (project_id, part, shuffle_key) WHERE needed > 0;
CREATE INDEX reviews_of_import ON reviews (import_id, id);
CREATE INDEX reviews_near_duplicates ON reviews (near_duplicate_of) WHERE near_duplicate_of IS NOT NULL;
-- Trigrams find Chinese, which has no spaces, as well as English.
CREATE VIRTUAL TABLE reviews_fts USING fts5 (
    text, content='reviews', content_rowid='id', tokenize='trigram', detail='none'
);
-- No trigger fills it on insert: an import adds a batch at once, three times as fast as row by row.
CREATE TRIGGER reviews_fts_delete AFTER DELETE ON reviews
BEGIN INSERT INTO reviews_fts (reviews_fts, rowid, text) VALUES ('delete', old.id, old.text); END;
CREATE TRIGGER reviews_fts_update AFTER UPDATE OF text ON reviews
BEGIN
    INSERT INTO reviews_fts (reviews_fts, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO reviews_fts (rowid, text) VALUES (new.id, new.text);
END;
""",
    )
