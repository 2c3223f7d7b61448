"""Many reviews at once: chosen one by one or by filters, changed in small steps so that nobody labelling waits."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlite_utils import Database

from webapp.store import audit, browse, labelled
from webapp.store.connection import timestamp, write_transaction
from webapp.store.errors import InvalidValue
from webapp.store.filters import Filters
from webapp.store.reviews import NEEDED
from webapp.store.second_looks import MOST_LABELS

CHUNK = 250
# Writers wait for each other by trying again: without a gap the next step would mostly win.
GAP_SECONDS = 0.01
CATEGORY_LIMIT = 200

_THESE = "id IN (SELECT value FROM json_each(:ids))"
_OF_THESE = "review_id IN (SELECT value FROM json_each(:ids))"
_GIVEN = (
    "(SELECT count(*) FROM annotations a WHERE a.review_id = reviews.id AND a.action = 'label'"
    " AND a.undone_by IS NULL AND a.origin <> 'gold')"
)
_RECOUNT = f"UPDATE reviews SET needed = {NEEDED.format(wanted='wanted')} WHERE {_THESE}"


@dataclass(frozen=True)
class Selection:
    """Reviews by id, or all that match the filters where `ids` is None."""

    filters: Filters
    ids: tuple[int, ...] | None = None


def chosen(db: Database, project_id: int, selection: Selection) -> list[int]:
    """The ids of a selection, as they are now; those of other projects are passed over."""
    if selection.ids is None:
        return browse.ids(db, project_id, selection.filters)
    rows = db.execute(
        f"SELECT id FROM reviews WHERE project_id = :project AND {_THESE} ORDER BY id",
        {"project": project_id, "ids": json.dumps(selection.ids)},
    )
    return [row["id"] for row in rows]


def leave_out(db: Database, project_id: int, ids: list[int], by: int, now: datetime) -> int:
    """Take reviews out of queue, training and agreement; how many were in until now. Their answers are kept."""

    def step(values: dict[str, Any]) -> int:
        changed = db.execute(
            f"UPDATE reviews SET excluded_at = :now WHERE {_THESE} AND excluded_at IS NULL", values
        ).rowcount
        db.execute(_RECOUNT, values)
        db.execute(f"UPDATE leases SET ended = 'recalled' WHERE {_OF_THESE} AND ended IS NULL", values)
        return changed

    return _in_steps(db, project_id, "leave_out", ids, by, now, step)


def take_back_in(db: Database, project_id: int, ids: list[int], by: int, now: datetime) -> int:
    """Undo `leave_out`: the reviews wait for the labels that they still want; how many were out until now."""

    def step(values: dict[str, Any]) -> int:
        # Settings that changed meanwhile set what a review wants to nothing.
        changed = db.execute(
            "UPDATE reviews SET excluded_at = NULL, excluded_reason = NULL,"
            " wanted = max(wanted, near_duplicate_of IS NULL)"
            f" WHERE {_THESE} AND excluded_at IS NOT NULL",
            values,
        ).rowcount
        db.execute(_RECOUNT, values)
        return changed

    return _in_steps(db, project_id, "take_back_in", ids, by, now, step)


def set_category(db: Database, project_id: int, ids: list[int], category: str, by: int, now: datetime) -> int:
    """Give the reviews a category, or none where it is empty; how many had another."""
    category = category.strip()
    if len(category) > CATEGORY_LIMIT:
        raise InvalidValue(f"A category has at most {CATEGORY_LIMIT} characters.")

    def step(values: dict[str, Any]) -> int:
        return db.execute(
            f"UPDATE reviews SET category = :category WHERE {_THESE} AND category IS NOT :category",
            {**values, "category": category or None},
        ).rowcount

    return _in_steps(db, project_id, "set_category", ids, by, now, step, category=category)


def ask_for_labels(
    db: Database,
    project_id: int,
    ids: list[int],
    labels: int,
    by: int,
    now: datetime,
    based_on: int | None = None,
) -> int:
    """Ask so many more people for a label of each; how many were asked. Settled and left-out ones stay closed.

    based_on: the newest request in the project that one has seen; reviews for which somebody asked since are passed
    over, so that a form that is sent twice asks once, and one that was cut off goes on.
    """
    if not 1 <= labels <= MOST_LABELS:
        raise InvalidValue(f"A second look asks for 1 to {MOST_LABELS} labels.")

    def step(values: dict[str, Any]) -> int:
        values = {**values, "project": project_id, "labels": labels, "by": by, "seen": based_on}
        asked = db.execute(
            f"UPDATE reviews SET wanted = max(wanted, {_GIVEN}) + :labels WHERE {_THESE} AND excluded_at IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM adjudications d WHERE d.review_id = reviews.id)"
            " AND NOT EXISTS (SELECT 1 FROM second_looks s WHERE s.review_id = reviews.id AND s.id > :seen)"
            " RETURNING id",
            values,
        ).fetchall()
        values["ids"] = json.dumps([row["id"] for row in asked])
        db.execute(_RECOUNT, values)
        db.execute(
            "INSERT INTO second_looks (project_id, review_id, labels, requested_by, created_at)"
            " SELECT :project, value, :labels, :by, :now FROM json_each(:ids)",
            values,
        )
        return len(asked)

    return _in_steps(db, project_id, "ask_for_labels", ids, by, now, step)


def label_rows(db: Database, project_id: int, selection: Selection) -> Iterator[dict[str, Any]]:
    """The rows of the labels export, of these reviews alone."""
    wanted = set(chosen(db, project_id, selection))
    return (row for row in labelled.export_rows(db, project_id) if row["id"] in wanted)


def _in_steps(
    db: Database,
    project_id: int,
    action: str,
    ids: list[int],
    by: int,
    now: datetime,
    step: Callable[[dict[str, Any]], int],
    **detail: object,
) -> int:
    """Run one step a chunk, each a transaction; the first says in the log what is begun."""
    changed = 0
    remaining = iter(ids)
    while chunk := list(islice(remaining, CHUNK)):
        with write_transaction(db):
            if chunk[0] == ids[0]:
                audit.log(db, by, f"reviews.{action}", f"project:{project_id}", now, count=len(ids), **detail)
            changed += step({"ids": json.dumps(chunk), "now": timestamp(now)})
        time.sleep(GAP_SECONDS)
    return changed
