"""Keep safe: backups, alarms, tokens with limits, sessions people can see, masking, erasure."""

from sqlite_utils import Database

from migrations.ordered import migrations
from migrations.statements import execute_all, reword


@migrations(name="0006_safe")
def safe(db: Database) -> None:
    """Add what reliability, access and privacy need to remember."""
    execute_all(
        db,
        """
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
-- Two workers must not both make the scheduled one.
CREATE UNIQUE INDEX backups_one_running ON backups (state) WHERE state = 'running';
-- What the invariant monitor and others found wrong, until somebody has dealt with it.
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
-- How many rows of the log of annotations a project had when the monitor last looked; erasure lowers it, nothing else.
CREATE TABLE annotation_counts (
    project_id INTEGER PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
    annotations INTEGER NOT NULL,
    counted_at TEXT NOT NULL
);
-- Requests of one subject in one window of time, counted where all processes see it.
CREATE TABLE rate_counts (
    subject TEXT NOT NULL,
    window_start INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (subject, window_start)
) WITHOUT ROWID;
-- The answer to a request that may be sent twice.
CREATE TABLE idempotency_keys (
    token_id INTEGER NOT NULL REFERENCES api_tokens (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    status INTEGER,
    body TEXT,
    created_at TEXT NOT NULL,
    PRIMARY KEY (token_id, key)
) WITHOUT ROWID;
-- Who was erased, without saying who: the key is an HMAC under the instance's secret key.
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
-- Deleting a review looks for what refers to it, and without these reads each of the tables whole.
CREATE INDEX leases_of_review ON leases (review_id);
CREATE INDEX suspects_of_review ON suspects (review_id);
CREATE INDEX annotations_undone_by ON annotations (undone_by) WHERE undone_by IS NOT NULL;
ALTER TABLE api_tokens ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE api_tokens ADD COLUMN created_by INTEGER REFERENCES users (id);
CREATE INDEX api_tokens_of_user ON api_tokens (user_id);
-- What people need to tell their own sessions apart.
ALTER TABLE sessions ADD COLUMN agent TEXT NOT NULL DEFAULT '';
-- A password that somebody else has set is good for one login until then.
ALTER TABLE users ADD COLUMN password_expires_at TEXT;
ALTER TABLE users ADD COLUMN erased_at TEXT;
-- The text before masking, where an import was told to keep it.
ALTER TABLE reviews ADD COLUMN original TEXT;
CREATE INDEX audit_log_by_user ON audit_log (user_id, id);
CREATE INDEX audit_log_by_action ON audit_log (action, id);
-- Why a review was left out, in an admin's own words: the log, which forgets nothing, no longer has them.
ALTER TABLE reviews ADD COLUMN excluded_reason TEXT;
UPDATE reviews SET excluded_reason = (SELECT json_extract(a.detail, '$.reason') FROM audit_log a
    WHERE a.at = reviews.excluded_at AND a.action = 'review.leave_out' AND a.subject = 'review:' || reviews.id)
    WHERE excluded_at IS NOT NULL;
CREATE INDEX reviews_of_author ON reviews (author_id) WHERE author_id IS NOT NULL;
-- Since when a version knows texts that were erased since.
ALTER TABLE model_versions ADD COLUMN stale_since TEXT;
-- Which worker runs it, a count that moves with every sign of progress, and when it may be tried again.
ALTER TABLE rounds ADD COLUMN held_by TEXT;
ALTER TABLE rounds ADD COLUMN steps INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rounds ADD COLUMN retry_at TEXT;
ALTER TABLE jobs ADD COLUMN held_by TEXT;
ALTER TABLE jobs ADD COLUMN steps INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN retry_at TEXT;
-- A process number comes again; the start of the machine and of the process tell whose it is.
ALTER TABLE workers ADD COLUMN boot TEXT NOT NULL DEFAULT '';
ALTER TABLE workers ADD COLUMN born TEXT NOT NULL DEFAULT '';
""",
    )
    reword(db, "rounds", "'command', 'automatic')", "'command', 'automatic', 'api')")
    reword(db, "jobs", "'export', 'quality')", "'export', 'quality', 'erase')")
