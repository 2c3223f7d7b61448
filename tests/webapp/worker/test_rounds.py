"""Rounds from the worker's side: published whole, cancelled cleanly, taken up again, never worse."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from rounds_at_work import label_some, started
from sqlite_utils import Database

from learner.errors import Cancelled
from webapp.store import (
    jobs,
    label_sets,
    model_versions,
    projects,
    queue,
    rounds,
    users,
    work,
)
from webapp.store.connection import utc_now, write_transaction
from webapp.store.errors import InvalidValue, StaleToken
from webapp.store.jobs import Job
from webapp.store.projects import Project
from webapp.worker import encodings, loop
from webapp.worker import rounds as runner
from webapp.worker.loop import run_next

ImportBuilder = Callable[..., Job]


def test_a_round_publishes_a_model_its_scores_and_a_ranking(
    db: Database, instance: Path, labelled: Project
) -> None:
    before = projects.get(db, labelled.id)
    this = started(db, labelled)
    assert run_next(db, instance, utc_now())
    done = rounds.get(db, this.id)
    assert (done.state, done.error) == ("done", None)
    after = projects.get(db, labelled.id)
    assert after.ranking_id != before.ranking_id
    version = model_versions.serving(db, labelled.id)
    assert version is not None and version.id == done.model_version_id and version.verdict == "first"
    (point,) = model_versions.learning_curve(db, labelled.id)
    assert point.accuracy is not None and point.accuracy.low is not None
    assert point.accuracy.low <= point.accuracy.value <= (point.accuracy.high or 0)
    assert (instance / "checkpoints" / version.checkpoint / "manifest.json").exists()
    assert db.execute("SELECT count(*) FROM predictions").fetchone()[0] > 100


def test_what_auto_and_the_search_decided_is_stored_with_the_round(
    db: Database, instance: Path, labelled: Project
) -> None:
    this = started(db, labelled, classifier="auto", search={"trials": 3})
    assert run_next(db, instance, utc_now())
    done = rounds.get(db, this.id)
    assert done.settings["classifier"] == "auto" and done.report["classifier"] == "head"
    assert done.report["choice"]["reason"].startswith("Head was taken: tuning is tried from 100")
    assert done.report["search"]["reason"].startswith("The search was left out")
    version = model_versions.serving(db, labelled.id)
    assert version is not None and version.classifier == "head"


def test_a_version_goes_on_serving_and_is_compared_after_labels_were_renamed_and_reordered(
    db: Database, instance: Path, labelled: Project
) -> None:
    with write_transaction(db):
        label_some(db, labelled, users.everyone(db)[0].id, 110)  # until the validation part can tell
    started(db, labelled)
    run_next(db, instance, utc_now())
    first = model_versions.serving(db, labelled.id)
    assert first is not None
    label_sets.rename(db, labelled.id, labelled.labels[0].id, "bad", None, utc_now())
    label_sets.move(db, labelled.id, labelled.labels[0].id, 2, None, utc_now())
    assert model_versions.serving(db, labelled.id) == first
    assert [label.name for label in model_versions.labels_of(db, first)] == ["bad", "neutral", "positive"]
    this = started(db, labelled)
    run_next(db, instance, utc_now())
    second = model_versions.get(db, rounds.get(db, this.id).model_version_id or 0)
    assert second.verdict in ("same", "better"), second.reason
    assert [label.name for label in model_versions.labels_of(db, second)] == ["neutral", "positive", "bad"]


def test_after_a_merge_the_next_version_is_the_first_for_its_labels(
    db: Database, instance: Path, labelled: Project
) -> None:
    started(db, labelled)
    run_next(db, instance, utc_now())
    old = model_versions.serving(db, labelled.id)
    assert old is not None
    _, neutral, positive = labelled.labels
    label_sets.retire(db, labelled.id, neutral.id, positive.id, None, utc_now())
    assert not model_versions.fits(db, old)
    with pytest.raises(InvalidValue):
        model_versions.promote(db, old.id, "I want it back", None)
    started(db, labelled)
    run_next(db, instance, utc_now())
    new = model_versions.serving(db, labelled.id)
    assert new is not None and new.id != old.id and new.verdict == "first"
    assert [label.name for label in model_versions.labels_of(db, new)] == ["negative", "positive"]
    assert [label.name for label in model_versions.labels_of(db, old)] == ["negative", "neutral", "positive"]


def test_the_queue_follows_the_new_ranking_and_never_asks_for_what_was_labelled(
    db: Database, instance: Path, labelled: Project
) -> None:
    started(db, labelled)
    run_next(db, instance, utc_now())
    ben = users.add(db, "ben", "hash", "annotator").id
    lease = queue.claim(db, labelled.id, ben, utc_now())
    assert isinstance(lease, queue.Lease)
    row = db.execute("SELECT ranking_id FROM leases WHERE token = ?", [lease.token]).fetchone()
    assert row["ranking_id"] == projects.get(db, labelled.id).ranking_id
    trained = db.execute(
        "SELECT count(*) FROM ranking_items i JOIN projects p ON p.ranking_id = i.ranking_id JOIN current_labels c"
        " ON c.review_id = i.review_id JOIN reviews r ON r.id = i.review_id WHERE r.part = 'pool'"
    ).fetchone()[0]
    assert trained == 0


def test_the_holdout_is_never_trained_on_nor_queried(db: Database, instance: Path, labelled: Project) -> None:
    this = started(db, labelled)
    claim = work.claim_next(db, "rounds", utc_now())
    assert claim is not None
    task = runner._task(db, instance, claim)
    parts = dict(db.execute("SELECT id, part FROM reviews").fetchall())
    assert {parts[each] for each in [*task.train.ids.tolist(), *task.pool.ids.tolist()]} == {"pool"}
    assert {parts[each] for each in task.holdout.ids.tolist()} == {"holdout"}
    assert this.snapshot > 0


def test_a_round_without_labels_fails_with_what_to_do(
    db: Database, instance: Path, project: Project, an_import: ImportBuilder
) -> None:
    an_import(60, human_labels=False)
    run_next(db, instance, utc_now())
    this = started(db, project)
    run_next(db, instance, utc_now())
    failed = rounds.get(db, this.id)
    assert failed.state == "failed" and failed.error is not None and "no label" in failed.error


def test_a_cancelled_round_leaves_nothing_behind(db: Database, instance: Path, labelled: Project) -> None:
    this = started(db, labelled)
    rounds.cancel(db, this.id, None, utc_now())
    assert rounds.get(db, this.id).state == "cancelled"
    running = started(db, labelled)
    claim = work.claim_next(db, "rounds", utc_now())
    assert claim is not None and claim.id == running.id

    def cancelled(phase: str, done: int, total: int) -> None:
        if phase == "publish":
            raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        runner.run(db, instance, claim, cancelled)
    assert list((instance / "checkpoints").iterdir()) == []
    assert model_versions.serving(db, labelled.id) is None


def test_a_round_killed_while_publishing_is_taken_up_again(
    db: Database, instance: Path, labelled: Project
) -> None:
    this = started(db, labelled)
    claim = work.claim_next(db, "rounds", utc_now())
    assert claim is not None
    task = runner._task(db, instance, claim)
    result = runner.run_round(task)
    runner._add_version(db, claim, task, result)  # and here the worker is killed
    later = utc_now() + timedelta(minutes=1)
    assert run_next(db, instance, later)
    assert rounds.get(db, this.id).state == "done"
    assert db.execute("SELECT count(*) FROM model_versions").fetchone()[0] == 1
    assert len(list((instance / "checkpoints").iterdir())) == 1
    with pytest.raises(StaleToken):
        runner._add_version(db, claim, task, result)


def test_rounds_start_by_themselves_when_enough_labels_came_in(
    db: Database, instance: Path, labelled: Project
) -> None:
    projects.update_settings(db, labelled.id, auto_round_every=50)
    run_next(db, instance, utc_now())
    (only,) = rounds.of_project(db, labelled.id)
    assert (only.cause, only.state) == ("automatic", "done")


def test_a_round_that_falls_due_interrupts_encoding_ahead(
    db: Database, instance: Path, labelled: Project
) -> None:
    (encoding,) = jobs.of_project(db, labelled.id, "encode")
    projects.update_settings(db, labelled.id, auto_round_every=50)
    claim = work.claim_next(db, "jobs", utc_now())  # as if labels came in after the worker had begun
    assert claim is not None and claim.id == encoding.id
    loop._run(db, instance, claim, encodings.run, None, lambda: loop._must_yield(db, "encode"))
    assert jobs.get(db, encoding.id).state == "queued"
    (due,) = rounds.of_project(db, labelled.id)
    assert (due.cause, due.state) == ("automatic", "queued")


def test_encoding_ahead_offers_a_seed_set(
    db: Database, instance: Path, project: Project, an_import: ImportBuilder
) -> None:
    an_import(90, human_labels=False)
    run_next(db, instance, utc_now())
    random_order = projects.get(db, project.id).ranking_id
    assert random_order is not None
    assert run_next(db, instance, utc_now())
    (job,) = jobs.of_project(db, project.id, "encode")
    assert (job.state, job.result.get("encoded")) == ("done", 90)
    assert projects.get(db, project.id).ranking_id != random_order
    origins = {row[0] for row in db.execute("SELECT DISTINCT origin FROM ranking_items WHERE ranking_id = (SELECT max(id) FROM rankings)")}  # fmt: skip # noqa: E501
    assert origins == {"seed", "holdout", "validation"}
    assert run_next(db, instance, utc_now()) is False
