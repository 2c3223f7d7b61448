CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('annotator', 'admin')),
    locale TEXT,
    created_at TEXT NOT NULL,
    disabled_at TEXT
, keys TEXT, password_expires_at TEXT, erased_at TEXT);

CREATE TABLE sessions (
    token_hash BLOB PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL,
    seen_at TEXT NOT NULL
, agent TEXT NOT NULL DEFAULT '') WITHOUT ROWID;

CREATE INDEX sessions_of_user ON sessions (user_id);

CREATE TABLE api_tokens (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    prefix TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT,
    last_used_at TEXT,
    revoked_at TEXT
, name TEXT NOT NULL DEFAULT '', created_by INTEGER REFERENCES users (id));

CREATE TABLE login_failures (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL COLLATE NOCASE,
    address TEXT NOT NULL,
    at TEXT NOT NULL
);

CREATE INDEX login_failures_by_name ON login_failures (name, at);

CREATE INDEX login_failures_by_address ON login_failures (address, at);

CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    user_id INTEGER REFERENCES users (id),
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT '{}'
);

CREATE TRIGGER audit_log_is_never_edited BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END;

CREATE TRIGGER audit_log_is_never_deleted BEFORE DELETE ON audit_log
BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END;

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
, paused_at TEXT, overlap_from INTEGER);

CREATE TABLE labels (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL COLLATE NOCASE,
    position INTEGER NOT NULL, retired_at TEXT,
    UNIQUE (project_id, name),
    UNIQUE (project_id, position)
);

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('import', 'encode', 'export', 'quality', 'erase', 'simulate')),
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
, held_by TEXT, steps INTEGER NOT NULL DEFAULT 0, retry_at TEXT);

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
, excluded_at TEXT, original TEXT, excluded_reason TEXT, disputed INTEGER NOT NULL DEFAULT 0);

CREATE UNIQUE INDEX reviews_by_text ON reviews (project_id, text_hash);

CREATE UNIQUE INDEX reviews_by_external_id ON reviews (project_id, external_id) WHERE external_id IS NOT NULL;

CREATE INDEX reviews_by_near_key ON reviews (project_id, near_key);

CREATE INDEX reviews_by_part ON reviews (project_id, part, shuffle_key);

CREATE INDEX reviews_of_import ON reviews (import_id, id);

CREATE INDEX reviews_near_duplicates ON reviews (near_duplicate_of) WHERE near_duplicate_of IS NOT NULL;

CREATE VIRTUAL TABLE reviews_fts USING fts5 (
    text, content='reviews', content_rowid='id', tokenize='trigram', detail='none'
);

CREATE TRIGGER reviews_fts_delete AFTER DELETE ON reviews
BEGIN INSERT INTO reviews_fts (reviews_fts, rowid, text) VALUES ('delete', old.id, old.text); END;

CREATE TRIGGER reviews_fts_update AFTER UPDATE OF text ON reviews
BEGIN
    INSERT INTO reviews_fts (reviews_fts, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO reviews_fts (rowid, text) VALUES (new.id, new.text);
END;

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
    ended TEXT CHECK (ended IN ('answered', 'released', 'expired', 'recalled'))
, turn INTEGER NOT NULL DEFAULT 0, guidelines_id INTEGER REFERENCES guidelines (id), suggestion_id INTEGER REFERENCES labels (id), confidence REAL, shown TEXT NOT NULL DEFAULT 'blind' CHECK (shown IN ('blind', 'suggestion'))) WITHOUT ROWID;

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
        ('uncertain', 'diverse', 'audit', 'seed', 'holdout', 'validation', 'disagreement', 'import', 'gold')),
    probability REAL,
    shown TEXT NOT NULL DEFAULT 'blind' CHECK (shown IN ('blind', 'suggestion')),
    undone_by INTEGER REFERENCES annotations (id),
    created_at TEXT NOT NULL, guidelines_id INTEGER REFERENCES guidelines (id), suggestion_id INTEGER REFERENCES labels (id), reason TEXT
    CHECK (reason IN ('unclear', 'other-language', 'not-a-review', 'mixed')), attempt INTEGER NOT NULL DEFAULT 1,
    CHECK ((action = 'label') = (label_id IS NOT NULL))
);

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

CREATE TABLE rounds (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    cause TEXT NOT NULL CHECK (cause IN ('button', 'command', 'automatic', 'api')),
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
    finished_at TEXT, held_by TEXT, steps INTEGER NOT NULL DEFAULT 0, retry_at TEXT, report TEXT NOT NULL DEFAULT '{}',
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
    created_at TEXT NOT NULL, stale_since TEXT, weak_labels INTEGER NOT NULL DEFAULT 0,
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
, boot TEXT NOT NULL DEFAULT '', born TEXT NOT NULL DEFAULT '');

CREATE TABLE guidelines (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    created_by INTEGER REFERENCES users (id),
    created_at TEXT NOT NULL,
    UNIQUE (project_id, number)
);

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

CREATE INDEX reviews_open ON reviews (project_id, part, shuffle_key, language, category, needed) WHERE needed > 0;

CREATE INDEX annotations_skipped ON annotations (project_id, created_at)
    WHERE action = 'skip' AND undone_by IS NULL;

CREATE INDEX annotations_flagged ON annotations (project_id, review_id) WHERE action = 'flag' AND undone_by IS NULL;

CREATE INDEX annotations_labels_by_review ON annotations (project_id, review_id, label_id, action, undone_by)
    WHERE action = 'label' AND undone_by IS NULL;

CREATE INDEX reviews_left_out ON reviews (project_id) WHERE excluded_at IS NOT NULL;

CREATE INDEX annotations_of_review ON annotations (review_id, annotator_id);

CREATE TABLE backups (
    id INTEGER PRIMARY KEY,
    cause TEXT NOT NULL CHECK (cause IN ('command', 'schedule', 'button')),
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    file TEXT NOT NULL,
    bytes INTEGER,
    sha256 TEXT,
    error TEXT,
    started_at TEXT NOT NULL,
    heartbeat_at TEXT NOT NULL,
    finished_at TEXT
);

CREATE UNIQUE INDEX backups_one_running ON backups (state) WHERE state = 'running';

CREATE TABLE alarms (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT '{}',
    raised_at TEXT NOT NULL,
    cleared_at TEXT,
    cleared_by INTEGER REFERENCES users (id)
);

CREATE UNIQUE INDEX alarms_open ON alarms (name, subject) WHERE cleared_at IS NULL;

CREATE TABLE annotation_counts (
    project_id INTEGER PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
    annotations INTEGER NOT NULL,
    counted_at TEXT NOT NULL
);

CREATE TABLE rate_counts (
    subject TEXT NOT NULL,
    window_start INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (subject, window_start)
) WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    token_id INTEGER NOT NULL REFERENCES api_tokens (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    status INTEGER,
    body TEXT,
    created_at TEXT NOT NULL,
    PRIMARY KEY (token_id, key)
) WITHOUT ROWID;

CREATE TABLE erasures (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('customer', 'annotator')),
    subject_key BLOB NOT NULL,
    -- Where a customer was erased in one project only.
    project_id INTEGER REFERENCES projects (id) ON DELETE CASCADE,
    reviews INTEGER NOT NULL DEFAULT 0,
    annotations INTEGER NOT NULL DEFAULT 0,
    -- Model versions that were trained on the erased texts, as a JSON list of ids.
    model_versions TEXT NOT NULL DEFAULT '[]',
    requested_by INTEGER REFERENCES users (id),
    state TEXT NOT NULL CHECK (state IN ('running', 'done')),
    created_at TEXT NOT NULL,
    finished_at TEXT
);

CREATE INDEX erasures_by_subject ON erasures (kind, subject_key);

CREATE INDEX leases_of_review ON leases (review_id);

CREATE INDEX suspects_of_review ON suspects (review_id);

CREATE INDEX annotations_undone_by ON annotations (undone_by) WHERE undone_by IS NOT NULL;

CREATE INDEX api_tokens_of_user ON api_tokens (user_id);

CREATE INDEX audit_log_by_user ON audit_log (user_id, id);

CREATE INDEX audit_log_by_action ON audit_log (action, id);

CREATE INDEX reviews_of_author ON reviews (author_id) WHERE author_id IS NOT NULL;

CREATE TABLE stop_predictions (
    model_version_id INTEGER NOT NULL REFERENCES model_versions (id) ON DELETE CASCADE,
    review_id INTEGER NOT NULL REFERENCES reviews (id) ON DELETE CASCADE,
    label_id INTEGER NOT NULL REFERENCES labels (id),
    PRIMARY KEY (model_version_id, review_id)
) WITHOUT ROWID;

CREATE INDEX stop_predictions_of_review ON stop_predictions (review_id);

CREATE INDEX reviews_open_by_category ON reviews (project_id, category, language, needed) WHERE needed > 0;

CREATE INDEX reviews_open_by_language ON reviews (project_id, language, needed) WHERE needed > 0;

CREATE INDEX reviews_disputed ON reviews (project_id) WHERE disputed;

CREATE TRIGGER labels_that_differ_dispute AFTER INSERT ON annotations WHEN NEW.action = 'label'
BEGIN UPDATE reviews SET disputed = 1 WHERE id = NEW.review_id AND NOT disputed AND EXISTS (
    SELECT 1 FROM annotations a WHERE a.review_id = NEW.review_id AND a.undone_by IS NULL AND a.action <> 'undo'
    AND a.label_id <> NEW.label_id); END;

CREATE TRIGGER decisions_end_disputes AFTER INSERT ON adjudications
BEGIN UPDATE reviews SET disputed = 0 WHERE id = NEW.review_id AND disputed; END;

CREATE TRIGGER decisions_taken_back_dispute AFTER DELETE ON adjudications
BEGIN UPDATE reviews SET disputed = 1 WHERE id = OLD.review_id AND (
    SELECT min(a.label_id) < max(a.label_id) FROM annotations a
    WHERE a.review_id = OLD.review_id AND a.undone_by IS NULL AND a.action <> 'undo'); END;
