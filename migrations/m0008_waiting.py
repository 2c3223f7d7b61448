"""What waits, found without reading all: open reviews by kind, disputed ones, overlap to apply; leases recalled."""

from sqlite_utils import Database

from migrations.ordered import migrations
from migrations.statements import execute_all, reword


@migrations(name="0008_waiting")
def waiting(db: Database) -> None:
    """Add what lets each claim and each page look at what waits alone."""
    execute_all(
        db,
        """
-- The next review of somebody who labels some categories or languages alone. `needed` spares the look at the row.
CREATE INDEX reviews_open_by_category ON reviews (project_id, category, language, needed) WHERE needed > 0;
CREATE INDEX reviews_open_by_language ON reviews (project_id, language, needed) WHERE needed > 0;
-- Whether two labels differ and nothing was decided since. Some too many are marked (an answer was withdrawn), none
-- too few: who asks looks at their labels again.
ALTER TABLE reviews ADD COLUMN disputed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX reviews_disputed ON reviews (project_id) WHERE disputed;
UPDATE reviews SET disputed = 1 WHERE id IN (SELECT c.review_id FROM current_labels c GROUP BY c.review_id
    HAVING min(c.label_id) < max(c.label_id) AND max(c.created_at) > coalesce(
        (SELECT max(d.created_at) FROM adjudications d WHERE d.review_id = c.review_id), ''));
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
-- From which review on the project's overlap settings are still to be applied; NULL where all reviews have them.
ALTER TABLE projects ADD COLUMN overlap_from INTEGER;
""",
    )
    # An admin took the review back: unlike one that its page released, such a lease does not come back to life.
    reword(db, "leases", "'released', 'expired')", "'released', 'expired', 'recalled')")
