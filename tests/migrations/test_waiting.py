"""Step 0008: disputes that waited before it wait after it, and settled ones do not."""

from pathlib import Path

from sqlite_utils import Database

import migrations
from webapp.store.connection import open_database


def before(tmp_path: Path) -> Database:
    """A database as the steps before this one leave it."""
    db = open_database(tmp_path / "winnow.sqlite", create=True)
    migrations.migrations.apply(db, stop_before="0008_waiting")
    return db


def test_what_is_disputed_is_worked_out_from_the_labels_there_are(tmp_path: Path) -> None:
    db = before(tmp_path)
    db.execute("INSERT INTO users VALUES (1, 'ada', 'h', 'annotator', NULL, '', NULL, NULL, NULL, NULL)")
    db.execute("INSERT INTO users VALUES (2, 'ben', 'h', 'annotator', NULL, '', NULL, NULL, NULL, NULL)")
    db.execute(
        "INSERT INTO projects (id, name, language, settings, created_at) VALUES (1, 'p', 'en', '{}', '')"
    )
    db.execute(
        "INSERT INTO labels (id, project_id, name, position) VALUES (1, 1, 'good', 0), (2, 1, 'bad', 1)"
    )
    cases = {
        "agreed": [(1, 1, "2026-01-01"), (2, 1, "2026-01-01")],
        "disputed": [(1, 1, "2026-01-01"), (2, 2, "2026-01-01")],
        "settled": [(1, 1, "2026-01-01"), (2, 2, "2026-01-01")],
        "disputed since": [(1, 1, "2026-01-01"), (2, 2, "2026-01-03")],
    }
    for number, (text, labels) in enumerate(cases.items(), 1):
        db.execute(
            "INSERT INTO reviews (id, project_id, text, text_hash, near_key, part, shuffle_key, wanted, needed,"
            " created_at) VALUES (?, 1, ?, ?, ?, 'pool', ?, 2, 0, '')",
            [number, text, text.encode(), text.encode(), number],
        )
        for person, label, moment in labels:
            db.execute(
                "INSERT INTO annotations (project_id, review_id, annotator_id, action, label_id, origin, created_at)"
                " VALUES (1, ?, ?, 'label', ?, 'audit', ?)",
                [number, person, label, moment],
            )
    db.execute(
        "INSERT INTO adjudications (review_id, label_id, decided_by, created_at)"
        " SELECT id, 1, 1, '2026-01-02' FROM reviews WHERE text IN ('settled', 'disputed since')"
    )
    db.conn.commit()
    migrations.apply(db)
    found = [row["text"] for row in db.execute("SELECT text FROM reviews WHERE disputed ORDER BY id")]
    assert found == ["disputed", "disputed since"]
