"""Label sets: names, keys and sizes, and which changes leave the serving version in place."""

from collections.abc import Callable

import pytest
from builders import NOON, a_finished_round
from sqlite_utils import Database

from webapp.store import jobs, label_sets, projects, rounds
from webapp.store.errors import InvalidValue, NameTaken, StillWorking
from webapp.store.projects import Project

Build = Callable[..., Project]
Row = dict[str, object]


@pytest.fixture
def project(labelled_project: Project) -> Project:
    return labelled_project


def names(db: Database, project: Project) -> list[str]:
    return [label.name for label in projects.get(db, project.id).labels]


def positions(db: Database, project: Project) -> list[int]:
    return [label.position for label in projects.get(db, project.id).labels]


def test_renaming_keeps_labels_scores_and_the_serving_version(db: Database, project: Project) -> None:
    version = a_finished_round(db, project)
    before = db.execute("SELECT count(*), sum(value) FROM metrics").fetchone()
    counts = label_sets.label_counts(db, project.id)
    label_sets.rename(db, project.id, project.labels[0].id, " bad:worse ", None, NOON)
    after = projects.get(db, project.id)
    assert after.labels[0].name == "bad:worse" and after.model_version_id == version.id
    assert label_sets.label_counts(db, project.id) == counts
    assert tuple(db.execute("SELECT count(*), sum(value) FROM metrics").fetchone()) == tuple(before)
    cells = {row["name"] for row in db.query("SELECT name FROM metrics WHERE name LIKE 'confusion:%'")}
    known = ("bad:worse", "neutral", "positive")
    assert cells == {f"confusion:{true}:{other}" for true in known for other in known}


@pytest.mark.parametrize("name", ["Neutral", "POSITIVE", "gone", "GONE"])
def test_a_name_in_use_now_or_earlier_is_taken(db: Database, project: Project, name: str) -> None:
    gone = label_sets.add(db, project.id, "Gone", None, NOON)
    label_sets.retire(db, project.id, gone.id, None, None, NOON)
    with pytest.raises(NameTaken):
        label_sets.rename(db, project.id, project.labels[0].id, name, None, NOON)


def test_a_label_may_change_its_own_case(db: Database, project: Project) -> None:
    label_sets.rename(db, project.id, project.labels[0].id, "NEGATIVE", None, NOON)
    assert names(db, project) == ["NEGATIVE", "neutral", "positive"]


@pytest.mark.parametrize("name", ["", " ", "x" * 41, "a\nb"])
def test_what_is_no_name_is_refused(db: Database, project: Project, name: str) -> None:
    with pytest.raises(InvalidValue):
        label_sets.add(db, project.id, name, None, NOON)
    with pytest.raises(InvalidValue):
        label_sets.rename(db, project.id, project.labels[0].id, name, None, NOON)


def test_reordering_moves_the_keys_and_nothing_stops_serving(db: Database, project: Project) -> None:
    version = a_finished_round(db, project)
    label_sets.move(db, project.id, project.labels[0].id, 1, None, NOON)
    label_sets.move(db, project.id, project.labels[2].id, -9, None, NOON)
    assert names(db, project) == ["positive", "neutral", "negative"]
    assert positions(db, project) == [0, 1, 2]
    assert projects.get(db, project.id).model_version_id == version.id


def test_after_adding_merging_or_removing_nothing_serves(db: Database, project: Project) -> None:
    a_finished_round(db, project)
    added = label_sets.add(db, project.id, "mixed", None, NOON)
    assert projects.get(db, project.id).model_version_id is None
    a_finished_round(db, projects.get(db, project.id))
    label_sets.retire(db, project.id, added.id, None, None, NOON)
    assert projects.get(db, project.id).model_version_id is None


def test_a_retired_name_comes_back_as_the_label_it_was(db: Database, project: Project) -> None:
    neutral = project.labels[1]
    label_sets.retire(db, project.id, neutral.id, project.labels[0].id, None, NOON)
    assert [each.name for each in label_sets.retired(db, project.id)] == ["neutral"]
    back = label_sets.add(db, project.id, "Neutral", None, NOON)
    assert back.id == neutral.id and names(db, project) == ["negative", "positive", "Neutral"]
    assert label_sets.retired(db, project.id) == []
    assert label_sets.label_counts(db, project.id).get(neutral.id, 0) == 0


def test_a_label_that_nobody_gave_leaves_without_a_trace_in_the_log(db: Database, a_project: Build) -> None:
    project = a_project(2)
    db.execute("UPDATE jobs SET state = 'done'")
    for label in project.labels[:1]:
        touched = label_sets.retire(db, project.id, label.id, project.labels[1].id, None, NOON)
        assert (touched.labels, touched.people) == (0, [])
    assert db.execute("SELECT count(*) FROM annotations").fetchone()[0] == 0


def test_two_labels_are_the_fewest_and_nine_the_most(db: Database, project: Project) -> None:
    label_sets.retire(db, project.id, project.labels[1].id, None, None, NOON)
    with pytest.raises(InvalidValue):
        label_sets.retire(db, project.id, project.labels[0].id, None, None, NOON)
    for number in range(7):
        label_sets.add(db, project.id, f"label {number}", None, NOON)
    with pytest.raises(InvalidValue):
        label_sets.add(db, project.id, "one too many", None, NOON)
    assert len(names(db, project)) == 9


def test_what_relies_on_the_labels_is_waited_for(db: Database, project: Project) -> None:
    changes: list[Callable[[], object]] = [
        lambda: label_sets.add(db, project.id, "mixed", None, NOON),
        lambda: label_sets.rename(db, project.id, project.labels[0].id, "bad", None, NOON),
        lambda: label_sets.move(db, project.id, project.labels[0].id, 1, None, NOON),
        lambda: label_sets.retire(db, project.id, project.labels[0].id, None, None, NOON),
    ]
    before = db.execute("SELECT count(*) FROM annotations").fetchone()[0]
    job = jobs.create(db, project.id, "import", {}, None, NOON)
    for change in changes:
        with pytest.raises(StillWorking, match="import"):
            change()
    jobs.cancel(db, job.id, None, NOON)
    this = rounds.start(db, project.id, {}, "button", None, NOON)
    for change in changes:
        with pytest.raises(StillWorking, match="round"):
            change()
    assert names(db, project) == ["negative", "neutral", "positive"]
    assert db.execute("SELECT count(*) FROM annotations").fetchone()[0] == before
    rounds.cancel(db, this.id, None, NOON)
    changes[0]()
