"""Sway: labels given with a suggestion on screen against blind ones."""

from collections.abc import Callable

from sqlite_utils import Database

from webapp.figures.proportions import Proportion
from webapp.store import sway
from webapp.store.projects import Project

Answers = Callable[..., None]


def answered(
    db: Database,
    project: Project,
    person: int,
    review_id: int,
    shown: str,
    follows: bool,
    origin: str = "audit",
) -> None:
    """A label beside a suggestion, the same or another."""
    label, suggestion = project.labels[0].id, project.labels[0 if follows else 1].id
    with db.conn:
        db.execute(
            "INSERT INTO annotations (project_id, review_id, annotator_id, action, label_id, origin, shown,"
            " suggestion_id, created_at) VALUES (?, ?, ?, 'label', ?, ?, ?, ?, '2026-03-01')",
            [project.id, review_id, person, label, origin, shown, suggestion],
        )


def test_a_blind_project_has_nothing_to_compare(
    db: Database, people: list[int], a_project: Callable[..., Project]
) -> None:
    project = a_project(2)
    answered(db, project, people[0], 1, "blind", follows=True)
    found = sway.of_project(db, project.id)
    assert found == sway.Sway() and found.difference is None


def test_only_labels_that_chance_assigned_are_compared(
    db: Database, people: list[int], a_project: Callable[..., Project]
) -> None:
    ada, ben = people[:2]
    project = a_project(12)
    answered(db, project, ada, 1, "blind", follows=False)  # before suggestions were on
    answered(db, project, ada, 2, "suggestion", follows=True)
    answered(db, project, ada, 3, "blind", follows=True)
    answered(db, project, ada, 4, "blind", follows=False, origin="holdout")  # always blind
    answered(db, project, ada, 5, "blind", follows=False, origin="gold")
    answered(db, project, ben, 6, "blind", follows=False)
    answered(db, project, ben, 7, "suggestion", follows=False)
    answered(db, project, ada, 8, "blind", follows=False)  # after suggestions were off
    assert sway.by_person(db, project.id) == {
        ada: sway.Sway(Proportion(1, 1), Proportion(1, 1)),
        ben: sway.Sway(Proportion(0, 1), Proportion(0, 1)),
    }
    assert sway.of_project(db, project.id) == sway.Sway(Proportion(1, 2), Proportion(1, 2))


def test_the_difference_has_its_interval(
    db: Database, people: list[int], a_project: Callable[..., Project]
) -> None:
    project = a_project(150)
    # Newcombe 1998, table II, (a); the first and the last have a suggestion, so that all blind ones count.
    shown = [("suggestion", place < 56) for place in range(70)]
    blind = [("blind", place < 48) for place in range(80)]
    for review_id, (how, follows) in enumerate([*shown[:-1], *blind, shown[-1]], 1):
        answered(db, project, people[0], review_id, how, follows)
    found = sway.of_project(db, project.id)
    assert (found.shown, found.blind) == (Proportion(56, 70), Proportion(48, 80))
    assert found.difference is not None
    assert round(found.difference.low, 4) == 0.0524 and round(found.difference.high, 4) == 0.3339
