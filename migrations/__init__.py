"""The schema, step by step. A step is never edited once it has shipped; `schema.sql` shows the sum of them."""

from sqlite_utils import Database

from migrations import (  # noqa: F401
    m0001_people,
    m0002_reviews,
    m0003_annotations,
    m0004_rounds,
    m0005_team,
    m0006_safe,
    m0007_learner,
    m0008_waiting,
)
from migrations.ordered import migrations


def apply(db: Database) -> list[str]:
    """Apply the pending steps, all or none; returns their names. A second process waits, then finds nothing to do."""
    db.execute("BEGIN IMMEDIATE")
    try:
        names = pending(db)
        migrations.apply(db)  # its own transactions nest inside ours as savepoints
        db.execute("COMMIT")
    except BaseException:
        db.conn.rollback()
        raise
    return names


def pending(db: Database) -> list[str]:
    """Names of the steps this database still lacks."""
    return [step.name for step in migrations.pending(db)]


def schema(db: Database) -> str:
    """Today's schema as SQL, without SQLite's and sqlite-utils' own tables; a restore compares it with the backup's."""
    rows = db.execute(
        # By type as well: a trigger is nobody's but ours, whatever it is called.
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND (type IN ('trigger', 'view')"
        " OR name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_sqlite%' ESCAPE '\\'"
        " AND name NOT LIKE 'reviews_fts\\_%' ESCAPE '\\' AND name NOT LIKE 'idx\\_\\_sqlite%' ESCAPE '\\')"
        " ORDER BY rowid"
    )
    return "\n\n".join(f"{row[0]};" for row in rows) + "\n"
