"""Assignments: who is limited to what, and the choices there are."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from builders import NOON, a_parsed_review
from sqlite_utils import Database

from webapp.store import annotations, assignments, audit, insertion, jobs, projects, queue, team
from webapp.store.annotations import Answer
from webapp.store.assignments import Assignment, Choices
from webapp.store.errors import InvalidValue, LeaseExpired, NotFound
from webapp.store.projects import Project, ProjectSettings
from webapp.store.queue import Lease, QueueEmpty

KINDS = [("en", "shoes"), ("zh", "shoes"), ("zh", "bags"), (None, "bags"), (None, None)]


@pytest.fixture
def project(db: Database, people: list[int]) -> Project:
    """Five reviews of several languages and categories, counted as an import counts them."""
    quiet = ProjectSettings(overlap_share=0.0, holdout_size=0, validation_size=0)
    made = projects.create(db, "Mixed", settings=quiet)
    job = jobs.create(db, made.id, "import", {}, None, NOON)
    batch = [
        a_parsed_review(row, f"review {row}", language=language, category=category)
        for row, (language, category) in enumerate(KINDS)
    ]
    outcome = insertion.insert_batch(db, made, job.id, insertion.with_hashes(batch), None, NOON)
    counted = {"imported": 5, "languages": outcome.languages, "categories": outcome.categories}
    db.execute("UPDATE jobs SET result = ? WHERE id = ?", [json.dumps(counted), job.id])
    insertion.open_import(db, made, job.id)
    return made


def give(
    db: Database, project: Project, user: int, language: str | None = None, category: str | None = None
) -> None:
    assignments.add(db, project.id, user, language, category, None, NOON)


def texts_for(db: Database, project: Project, user: int) -> set[str]:
    """All that this person would get, one after the other."""
    found = set()
    while isinstance(lease := queue.claim_ahead(db, project.id, user, 1, NOON), list):
        found.add(lease[0].text)
        db.execute("UPDATE reviews SET needed = 0 WHERE id = ?", [lease[0].review_id])
        queue.release(db, lease[0].token, user)
    db.execute("UPDATE reviews SET needed = 1")
    assert lease.reason in ("nothing-left", "not-assigned")
    return found


@pytest.mark.parametrize(
    ("given", "numbers"),
    [
        ([], {0, 1, 2, 3, 4}),
        ([("zh", None)], {1, 2}),
        ([("en", None)], {0, 3, 4}),  # the project's own language counts for those that name none
        ([(None, "shoes")], {0, 1}),
        ([("zh", "bags")], {2}),
        ([("zh", "bags"), (None, "shoes")], {0, 1, 2}),
        ([("fr", None)], set()),
    ],
)
def test_people_get_what_fits_one_of_their_rows(
    db: Database,
    project: Project,
    people: list[int],
    given: list[tuple[str | None, str | None]],
    numbers: set[int],
) -> None:
    for language, category in given:
        give(db, project, people[0], language, category)
    assert texts_for(db, project, people[0]) == {f"review {number}" for number in numbers}
    assert len(texts_for(db, project, people[1])) == 5


def test_the_choices_come_with_their_numbers_from_what_imports_counted(
    db: Database, project: Project
) -> None:
    expected = Choices({"en": 3, "zh": 2}, {"shoes": 2, "bags": 2})
    assert assignments.choices(db, project.id) == expected
    db.execute("UPDATE reviews SET language = 'fr', category = 'hats'")
    assert assignments.choices(db, project.id) == expected, "the reviews are not looked at"


def test_imports_that_counted_nothing_are_counted_now(db: Database, project: Project) -> None:
    db.execute("""UPDATE jobs SET result = '{"imported": 5}'""")
    assert assignments.choices(db, project.id) == Choices({"en": 3, "zh": 2}, {"bags": 2, "shoes": 2})


def test_a_row_is_there_once_and_can_be_taken_away(db: Database, project: Project, people: list[int]) -> None:
    for _ in range(2):
        give(db, project, people[0], "zh")
    ((only,),) = assignments.of_project(db, project.id).values()
    assert only == Assignment(only.id, people[0], "zh", None)
    assignments.remove(db, project.id, only.id, people[-1], NOON)
    assert assignments.of_project(db, project.id) == {}
    with pytest.raises(NotFound):
        assignments.remove(db, project.id, only.id, people[-1], NOON)
    assert [entry.action for entry in audit.latest(db, 2)] == ["assignment.remove", "assignment.add"]


def test_nothing_and_nobody_are_refused(db: Database, project: Project, people: list[int]) -> None:
    with pytest.raises(InvalidValue):
        give(db, project, people[0])
    with pytest.raises(NotFound):
        give(db, project, 99, "zh")


def test_what_no_longer_fits_returns_to_the_queue_and_the_rest_stays(
    db: Database, project: Project, people: list[int]
) -> None:
    held = queue.claim_ahead(db, project.id, people[0], 3, NOON)
    assert isinstance(held, list)
    give(db, project, people[0], held[0].language)
    still = {lease.text for lease in queue.held(db, project.id, people[0], NOON)}
    assert still == {lease.text for lease in held if lease.language == held[0].language}


def test_what_no_longer_fits_is_not_renewed_however_it_ended(
    db: Database, project: Project, people: list[int]
) -> None:
    held = queue.claim_ahead(db, project.id, people[0], 3, NOON)
    assert isinstance(held, list)
    queue.release(db, held[0].token, people[0])  # its page was closed, and comes back
    give(db, project, people[0], "fr")
    late = NOON + timedelta(hours=1)
    for lease in held:
        with pytest.raises(LeaseExpired):
            queue.renew(db, lease.token, people[0], late)
    label = Answer("label", project.labels[0].id)
    assert annotations.record(db, held[1].token, people[0], label, late).review_id == held[1].review_id


def test_what_nobody_gets_is_known(db: Database, project: Project, people: list[int]) -> None:
    occurring = assignments.choices(db, project.id)
    zh, shoes = Assignment(1, 1, "zh", None), Assignment(2, 2, None, "shoes")
    assert assignments.uncovered(occurring, [[zh], []]) == ([], [])
    assert assignments.uncovered(occurring, [[zh]]) == (["en"], [])
    assert assignments.uncovered(occurring, [[shoes]]) == ([], ["bags"])
    assert assignments.uncovered(occurring, [[zh], [shoes]]) == ([], [])


def test_the_team_is_everybody_active_and_what_they_hold_can_be_released(
    db: Database, project: Project, people: list[int]
) -> None:
    queue.claim_ahead(db, project.id, people[0], 2, NOON)
    db.execute("UPDATE users SET disabled_at = '2026' WHERE id = ?", [people[1]])
    members = {each.name: each.held for each in team.members(db, project.id, NOON)}
    assert members == {"ada": 2, "cyd": 0, "root": 0}
    assert team.release_all(db, project.id, people[0], people[-1], NOON) == 2
    assert queue.held(db, project.id, people[0], NOON) == []
    assert isinstance(queue.claim(db, project.id, people[2], NOON), Lease)
    assert audit.latest(db)[0].detail == {"project": project.id, "reviews": 2}


def test_assignments_of_one_project_do_not_reach_another(
    db: Database, project: Project, people: list[int], a_project: Callable[..., Project]
) -> None:
    other = a_project(3)
    give(db, project, people[0], "fr")
    assert not isinstance(queue.claim(db, other.id, people[0], NOON), QueueEmpty)
