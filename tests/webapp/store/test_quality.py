"""When figures are found anew: after a round, after many labels, when asked; never twice for the same news."""

import pytest
from builders import NOON, a_finished_round, a_project, a_user, an_annotation
from sqlite_utils import Database

from webapp.store import annotations, jobs, label_sets, model_versions, quality, work
from webapp.store.errors import StillWorking
from webapp.store.projects import Project


@pytest.fixture
def project(db: Database) -> Project:
    return a_project(db, size=8)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "DUE_EVERY", 3)


def done(db: Database) -> None:
    claim = work.claim_next(db, "jobs", NOON, ("quality",))
    assert claim is not None
    work.finish(db, claim, "done", NOON)


def test_enough_labels_make_it_due_once(db: Database, project: Project, few: None) -> None:
    ada = a_user(db)
    for _ in range(2):
        an_annotation(db, project, ada)
    assert quality.projects_due(db) == []
    an_annotation(db, project, ada)
    assert quality.projects_due(db) == [project.id]
    job = quality.request(db, project.id, None, NOON)
    assert quality.request(db, project.id, None, NOON).id == job.id
    assert quality.projects_due(db) == []
    done(db)
    assert quality.projects_due(db) == []
    assert quality.latest(db, project.id) == jobs.get(db, job.id)
    for _ in range(3):
        an_annotation(db, project, ada)
    assert quality.projects_due(db) == [project.id]
    assert quality.labels_since(db, project.id, job.payload["snapshot"]) == 3


def test_a_published_round_makes_it_due_once(db: Database, project: Project) -> None:
    a_finished_round(db, project)
    assert quality.projects_due(db) == [project.id]
    quality.request(db, project.id, None, NOON)
    done(db)
    assert quality.projects_due(db) == []


def test_one_that_failed_waits_for_news(db: Database, project: Project) -> None:
    a_finished_round(db, project)
    quality.request(db, project.id, None, NOON)
    claim = work.claim_next(db, "jobs", NOON, ("quality",))
    assert claim is not None
    work.finish(db, claim, "failed", NOON, "no reason")
    assert quality.projects_due(db) == [] and quality.latest(db, project.id) is None


def test_versions_tell_how_many_of_their_labels_were_withdrawn(db: Database, project: Project) -> None:
    ada = a_user(db)
    given = [an_annotation(db, project, ada) for _ in range(3)]
    first = a_finished_round(db, project)
    annotations.undo(db, given[0].id, ada.id, NOON)
    annotations.change(db, given[1].id, ada.id, annotations.Answer("label", project.labels[1].id), NOON)
    second = a_finished_round(db, project)
    assert model_versions.withdrawn_labels(db, project.id) == {first.id: 2}
    annotations.undo(db, given[2].id, ada.id, NOON)
    assert model_versions.withdrawn_labels(db, project.id) == {first.id: 3, second.id: 1}


def test_a_job_that_waits_lets_labels_change_and_one_that_runs_does_not(
    db: Database, project: Project
) -> None:
    quality.request(db, project.id, None, NOON)
    label_sets.refuse_while_working(db, project.id)
    assert work.claim_next(db, "jobs", NOON, ("quality",)) is not None
    with pytest.raises(StillWorking):
        label_sets.refuse_while_working(db, project.id)
