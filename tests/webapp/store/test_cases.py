"""Disagreements are marked as they come, so that a page need not read every label to count what waits."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from builders import NOON
from effort import steps_of
from invariants import violations
from sqlite_utils import Database

from webapp.store import adjudications, annotations, cases, label_sets, my_answers, projects, queue
from webapp.store.annotations import Answer
from webapp.store.errors import StoreError
from webapp.store.projects import Project
from webapp.store.queue import Lease

# What a disagreement is, asked of all labels.
PLAINLY = """SELECT r.id FROM reviews r JOIN current_labels c ON c.review_id = r.id
    WHERE r.project_id = ? AND r.excluded_at IS NULL AND r.needed = 0
    GROUP BY r.id HAVING min(c.label_id) < max(c.label_id)
    AND max(c.created_at) > coalesce((SELECT max(d.created_at) FROM adjudications d WHERE d.review_id = r.id), '')
    ORDER BY r.id"""


def marked(db: Database, project: Project, now: datetime) -> list[int]:
    """The reviews that wait as disagreements, one after the other."""
    found: list[int] = []
    while (
        following := cases.following(db, project.id, "disagreement", max(found, default=0), now)
    ) not in found:
        if following is None:
            break
        found.append(following)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_what_is_marked_is_what_the_labels_say(
    db: Database, people: list[int], a_project: Callable[..., Project], seed: int
) -> None:
    draw = random.Random(seed)
    project = a_project(12, overlap_share=1.0, overlap_labels=2)
    db.execute("UPDATE jobs SET state = 'done'")
    now, root = NOON, people[-1]
    seen = 0

    def label(person: int) -> None:
        lease = queue.claim(db, project.id, person, now)
        if isinstance(lease, Lease):
            chosen = draw.choice(projects.get(db, project.id).labels)
            annotations.record(db, lease.token, person, Answer("label", chosen.id), now)

    def change(person: int) -> None:
        mine = my_answers.find(db, project.id, person)
        if mine:
            chosen = draw.choice(projects.get(db, project.id).labels)
            annotations.change(db, draw.choice(mine).id, person, Answer("label", chosen.id), now)

    def undo(person: int) -> None:
        annotations.undo_last(db, project.id, person, now)

    def decide(_person: int) -> None:
        chosen = draw.choice(projects.get(db, project.id).labels)
        adjudications.decide(db, draw.randint(1, 12), chosen.id, root, "", now)

    def take_back(_person: int) -> None:
        last = adjudications.latest_by(db, project.id, root, NOON)
        if last is not None:
            adjudications.take_back(db, last.id, root, now)

    def retire(_person: int) -> None:
        labels = projects.get(db, project.id).labels
        if draw.random() < 0.2:
            one, other = draw.sample(labels, 2)
            label_sets.retire(db, project.id, one.id, draw.choice([other.id, None]), root, now)
            label_sets.add(db, project.id, f"label {now}", root, now)

    for _ in range(150):
        now += timedelta(minutes=1)
        act = draw.choice([label, label, label, label, change, undo, decide, take_back, retire])
        with suppress(StoreError):
            act(draw.choice(people[:3]))
        expected = [row["id"] for row in db.execute(PLAINLY, [project.id])]
        assert marked(db, project, now) == expected
        seen += bool(expected)
    assert seen > 20 and violations(db) == []


def test_counting_what_waits_reads_neither_the_labels_that_agree_nor_what_is_settled(
    db: Database, people: list[int], a_project: Callable[..., Project]
) -> None:
    project = a_project(400, overlap_share=1.0)
    ids = [row["id"] for row in db.execute("SELECT id FROM reviews")]
    disputed = ids[:200]
    db.conn.executemany(
        "INSERT INTO annotations (project_id, review_id, annotator_id, action, label_id, origin, created_at)"
        " VALUES (?, ?, ?, 'label', ?, 'audit', '2026-01-01')",
        [
            (project.id, review, person, project.labels[review in disputed and person == people[0]].id)
            for review in ids
            for person in people[:2]
        ],
    )
    db.execute("UPDATE reviews SET needed = 0")
    db.conn.executemany(
        "INSERT INTO adjudications (review_id, label_id, decided_by, created_at) VALUES (?, ?, ?, '2026-01-02')",
        [(review, project.labels[0].id, people[-1]) for review in disputed[1:]],
    )
    db.conn.commit()
    assert cases.waiting(db, project.id, NOON) == 1
    assert steps_of(db, lambda: cases.waiting(db, project.id, NOON)) < 400
