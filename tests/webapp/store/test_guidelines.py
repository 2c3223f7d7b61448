"""Guidelines: a version for each change, and the labels given under each."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from builders import NOON
from sqlite_utils import Database

from webapp.store import audit, guidelines
from webapp.store.errors import ChangedMeanwhile, InvalidValue, NotFound
from webapp.store.projects import Project

Build = Callable[..., Project]


def test_there_are_none_at_first(db: Database, a_project: Build) -> None:
    project = a_project()
    assert guidelines.current(db, project.id) is None
    assert guidelines.history(db, project.id) == []
    with pytest.raises(NotFound):
        guidelines.version(db, project.id, 1)


def test_each_change_is_a_version_and_the_latest_is_in_force(
    db: Database, a_project: Build, people: list[int]
) -> None:
    project, other = a_project(), a_project(3)
    guidelines.save(db, project.id, "one", people[-1], NOON)
    guidelines.save(db, project.id, "two\r\nlines ", people[-1], NOON + timedelta(hours=1))
    guidelines.save(db, other.id, "elsewhere", people[-1], NOON)
    current = guidelines.current(db, project.id)
    assert current is not None
    assert (current.number, current.text, current.created_by) == (2, "two\nlines", "root")
    assert [each.text for each in guidelines.history(db, project.id)] == ["two\nlines", "one"]
    assert guidelines.version(db, project.id, 1).text == "one"
    assert audit.latest(db)[0].action == "guidelines.save"


def test_the_same_text_is_no_new_version(db: Database, a_project: Build) -> None:
    project = a_project()
    first = guidelines.save(db, project.id, "text", None, NOON)
    assert guidelines.save(db, project.id, " text\r\n", None, NOON, based_on=7) == first
    assert len(guidelines.history(db, project.id)) == 1


def test_a_version_that_its_author_has_not_seen_is_not_written_over(db: Database, a_project: Build) -> None:
    project = a_project()
    guidelines.save(db, project.id, "by one", None, NOON, based_on=0)
    with pytest.raises(ChangedMeanwhile):
        guidelines.save(db, project.id, "by another", None, NOON, based_on=0)
    assert guidelines.save(db, project.id, "by another", None, NOON, based_on=1).number == 2


@pytest.mark.parametrize("text", ["", " \n", "x" * 50_001])
def test_too_little_and_too_much_are_refused(db: Database, a_project: Build, text: str) -> None:
    with pytest.raises(InvalidValue):
        guidelines.save(db, a_project().id, text, None, NOON)


def test_labels_are_counted_under_the_version_they_were_given_under(
    db: Database, a_project: Build, people: list[int]
) -> None:
    project = a_project()
    version = guidelines.save(db, project.id, "text", None, NOON)
    for review, under in enumerate([None, version.id, version.id], 1):
        db.execute(
            "INSERT INTO annotations (project_id, review_id, annotator_id, action, label_id, origin, created_at,"
            " guidelines_id) VALUES (?, ?, ?, 'label', ?, 'audit', ?, ?)",
            [project.id, review, people[0], project.labels[0].id, "2026-03-01", under],
        )
    assert guidelines.labels_under(db, project.id) == {None: 1, version.id: 2}
