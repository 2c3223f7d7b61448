"""What a round leaves to decide by: audit scores, answers to the stop set, advice, and a gate that holds."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from rounds_at_work import label_some, started
from sqlite_utils import Database

from learner.stopping import STOP_SET
from webapp.store import model_versions, projects, rounds, stopping, users
from webapp.store.connection import utc_now, write_transaction
from webapp.store.jobs import Job
from webapp.store.projects import Project
from webapp.worker.loop import run_next


def test_a_round_leaves_audit_scores_answers_to_the_stop_set_and_advice(
    db: Database, instance: Path, labelled: Project
) -> None:
    this = started(db, labelled)
    assert run_next(db, instance, utc_now())
    done = rounds.get(db, this.id)
    assert done.model_version_id is not None
    scores = {(m.slice, m.name): m for m in model_versions.metrics(db, done.model_version_id, "audit")}
    accuracy = scores["all", "accuracy"]
    assert accuracy.low is not None and accuracy.high is not None
    assert accuracy.low <= accuracy.value <= accuracy.high
    version = model_versions.get(db, done.model_version_id)
    assert accuracy.n == version.training_labels  # no ranking yet: all were drawn at random
    ids, _ = stopping.stop_set(db, labelled.id, STOP_SET)
    (former,) = stopping.former(db, labelled.id, "holdout")
    assert set(former.answers) == set(ids) and set(former.answers.values()) <= {e.id for e in labelled.labels}
    advice = stopping.advice(db, labelled.id)
    assert advice == done.report["stopping"] and advice is not None and advice["code"] == "early"


def test_advice_comes_with_the_third_round_and_the_target_of_the_project(
    db: Database, instance: Path, labelled: Project
) -> None:
    projects.update_settings(db, labelled.id, target_accuracy=0.2)
    bob = users.add(db, "bob", "hash", "annotator").id
    for _ in range(3):
        label_some(db, labelled, bob, 10)
        started(db, labelled)
        assert run_next(db, instance, utc_now())
    advice = stopping.advice(db, labelled.id)
    assert advice is not None and (advice["code"], advice["to_target"]) == ("stop", 0)
    assert "the target of 20 % is reached" in advice["sentence"]


def test_a_round_again_on_the_same_labels_leaves_the_advice_as_it_was(
    db: Database, instance: Path, labelled: Project
) -> None:
    for _ in range(3):
        started(db, labelled)
        assert run_next(db, instance, utc_now())
    advice = stopping.advice(db, labelled.id)
    assert advice is not None and advice["code"] == "early" and "there is one." in advice["sentence"]


def test_rounds_of_another_classifier_say_nothing_of_this_one(
    db: Database, instance: Path, labelled: Project
) -> None:
    bob = users.add(db, "bob", "hash", "annotator").id
    for settings in ({}, {}, {"classifier": "finetune", "finetune": {"epochs": 1}}):
        label_some(db, labelled, bob, 10)
        started(db, labelled, **settings)
        assert run_next(db, instance, utc_now())
    advice = stopping.advice(db, labelled.id)
    assert advice is not None and advice["code"] == "early" and "there is one." in advice["sentence"]


def test_shuffled_labels_are_refused_and_the_old_version_serves(
    db: Database, instance: Path, project: Project, an_import: Callable[..., Job]
) -> None:
    projects.update_settings(db, project.id, validation_size=60)
    an_import(600)  # labels and all; which reviews validate is left to chance, so there are enough of them
    assert run_next(db, instance, utc_now())
    started(db, project)
    assert run_next(db, instance, utc_now())
    good = model_versions.serving(db, project.id)
    given = db.execute(
        "SELECT a.id, a.label_id FROM annotations a JOIN reviews r ON r.id = a.review_id AND r.part = 'pool'"
    ).fetchall()
    labels = np.random.default_rng(1).permutation([row["label_id"] for row in given]).tolist()
    with write_transaction(db):
        for row, label_id in zip(given, labels, strict=True):
            db.execute("UPDATE annotations SET label_id = ? WHERE id = ?", [label_id, row["id"]])
    this = started(db, project)
    assert run_next(db, instance, utc_now())
    refused = rounds.get(db, this.id)
    assert refused.state == "done" and refused.model_version_id is not None
    version = model_versions.get(db, refused.model_version_id)
    assert version.verdict == "worse" and "The old one keeps serving" in version.reason
    assert good is not None and model_versions.serving(db, project.id) == good
