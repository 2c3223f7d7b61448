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
        THEN a.action <> 'skip' OR a.attempt > 1 OR (a.created_at > :returned AND a.created_at <= :ahead)
        ELSE a.action = 'skip' AND a.attempt = 1 AND a.created_at > :passed AND a.created_at <= :ahead END)
    AND (SELECT count(*) {_ANSWERS} AND a.action = 'skip') < {SKIPPERS}"""
# From so many open reviews on, one of the first in the model's order, or in chance's, is likely to be free. Of fewer it
# is quicker to look at each: among a million predictions the last few of a rare category stand anywhere.
MANY = 200
_OPEN = "SELECT r.id FROM reviews r WHERE r.project_id = :project AND r.needed > 0"
_MINE = "g.project_id = :project AND g.user_id = :user"
# One question for each index: by category, by language, and by the project's language for those that name none. The
# words INDEXED BY make sure: without them SQLite reads every open review of the project.
_OPEN_AND_ASSIGNED = " UNION ALL ".join(
    f"""SELECT r.id FROM assignments g JOIN projects q ON q.id = g.project_id CROSS JOIN reviews r INDEXED BY {index}
    ON r.project_id = g.project_id AND r.needed > 0 AND {fits} WHERE {_MINE}"""
    for index, fits in (
        (
            "reviews_open_by_category",
            "r.category = g.category AND (g.language IS NULL OR g.language = coalesce(r.language, q.language))",
        ),
        ("reviews_open_by_language", "g.category IS NULL AND r.language = g.language"),
        ("reviews_open_by_language", "g.category IS NULL AND r.language IS NULL AND g.language = q.language"),
    )
)
# Tried in turn: second looks, the ranking, then the serving model's own uncertainty, then chance.
CHOSEN = (
    """SELECT r.id, 'disagreement' AS origin, NULL AS probability, NULL AS ranking_id
    FROM second_looks s JOIN reviews r ON r.id = s.review_id
    WHERE s.project_id = :project AND {free} ORDER BY s.id LIMIT 1""",
    """SELECT r.id, i.origin, i.probability, i.ranking_id
    FROM projects p JOIN ranking_items i ON i.ranking_id = p.ranking_id JOIN reviews r ON r.id = i.review_id
    WHERE p.id = :project AND {free} ORDER BY i.rank LIMIT 1""",
)
AMONG_MANY = (
    """SELECT r.id, 'uncertain' AS origin, NULL AS probability, p.ranking_id
    FROM projects p JOIN predictions d ON d.model_version_id = p.model_version_id JOIN reviews r ON r.id = d.review_id
    WHERE p.id = :project AND r.part = 'pool' AND {free} ORDER BY d.margin LIMIT 1""",
    *(
        f"""SELECT r.id, '{origin}' AS origin, NULL AS probability, NULL AS ranking_id FROM reviews r
        WHERE r.project_id = :project AND r.part = '{part}' AND {{free}} ORDER BY r.shuffle_key LIMIT 1"""
        for part, origin in (("pool", "audit"), ("holdout", "holdout"), ("validation", "validation"))
    ),
)
# The same order, from the reviews to their predictions.
AMONG_FEW = (
    """SELECT r.id, CASE WHEN d.margin IS NOT NULL THEN 'uncertain' WHEN r.part = 'pool' THEN 'audit' ELSE r.part END
    AS origin, NULL AS probability, CASE WHEN d.margin IS NOT NULL THEN p.ranking_id END AS ranking_id
    FROM ({open}) o CROSS JOIN reviews r ON r.id = o.id CROSS JOIN projects p ON p.id = r.project_id
    LEFT JOIN predictions d ON d.model_version_id = p.model_version_id AND d.review_id = r.id AND r.part = 'pool'
    WHERE {free} ORDER BY d.margin IS NULL, d.margin, r.part <> 'pool', r.part, r.shuffle_key LIMIT 1""",
)
# A check is put to everybody once, however many labels the review wants.
UNCHECKED = f"""r.excluded_at IS NULL AND NOT EXISTS (SELECT 1 {_ANSWERS} AND a.annotator_id = :user)
    AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.review_id = r.id AND l.user_id = :user AND l.ended IS NULL)"""
# Settled by somebody else and not answered by this person: on screen it looks like any other review.
GOLD = f"""SELECT r.id, 'gold' AS origin, NULL AS probability, NULL AS ranking_id
    FROM adjudications d CROSS JOIN reviews r ON r.id = d.review_id
    WHERE {{assigned}} r.project_id = :project AND d.decided_by <> :user AND {UNCHECKED} ORDER BY random() LIMIT 1"""


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
    return _first(db, assigned, values)


def has_room(db: Database, project_id: int, user_id: int, review_id: int, origin: str, now: datetime) -> bool:
    """Whether this person, who does not hold this review now, may get it again: it is theirs to label and free."""
    values = {**_values(project_id, user_id, now), "review": review_id}
    free = UNCHECKED if origin == "gold" else FREE
    question = f"SELECT 1 FROM reviews r WHERE {_assigned(db, values)} r.id = :review AND {free}"
    return db.execute(question, values).fetchone() is not None


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
    if assigned and _first(db, "", values) is not None:
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
_SKIPPED_BY_ME = (
    f"{_SKIPPED} AND k.annotator_id = :user AND k.created_at > :returned AND k.created_at <= :ahead"
)
_SKIPPED_BY_OTHERS = f"""{_SKIPPED} AND k.annotator_id <> :user AND k.created_at > :passed AND k.created_at <= :ahead
    AND NOT EXISTS (SELECT 1 {_ANSWERS} AND a.annotator_id = :user)"""


def _values(project_id: int, user_id: int, now: datetime) -> dict[str, object]:
    return {
        "project": project_id,
        "user": user_id,
        "returned": timestamp(now - SKIP_RETURNS),
        "passed": timestamp(now - SKIP_PASSES),
        # A skip from later on is from before the clock was set back: it would keep the review for as long as that.
        "ahead": timestamp(now + SKIP_RETURNS),
    }


def _assigned(db: Database, values: dict[str, object]) -> str:
    """The first condition on `r` for somebody who has languages or categories of their own; empty for all others.

    First, since a rare category then skips most reviews without a look at their answers.
    """
    if db.execute(f"SELECT 1 FROM assignments g WHERE {_MINE}", values).fetchone() is None:
        return ""
    return (
        f"EXISTS (SELECT 1 FROM assignments g JOIN projects q ON q.id = g.project_id WHERE {_MINE}"
        " AND coalesce(g.language, r.language, q.language) = coalesce(r.language, q.language)"
        " AND coalesce(g.category, r.category, '') = coalesce(r.category, '')) AND "
    )


def _first(db: Database, assigned: str, values: dict[str, object]) -> Any:
    """The best free review of those that are assigned, or of all."""
    open_reviews = _OPEN_AND_ASSIGNED if assigned else _OPEN
    count = f"SELECT count(*) FROM (SELECT 1 FROM ({open_reviews}) LIMIT {MANY})"
    number = db.execute(count, values).fetchone()[0]
    if not number:
        return None
    sources = (*CHOSEN, *(AMONG_MANY if number == MANY else AMONG_FEW))
    parts = {"free": assigned + FREE, "open": open_reviews}
    found = (db.execute(source.format(**parts), values).fetchone() for source in sources)
    return next((row for row in found if row is not None), None)


def _earliest(
    db: Database, question: str, values: dict[str, object], after: timedelta = timedelta()
) -> datetime | None:
    """The earliest moment the question finds, plus a while."""
    found = db.execute(question, values).fetchone()[0]
    return from_timestamp(found) + after if found else None
