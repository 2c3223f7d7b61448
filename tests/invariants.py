"""What is true of every database at every commit, whatever killed whom."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlite_utils import Database

from webapp.store.reviews import NEEDED

# Each finds rows that contradict another table.
CONTRADICTIONS = {
    "an answered lease without its answer": "SELECT token FROM leases l WHERE ended = 'answered'"
    " AND NOT EXISTS (SELECT 1 FROM annotations WHERE lease_token = l.token)",
    "an answer whose lease goes on": "SELECT a.id FROM annotations a JOIN leases l ON l.token = a.lease_token"
    " WHERE l.ended IS NOT 'answered'",
    "a review that wants another number of labels": f"SELECT id FROM reviews WHERE wanted > 0"
    f" AND needed <> {NEEDED.format(wanted='wanted')}",
    "a withdrawal of nothing": "SELECT id FROM annotations u WHERE action = 'undo'"
    " AND NOT EXISTS (SELECT 1 FROM annotations WHERE undone_by = u.id)",
    "an answer withdrawn by another review's": "SELECT a.id FROM annotations a JOIN annotations u"
    " ON u.id = a.undone_by WHERE u.review_id <> a.review_id OR u.id < a.id",
    "two answers of one person": "SELECT review_id FROM annotations WHERE undone_by IS NULL AND action <> 'undo'"
    " GROUP BY review_id, annotator_id HAVING count(*) > 1",
    "two leases on one label": "SELECT review_id FROM leases l WHERE ended IS NULL GROUP BY review_id"
    " HAVING count(*) > (SELECT needed FROM reviews WHERE id = l.review_id)",
    "a disagreement that no admin would see": "SELECT r.id FROM reviews r JOIN current_labels c ON c.review_id = r.id"
    " WHERE NOT r.disputed GROUP BY r.id HAVING min(c.label_id) < max(c.label_id) AND max(c.created_at) >"
    " coalesce((SELECT max(d.created_at) FROM adjudications d WHERE d.review_id = r.id), '')",
    "a project that miscounts its reviews": "SELECT id FROM projects p WHERE review_count <>"
    " (SELECT count(*) FROM reviews WHERE project_id = p.id)",
}


def violations(db: Database) -> list[str]:
    """What is wrong; empty for a sound database."""
    found = [
        f"{name}: {row[0]}" for name, sql in CONTRADICTIONS.items() for row in db.execute(sql).fetchmany(3)
    ]
    found += [f"foreign key: {tuple(row)}" for row in db.execute("PRAGMA foreign_key_check").fetchmany(3)]
    return found + [row[0] for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]


def missing(db: Database, acknowledged: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Acknowledged answers (annotation, lease, label, undone) that the database does not hold just so.

    undone: None where nobody knows.
    """
    told = list(acknowledged)
    rows = db.execute(
        "SELECT id, lease_token, label_id, undone_by IS NOT NULL FROM annotations WHERE id IN"
        " (SELECT value FROM json_each(?))",
        [json.dumps([each["annotation"] for each in told])],
    )
    stored = {row[0]: tuple(row)[1:] for row in rows.fetchall()}
    return [each for each in told if not _is_stored(each, stored.get(each["annotation"]))]


def _is_stored(told: Mapping[str, Any], row: tuple[Any, ...] | None) -> bool:
    if row is None:
        return False
    lease, label, undone = row
    return (lease, label) == (told["lease"], told["label"]) and told["undone"] in (None, bool(undone))
