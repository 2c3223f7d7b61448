"""Which review a person gets next: what is free for them, in which order, and why nothing is."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from webapp.store import projects
from webapp.store.connection import from_timestamp, timestamp

# A skipped review comes back to the same person after a while; others get it once that person passed again,
# or did not come back to it for a day.
SKIP_RETURNS = timedelta(hours=1)
SKIP_PASSES = timedelta(days=1)
# So many people may pass on a review before it waits for an admin.
SKIPPERS = 2

_ANSWERS = "FROM annotations a WHERE a.review_id = r.id AND a.undone_by IS NULL AND a.action <> 'undo'"
# More labels wanted than others are giving; neither held nor answered by this person; nobody's skip pending.
FREE = f"""r.needed > 0 AND r.needed > (SELECT count(*) FROM leases l WHERE l.review_id = r.id AND l.ended IS NULL)
    AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.review_id = r.id AND l.user_id = :user AND l.ended IS NULL)
    AND NOT EXISTS (SELECT 1 {_ANSWERS} AND CASE WHEN a.annotator_id = :user
        THEN a.action <> 'skip' OR a.attempt > 1 OR a.created_at > :returned
        ELSE a.action = 'skip' AND a.attempt = 1 AND a.created_at > :passed END)
    AND (SELECT count(*) {_ANSWERS} AND a.action = 'skip') < {SKIPPERS}"""
# Tried in turn: second looks, the ranking, then the serving model's own uncertainty, then chance.
SOURCES = (
    """SELECT r.id, 'disagreement' AS origin, NULL AS probability, NULL AS ranking_id
    FROM second_looks s JOIN reviews r ON r.id = s.review_id
    WHERE s.project_id = :project AND {free} ORDER BY s.id LIMIT 1""",
    """SELECT r.id, i.origin, i.probability, i.ranking_id
    FROM projects p JOIN ranking_items i ON i.ranking_id = p.ranking_id JOIN reviews r ON r.id = i.review_id
    WHERE p.id = :project AND {free} ORDER BY i.rank LIMIT 1""",
    """SELECT r.id, 'uncertain' AS origin, NULL AS probability, p.ranking_id
    FROM projects p JOIN predictions d ON d.model_version_id = p.model_version_id JOIN reviews r ON r.id = d.review_id
    WHERE p.id = :project AND r.part = 'pool' AND {free} ORDER BY d.margin LIMIT 1""",
    *(
        f"""SELECT r.id, '{origin}' AS origin, NULL AS probability, NULL AS ranking_id FROM reviews r
        WHERE r.project_id = :project AND r.part = '{part}' AND {{free}} ORDER BY r.shuffle_key LIMIT 1"""
        for part, origin in (("pool", "audit"), ("holdout", "holdout"), ("validation", "validation"))
    ),
)
# Settled by somebody else and not answered by this person: on screen it looks like any other review.
GOLD = """SELECT r.id, 'gold' AS origin, NULL AS probability, NULL AS ranking_id
    FROM adjudications d CROSS JOIN reviews r ON r.id = d.review_id
    WHERE {assigned} r.project_id = :project AND r.excluded_at IS NULL AND d.decided_by <> :user
    AND NOT EXISTS (SELECT 1 FROM annotations a WHERE a.review_id = r.id AND a.annotator_id = :user
        AND a.undone_by IS NULL AND a.action <> 'undo')
    AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.review_id = r.id AND l.user_id = :user AND l.ended IS NULL)
    ORDER BY random() LIMIT 1"""


@dataclass(frozen=True)
class QueueEmpty:
    """Why there is nothing to label, and in how many seconds to look again if that is known.

    reason: no-reviews, paused, all-leased (others are on the last ones), skipped (only what this person skipped),
    not-assigned (what is left is in none of their languages and categories) or nothing-left.
    """

    reason: str
    retry_after: int | None = None


def best(db: Database, project_id: int, user_id: int, now: datetime) -> Any:
    """The review this person should label next, with origin, probability and ranking_id; None if there is none."""
    values = _values(project_id, user_id, now)
    assigned = _assigned(db, values)
    share = projects.get(db, project_id).settings.gold_share
    if share and random.random() < share:  # noqa: S311 - a sample, not a secret
        row = db.execute(GOLD.format(assigned=assigned), values).fetchone()
        if row is not None:
            return row
    return _first(db, assigned + FREE, values)


def has_room(db: Database, review_id: int, user_id: int, now: datetime) -> bool:
    """Whether this person may still label this review."""
    values = {**_values(0, user_id, now), "review": review_id}
    return (
        db.execute(f"SELECT 1 FROM reviews r WHERE r.id = :review AND {FREE}", values).fetchone() is not None
    )


def why_empty(db: Database, project_id: int, user_id: int, now: datetime) -> QueueEmpty:
    """What to tell somebody for whom `best` found nothing."""
    if not db.execute("SELECT 1 FROM reviews WHERE project_id = ? LIMIT 1", [project_id]).fetchone():
        return QueueEmpty("no-reviews")
    values = _values(project_id, user_id, now)
    assigned = _assigned(db, values)
    waits = {
        "all-leased": _earliest(db, _HELD_BY_OTHERS.format(assigned=assigned), values),
        "skipped": _earliest(db, _SKIPPED_BY_ME.format(assigned=assigned), values, SKIP_RETURNS),
    }
    passed = _earliest(db, _SKIPPED_BY_OTHERS.format(assigned=assigned), values, SKIP_PASSES)
    waits["all-leased"] = min((moment for moment in (waits["all-leased"], passed) if moment), default=None)
    known = {reason: moment for reason, moment in waits.items() if moment is not None}
    if known:
        reason = min(known, key=lambda each: known[each])
        return QueueEmpty(reason, max(1, int((known[reason] - now).total_seconds())))
    if assigned and _first(db, FREE, values) is not None:
        return QueueEmpty("not-assigned")
    return QueueEmpty("nothing-left")


_HELD_BY_OTHERS = """SELECT min(l.expires_at) FROM leases l JOIN reviews r ON r.id = l.review_id
    WHERE {assigned} l.project_id = :project AND l.ended IS NULL AND l.user_id <> :user AND r.needed > 0
    AND NOT EXISTS (SELECT 1 FROM annotations a WHERE a.review_id = r.id AND a.annotator_id = :user
        AND a.undone_by IS NULL AND a.action <> 'undo')"""
_SKIPPED = """SELECT min(k.created_at) FROM annotations k JOIN reviews r ON r.id = k.review_id
    WHERE {assigned} k.project_id = :project AND k.action = 'skip' AND k.undone_by IS NULL AND k.attempt = 1
    AND r.needed > 0 AND (SELECT count(*) FROM annotations a WHERE a.review_id = r.id AND a.action = 'skip'
        AND a.undone_by IS NULL AND a.action <> 'undo') < """ + str(SKIPPERS)
_SKIPPED_BY_ME = f"{_SKIPPED} AND k.annotator_id = :user AND k.created_at > :returned"
_SKIPPED_BY_OTHERS = f"""{_SKIPPED} AND k.annotator_id <> :user AND k.created_at > :passed
    AND NOT EXISTS (SELECT 1 {_ANSWERS} AND a.annotator_id = :user)"""


def _values(project_id: int, user_id: int, now: datetime) -> dict[str, object]:
    return {
        "project": project_id,
        "user": user_id,
        "returned": timestamp(now - SKIP_RETURNS),
        "passed": timestamp(now - SKIP_PASSES),
    }


def _assigned(db: Database, values: dict[str, object]) -> str:
    """The first condition on `r` for somebody who has languages or categories of their own; empty for all others.

    First, since a rare category then skips most reviews without a look at their answers.
    """
    mine = "g.project_id = :project AND g.user_id = :user"
    if db.execute(f"SELECT 1 FROM assignments g WHERE {mine}", values).fetchone() is None:
        return ""
    return (
        f"EXISTS (SELECT 1 FROM assignments g JOIN projects q ON q.id = g.project_id WHERE {mine}"
        " AND coalesce(g.language, r.language, q.language) = coalesce(r.language, q.language)"
        " AND coalesce(g.category, r.category, '') = coalesce(r.category, '')) AND "
    )


def _first(db: Database, free: str, values: dict[str, object]) -> Any:
    found = (db.execute(source.format(free=free), values).fetchone() for source in SOURCES)
    return next((row for row in found if row is not None), None)


def _earliest(
    db: Database, question: str, values: dict[str, object], after: timedelta = timedelta()
) -> datetime | None:
    """The earliest moment the question finds, plus a while."""
    found = db.execute(question, values).fetchone()[0]
    return from_timestamp(found) + after if found else None
