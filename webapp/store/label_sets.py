"""Label sets: rename, reorder, add and retire the labels of a project without losing what people said with them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from webapp.store import audit, jobs, projects, relabelling, rounds
from webapp.store.connection import timestamp, write_transaction
from webapp.store.errors import InvalidValue, NameTaken, NotFound, StillWorking
from webapp.store.projects import Label

FEWEST, MOST = 2, 9
LONGEST_NAME = 40
# Positions from here on are of labels that have no key any more.
OUT_OF_THE_WAY = 1_000
# Work that reads the label set when it starts and relies on it until it ends.
RELIES_ON_LABELS = ("import", "quality")


@dataclass(frozen=True)
class Retired:
    """A label that is no longer given; its name is kept for it."""

    id: int
    name: str
    retired_at: str


@dataclass(frozen=True)
class Impact:
    """What retiring a label touches: current labels by each person, and decisions that chose it."""

    labels: int
    decisions: int
    people: list[tuple[str, int]]


def retired(db: Database, project_id: int) -> list[Retired]:
    """Labels that were in the set earlier, the latest first."""
    rows = db.execute(
        "SELECT id, name, retired_at FROM labels WHERE project_id = ? AND retired_at IS NOT NULL"
        " ORDER BY retired_at DESC, id DESC",
        [project_id],
    )
    return [Retired(*tuple(row)) for row in rows]


def label_counts(db: Database, project_id: int) -> dict[int, int]:
    """Current labels by label id."""
    rows = db.execute(
        "SELECT label_id, count(*) FROM current_labels WHERE project_id = ? GROUP BY label_id", [project_id]
    )
    return {row[0]: row[1] for row in rows}


def refuse_while_working(db: Database, project_id: int) -> None:
    """StillWorking while something relies on the labels as they are, with the way out."""
    if rounds.open_round(db, project_id) is not None:
        raise StillWorking("A round is open. Wait until it ends, or cancel it, then change the labels.")
    working = [jobs.open_job(db, project_id, kind) for kind in RELIES_ON_LABELS]
    # A check that waits takes the labels as it finds them; it follows each round by itself.
    if any(job is not None and (job.kind != "quality" or job.state == "running") for job in working):
        raise StillWorking(
            "An import or a check of the labels is running. Wait until it ends, then change the labels."
        )


def rename(db: Database, project_id: int, label_id: int, name: str, by: int | None, now: datetime) -> None:
    """Another name for the same label: labels, scores and the serving model go on under it."""
    with write_transaction(db):
        label = _label(db, project_id, label_id)
        name = _checked_name(name)
        if name == label.name:
            return
        refuse_while_working(db, project_id)
        taken = _named(db, project_id, name)
        if taken not in (None, label_id):
            raise NameTaken("Another label has this name, or had it. Choose another one.")
        _rename_in_metrics(db, project_id, label.name, name)
        db.execute("UPDATE labels SET name = ? WHERE id = ?", [name, label_id])
        audit.log(
            db, by, "label.rename", f"label:{label_id}", now, project=project_id, was=label.name, name=name
        )


def move(db: Database, project_id: int, label_id: int, steps: int, by: int | None, now: datetime) -> None:
    """Move a label up (negative) or down among the keys; past the ends it stays."""
    with write_transaction(db):
        _label(db, project_id, label_id)
        order = [label.id for label in projects.get(db, project_id).labels]
        place = order.index(label_id)
        target = min(len(order) - 1, max(0, place + steps))
        if target == place:
            return
        refuse_while_working(db, project_id)
        _remember_for_rounds(db, project_id)
        order.insert(target, order.pop(place))
        _set_order(db, order)
        audit.log(db, by, "label.order", f"project:{project_id}", now, order=order)


def add(db: Database, project_id: int, name: str, by: int | None, now: datetime) -> Label:
    """A further label, on the next key; a name that was retired comes back as it was.

    No model version knows the new set, so none serves until the next round.
    """
    with write_transaction(db):
        project = projects.get(db, project_id)
        name = _checked_name(name)
        if project.label_named(name) is not None:
            raise NameTaken("There is a label of this name already.")
        if len(project.labels) >= MOST:
            raise InvalidValue("A project has 2 to 9 labels: each gets one number key.")
        refuse_while_working(db, project_id)
        _remember_for_rounds(db, project_id)
        place = len(project.labels)
        label_id = _named(db, project_id, name)
        if label_id is not None:
            db.execute(
                "UPDATE labels SET retired_at = NULL, position = ?, name = ? WHERE id = ?",
                [place, name, label_id],
            )
        else:
            label_id = db.execute(
                "INSERT INTO labels (project_id, name, position) VALUES (?, ?, ?) RETURNING id",
                [project_id, name, place],
            ).fetchone()[0]
        _stop_serving(db, project_id)
        audit.log(db, by, "label.add", f"label:{label_id}", now, project=project_id, name=name)
        return _label(db, project_id, label_id)


def impact(db: Database, project_id: int, label_id: int) -> Impact:
    """What retiring this label would touch."""
    _label(db, project_id, label_id)
    people = db.execute(
        "SELECT u.name, count(*) AS n FROM current_labels c JOIN users u ON u.id = c.annotator_id"
        " WHERE c.project_id = ? AND c.label_id = ? GROUP BY u.id ORDER BY n DESC, u.name",
        [project_id, label_id],
    ).fetchall()
    decisions = len(relabelling.decided(db, project_id, label_id))
    return Impact(sum(row["n"] for row in people), decisions, [(row["name"], row["n"]) for row in people])


def retire(
    db: Database, project_id: int, label_id: int, into: int | None, by: int | None, now: datetime
) -> Impact:
    """Take a label out of the set; what was said with it becomes `into`, or is withdrawn where that is None.

    All in one transaction; the log keeps every answer as it was given. No version serves until the next round.
    """
    with write_transaction(db):
        label = _label(db, project_id, label_id)
        order = [each.id for each in projects.get(db, project_id).labels]
        if len(order) <= FEWEST:
            raise InvalidValue("A project has 2 to 9 labels: each gets one number key.")
        if into is not None and (into == label_id or into not in order):
            raise InvalidValue("Choose another label of this project to move to.")
        refuse_while_working(db, project_id)
        _remember_for_rounds(db, project_id)
        touched = impact(db, project_id, label_id)
        if into is None:
            relabelling.withdraw(db, project_id, label_id, by, now)
        else:
            relabelling.move(db, project_id, label_id, into, now)
        relabelling.drop_findings(db, project_id, label_id)
        db.execute(
            "UPDATE labels SET retired_at = ?, position = ? WHERE id = ?",
            [timestamp(now), OUT_OF_THE_WAY + label_id, label_id],
        )
        _set_order(db, [each for each in order if each != label_id])
        _stop_serving(db, project_id)
        audit.log(
            db, by, "label.retire", f"label:{label_id}", now, project=project_id, name=label.name,
            into=into, labels=touched.labels, decisions=touched.decisions,
        )  # fmt: skip
    return touched


def _label(db: Database, project_id: int, label_id: int) -> Label:
    found = next((label for label in projects.get(db, project_id).labels if label.id == label_id), None)
    if found is None:
        raise NotFound("This label is not in the project any more.")
    return found


def _named(db: Database, project_id: int, name: str) -> int | None:
    """The label that has or had this name, whatever its case (also of letters that SQLite does not fold)."""
    rows = db.execute("SELECT id, name FROM labels WHERE project_id = ?", [project_id])
    return next((row["id"] for row in rows if row["name"].casefold() == name.casefold()), None)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidValue("A label has 1 to 40 printable characters.")
    return name


def _remember_for_rounds(db: Database, project_id: int) -> None:
    """Write the present set, in its order, down with each round trained on it, for model_versions.labels_of."""
    labels = json.dumps([label.id for label in projects.get(db, project_id).labels])
    db.execute(
        "UPDATE rounds SET settings = json_set(settings, '$.labels', json(?)) WHERE project_id = ?"
        " AND json_extract(settings, '$.labels') IS NULL",
        [labels, project_id],
    )


def _set_order(db: Database, label_ids: Sequence[int]) -> None:
    """Positions 0, 1, 2 … in this order, by way of free ones: two labels never have the same."""
    for start in (-len(label_ids), 0):
        for place, label_id in enumerate(label_ids, start):
            db.execute("UPDATE labels SET position = ? WHERE id = ?", [place, label_id])


def _stop_serving(db: Database, project_id: int) -> None:
    db.execute("UPDATE projects SET model_version_id = NULL WHERE id = ?", [project_id])


def _rename_in_metrics(db: Database, project_id: int, old: str, new: str) -> None:
    """Metrics name labels: in their slice, and both of a cell of the confusion matrix in their name."""
    names = [row["name"] for row in db.execute("SELECT name FROM labels WHERE project_id = ?", [project_id])]
    cells = {f"confusion:{old}:{old}": f"confusion:{new}:{new}"}
    for other in names:
        if other != old:
            cells[f"confusion:{old}:{other}"] = f"confusion:{new}:{other}"
            cells[f"confusion:{other}:{old}"] = f"confusion:{other}:{new}"
    versions = "model_version_id IN (SELECT id FROM model_versions WHERE project_id = ?)"
    db.execute(
        f"UPDATE metrics SET slice = ? WHERE slice = ? AND slice <> 'all' AND {versions}",
        [new, old, project_id],
    )
    for was, becomes in cells.items():
        db.execute(f"UPDATE metrics SET name = ? WHERE name = ? AND {versions}", [becomes, was, project_id])
