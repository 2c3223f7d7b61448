"""Quality jobs: agreement, consensus and suspects of real answers, kept as they come, and never in anybody's way."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database

from webapp.store import (
    adjudications,
    annotations,
    consensus,
    jobs,
    projects,
    quality,
    queue,
    rounds,
    suspects,
    users,
    work,
)
from webapp.store.annotations import Answer
from webapp.store.connection import utc_now
from webapp.store.jobs import Job
from webapp.store.projects import Project
from webapp.worker import loop
from webapp.worker import rounds as runner
from webapp.worker.loop import run_next
from webapp.worker.quality import star_label

from .conftest import OPINIONS

ImportBuilder = Callable[..., Job]


def true_label(text: str) -> str:
    return next(name for name, words in OPINIONS.items() if set(words) & set(text.split()))


def answers(db: Database, project: Project, name: str, count: int, wrong: tuple[int, ...] = ()) -> None:
    """One person labels what comes, some of it as the next label in order."""
    user = users.by_name(db, name)
    person = user[0].id if user else users.add(db, name, "hash", "annotator").id
    for number in range(count):
        lease = queue.claim(db, project.id, person, utc_now())
        assert isinstance(lease, queue.Lease)
        label = project.label_named(true_label(lease.text))
        assert label is not None
        if number in wrong:
            label = project.labels[(label.position + 1) % 3]
        annotations.record(db, lease.token, person, Answer("label", label.id), utc_now())


@pytest.fixture
def imported(db: Database, instance: Path, project: Project, an_import: ImportBuilder) -> Project:
    """240 reviews without a label, all in the pool, each wanting two."""
    projects.update_settings(
        db, project.id, holdout_size=0, validation_size=0, overlap_share=1.0, overlap_labels=2
    )
    an_import(240, human_labels=False)
    run_next(db, instance, utc_now())
    return projects.get(db, project.id)


def run_quality(db: Database, instance: Path, project: Project) -> Job:
    quality.request(db, project.id, None, utc_now())
    assert run_next(db, instance, utc_now())
    job = quality.latest(db, project.id)
    assert job is not None
    return job


def test_a_job_tells_agreement_consensus_and_suspects(
    db: Database, instance: Path, imported: Project
) -> None:
    answers(db, imported, "ada", 60)
    answers(db, imported, "ben", 60, wrong=(3, 30))
    answers(db, imported, "cyd", 90)
    result = run_quality(db, instance, imported).result
    assert (result["annotators"], result["labels"], result["suggested"]) == (3, 210, 0)
    measured = result["agreement"]
    shared = measured["reviews"]
    assert shared >= 60 and 0.7 < measured["alpha"]["low"] < measured["alpha"]["value"] < 1
    assert measured["alpha"]["n"] == shared
    assert [each["label"] for each in measured["labels"]] == [label.id for label in imported.labels]
    assert measured["windows"][0]["since"] <= measured["windows"][0]["until"]
    assert result["methods"]["majority"] + result["undecided"] == shared
    assert consensus.count(db, imported.id) == sum(result["methods"].values())
    assert result["suspects"]["judged"] == sum(result["methods"].values())
    listed = suspects.waiting(db, imported.id, 50)
    assert result["suspects"]["listed"] == len(listed) and 0.3 < result["suspects"]["agreeing"] <= 1
    assert all(each.label_id != each.suggested_id and each.votes in (1, 2) for each in listed)


def test_too_few_labels_for_suspects_say_so_and_keep_the_rest(
    db: Database, instance: Path, imported: Project
) -> None:
    answers(db, imported, "ada", 6)
    job = run_quality(db, instance, imported)
    assert job.result["agreement"]["alpha"] == {"value": None, "low": None, "high": None, "n": 0}
    assert "10 reviews each" in job.result["suspects"]["error"]
    assert consensus.count(db, imported.id) == 6


def test_without_a_label_there_is_nothing_to_tell(db: Database, instance: Path, imported: Project) -> None:
    job = run_quality(db, instance, imported)
    assert job.result["agreement"]["reviews"] == 0 and job.error is None


def test_the_model_casts_no_doubt_on_the_parts_that_measure_it(
    db: Database, instance: Path, project: Project, an_import: ImportBuilder
) -> None:
    an_import(240, human_labels=True)
    run_next(db, instance, utc_now())
    job = run_quality(db, instance, project)
    parts = dict(db.execute("SELECT part, count(*) FROM reviews GROUP BY part").fetchall())
    assert parts["holdout"] and job.result["suspects"]["judged"] == parts["pool"]
    assert job.result["agreement"]["reviews"] == 0  # the file's labels are nobody's answers


def test_it_is_queued_by_itself_after_a_round_and_after_exports(
    db: Database, instance: Path, imported: Project
) -> None:
    answers(db, imported, "ada", 40)
    started = rounds.start(db, imported.id, imported.settings.learner, "button", None, utc_now())
    run_next(db, instance, utc_now())
    assert rounds.get(db, started.id).state == "done"
    assert consensus.count(db, imported.id) == 40  # the round's own
    export = jobs.create(db, imported.id, "export", {"format": "no such", "version": 1}, None, utc_now())
    run_next(db, instance, utc_now())
    assert jobs.get(db, export.id).state == "failed"
    assert jobs.open_job(db, imported.id, "quality") is not None
    run_next(db, instance, utc_now())
    assert quality.latest(db, imported.id) is not None
    assert quality.projects_due(db) == []


def test_a_round_interrupts_it(db: Database, instance: Path, imported: Project) -> None:
    quality.request(db, imported.id, None, utc_now())
    assert not loop._must_yield(db, "quality")
    rounds.start(db, imported.id, imported.settings.learner, "button", None, utc_now())
    assert loop._must_yield(db, "quality") and not loop._must_yield(db, "export")
    run_next(db, instance, utc_now())
    assert loop._must_yield(db, "encode")  # since quality waits


def test_rounds_train_on_what_was_settled(db: Database, instance: Path, imported: Project) -> None:
    answers(db, imported, "ada", 30)
    review, label = db.execute("SELECT review_id, label_id FROM current_labels LIMIT 1").fetchone()
    other = next(each for each in imported.labels if each.id != label)
    adjudications.decide(db, review, other.id, 1, "", utc_now())
    rounds.start(db, imported.id, imported.settings.learner, "button", None, utc_now())
    claim = work.claim_next(db, "rounds", utc_now())
    assert claim is not None
    task = runner._task(db, instance, claim)
    trained = dict(zip(task.train.ids.tolist(), task.train.y.tolist(), strict=True))
    assert trained[review] == other.position and len(trained) == 30


def test_a_retired_label_leaves_no_gap_between_the_others(
    db: Database, instance: Path, imported: Project
) -> None:
    answers(db, imported, "ada", 30)
    negative, neutral, positive = imported.labels
    db["labels"].update(neutral.id, {"retired_at": "2026-03-01"})
    rounds.start(db, imported.id, imported.settings.learner, "button", None, utc_now())
    claim = work.claim_next(db, "rounds", utc_now())
    assert claim is not None
    task = runner._task(db, instance, claim)
    given = dict(db.execute("SELECT review_id, label_id FROM current_labels").fetchall())
    expected = {
        each: [negative.id, positive.id].index(label) for each, label in given.items() if label != neutral.id
    }
    assert dict(zip(task.train.ids.tolist(), task.train.y.tolist(), strict=True)) == expected


@pytest.mark.parametrize(
    ("rating", "label"), [(1, "negative"), (2, "negative"), (3, "neutral"), (4, "positive"), (2.5, None)]
)
def test_stars_speak_where_labels_are_the_usual_three(
    db: Database, project: Project, rating: float, label: str | None
) -> None:
    named = project.label_named(label) if label else None
    assert star_label(project, rating) == (named.id if named else None)
    assert star_label(project, None) is None
    other = projects.create(db, "two", ["good", "bad"])
    assert star_label(other, rating) is None
