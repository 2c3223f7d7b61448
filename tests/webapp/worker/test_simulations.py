"""Simulations on a project's own labels: the project stays as it is, and no finished run is lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from learner.errors import Cancelled
from learner.settings import RoundSettings
from webapp.store import jobs, projects, simulations, work
from webapp.store.connection import utc_now
from webapp.store.jobs import Job
from webapp.store.projects import Project
from webapp.worker import loop
from webapp.worker import simulations as runner
from webapp.worker.loop import run_next

ImportBuilder = Callable[..., Job]
SETTINGS = RoundSettings(encoder="tiny").to_dict()
ASKED = {"strategies": ["margin", "random"], "seeds": 2, "batch": 20, "budget": 60, "settings": SETTINGS}
# What a simulation may change: how far it is, and the audit log's line that it was asked for.
ITS_OWN = ("jobs", "audit_log")


@pytest.fixture
def labelled(db: Database, instance: Path, project: Project, an_import: ImportBuilder) -> Project:
    """300 labelled reviews, 30 of them on the holdout, 30 to validate."""
    an_import(300)
    run_next(db, instance, utc_now())
    return projects.get(db, project.id)


def content(db: Database) -> dict[str, list[Any]]:
    names = [name for name in db.table_names() if name not in ITS_OWN]
    return {name: [tuple(row) for row in db.execute(f"SELECT * FROM [{name}]")] for name in names}


def claimed(db: Database, project: Project, **asked: Any) -> work.Claim:
    job = simulations.request(db, project.id, ASKED | asked, 1, utc_now())
    claim = work.claim_this(db, "jobs", job.id, utc_now())
    assert claim is not None
    return claim


def silent(phase: str, done: int, total: int) -> None:
    pass


@pytest.mark.slow
def test_a_simulation_replays_the_labels_and_changes_nothing(
    db: Database, instance: Path, labelled: Project
) -> None:
    before = content(db)
    job = simulations.request(db, labelled.id, ASKED, 1, utc_now())
    assert simulations.request(db, labelled.id, ASKED, 1, utc_now()).id == job.id
    assert run_next(db, instance, utc_now())
    done = jobs.last_done(db, labelled.id, "simulate")
    assert done is not None and done.id == job.id
    figures = done.result["figures"]
    # 30 holdout labels measure too little: a fifth of the pool's 240 is set apart.
    assert (figures["train_reviews"], figures["test_reviews"]) == (192, 48)
    assert done.result["measured_on"] == "fifth"
    assert [point["labels"] for point in figures["arms"][0]["curves"]["accuracy"]] == [20, 40, 60]
    assert content(db) == before


@pytest.mark.slow
def test_the_holdout_measures_where_it_has_enough_labels(
    db: Database, instance: Path, labelled: Project
) -> None:
    with db.conn:
        db.execute(
            "UPDATE reviews SET part = 'holdout' WHERE id IN (SELECT id FROM reviews WHERE part = 'pool' LIMIT 30)"
        )
    claim = claimed(db, labelled, seeds=1)
    runner.run(db, instance, claim, silent)
    result = jobs.get(db, claim.id).result
    assert result["measured_on"] == "holdout"
    assert (result["figures"]["train_reviews"], result["figures"]["test_reviews"]) == (210, 60)


@pytest.mark.slow
def test_what_was_stopped_goes_on_from_its_finished_runs(
    db: Database, instance: Path, labelled: Project
) -> None:
    claim = claimed(db, labelled)

    def stop(phase: str, done: int, total: int) -> None:
        if phase == "simulate" and done >= 4:  # all labels, and one run of three rounds
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        runner.run(db, instance, claim, stop)
    kept = jobs.get(db, claim.id).result["runs"]
    assert len(kept) == 2
    told: list[int] = []
    runner.run(
        db, instance, claim, lambda phase, done, total: told.append(done) if phase == "simulate" else None
    )
    resumed = jobs.get(db, claim.id).result
    assert told[0] == 4 and "runs" not in resumed
    work.finish(db, claim, "done", utc_now())
    again = claimed(db, labelled)
    runner.run(db, instance, again, silent)
    whole = jobs.get(db, again.id).result
    parts = ("curves", "full_data", "area", "targets")
    for first, second in zip(resumed["figures"]["arms"], whole["figures"]["arms"], strict=True):
        assert {part: first[part] for part in parts} == {part: second[part] for part in parts}


def test_too_few_labels_are_said(
    db: Database, instance: Path, project: Project, an_import: ImportBuilder
) -> None:
    an_import(90)
    run_next(db, instance, utc_now())
    job = simulations.request(db, project.id, ASKED, 1, utc_now())
    assert run_next(db, instance, utc_now())
    ended = jobs.get(db, job.id)
    assert ended.state == "failed" and ended.error is not None
    assert ended.error.endswith("a simulation needs 100 to tell anything.")


def test_a_simulation_goes_before_encoding_ahead_and_yields_to_exports(
    db: Database, project: Project
) -> None:

    jobs.create(db, project.id, "encode", {}, None, utc_now())
    job = simulations.request(db, project.id, ASKED, 1, utc_now())
    claim = loop._next_job(db, utc_now(), None)
    assert claim is not None and claim.id == job.id
    jobs.create(db, project.id, "export", {}, None, utc_now())
    assert loop._must_yield(db, "simulate")
