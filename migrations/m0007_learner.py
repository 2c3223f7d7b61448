"""Learn better: weak labels of stars, what a round says of itself, a fixed set to judge stability by, simulations."""

from sqlite_utils import Database

from migrations.ordered import migrations
from migrations.statements import execute_all, reword


@migrations(name="0007_learner")
def learner(db: Database) -> None:
    """Add what rounds, stop advice and simulations need to remember."""
    execute_all(
        db,
        """
-- What the learner says of the round, as JSON: which classifier it chose and why, what the next labels would bring.
ALTER TABLE rounds ADD COLUMN report TEXT NOT NULL DEFAULT '{}';
-- How many star ratings a version learned from beside the labels of people.
ALTER TABLE model_versions ADD COLUMN weak_labels INTEGER NOT NULL DEFAULT 0;
-- What each version says of the project's fixed stop set: stable answers are a reason to stop.
CREATE TABLE stop_predictions (
    model_version_id INTEGER NOT NULL REFERENCES model_versions (id) ON DELETE CASCADE,
    review_id INTEGER NOT NULL REFERENCES reviews (id) ON DELETE CASCADE,
    label_id INTEGER NOT NULL REFERENCES labels (id),
    PRIMARY KEY (model_version_id, review_id)
) WITHOUT ROWID;
CREATE INDEX stop_predictions_of_review ON stop_predictions (review_id);
""",
    )
    reword(db, "jobs", "'quality', 'erase')", "'quality', 'erase', 'simulate')")
