"""Rounds: hand the learner a snapshot of the project, publish what comes back."""

import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from learner import checkpoint, encoders, weak_labels
from learner.progress import Progress
from learner.round import Labelled, RoundResult, RoundTask, Unlabelled, run_round
from learner.settings import STAR_LIMIT, RoundSettings
from learner.stopping import STOP_SET
from learner.weak_labels import Rated, WeakLabels
from webapp.store import (
    labelled,
    model_versions,
    projects,
    rankings,
    reviews,
    rounds,
    stars,
    stopping,
    work,
)
from webapp.store.chunks import CHUNK
from webapp.store.connection import utc_now
from webapp.store.errors import StaleToken
from webapp.store.labelled import LabelledReview
from webapp.store.model_versions import ModelVersion, Scores
from webapp.store.projects import Label, Project
from webapp.worker import stop_advice
from webapp.worker.consensus import settle

_TEMPORARY = re.escape(checkpoint.TEMPORARY)
# The folder of one attempt, whole or half written: see `_folder_of`.
ATTEMPT = re.compile(rf"(?:{_TEMPORARY})?(project-(\d+)-round-(\d+)-\d+)(?:-.*)?")


def run(db: Database, instance: Path, claim: work.Claim, progress: Progress) -> None:
    """Run a claimed round from snapshot to publication; what killed attempts left is cleared first."""
    rounds.forget_unpublished(db, claim)
    _sweep(db, instance / "checkpoints", claim)
    task = _task(db, instance, claim)
    result = run_round(task, progress)
    try:
        _publish(db, claim, task, result, progress)
    except BaseException:
        shutil.rmtree(result.checkpoint, ignore_errors=True)
        with suppress(StaleToken):
            rounds.forget_unpublished(db, claim)
        raise


def _folder_of(this: rounds.Round, claim: work.Claim) -> str:
    """A name that no other attempt has, so that a zombie never writes where its successor does."""
    return f"project-{this.project_id}-round-{this.number}-{claim.token}"


def _sweep(db: Database, checkpoints: Path, claim: work.Claim) -> None:
    """Remove what attempts left that were killed before they could publish, of this round and of closed ones."""
    for folder in checkpoints.glob("*"):
        found = ATTEMPT.fullmatch(folder.name)
        if found and rounds.is_left_over(db, claim, int(found[2]), int(found[3]), found[1]):
            shutil.rmtree(folder, ignore_errors=True)


def _task(db: Database, instance: Path, claim: work.Claim) -> RoundTask:
    this = rounds.get(db, claim.id)
    project = projects.get(db, this.project_id)
    settings = RoundSettings.from_dict(this.settings)
    found = settle(db, project, this.snapshot, claim)
    known = labelled.labelled_reviews(db, project.id, found, this.snapshot)
    order = {label.id: place for place, label in enumerate(project.labels)}
    serving = model_versions.serving(db, project.id)
    train = _labelled([review for review in known if review.part == "pool"], order)
    pool = _pool(db, project, set(train.ids.tolist()))
    return RoundTask(
        settings=settings,
        label_names=_names(project.labels),
        encoder=encoders.resolve(instance / "encoders", settings.encoder),
        train=train,
        validation=_labelled([review for review in known if review.part == "validation"], order),
        holdout=_labelled([review for review in known if review.part == "holdout"], order),
        pool=pool,
        features=instance / "features",
        checkpoint=instance / "checkpoints" / _folder_of(this, claim),
        serving=instance / "checkpoints" / serving.checkpoint if serving else None,
        serving_labels=_names(model_versions.labels_of(db, serving)) if serving else None,
        weak=_weak(db, project, train, this.snapshot),
        pool_stars=said_by_stars(db, project, pool.ids),
        stop_set=_stop_set(db, project),
    )


def _names(labels: Sequence[Label]) -> list[str]:
    return [label.name for label in labels]


def _labelled(found: Sequence[LabelledReview], order: Mapping[int, int]) -> Labelled:
    return Labelled(
        ids=np.array([review.review_id for review in found], dtype=np.int64),
        texts=[review.text for review in found],
        y=np.array([order[review.label_id] for review in found], dtype=np.int64),
        random=np.array([review.drawn_at_random for review in found], dtype=bool),
        weights=np.array([review.weight for review in found], dtype=np.float64),
    )


def _pool(db: Database, project: Project, labelled: set[int]) -> Unlabelled:
    """What may be queried: reviews that one person labelled and that want a second one are trained on, not chosen."""
    open_reviews = zip(*reviews.pool_texts(db, project.id), strict=True)
    pool = [(review_id, text) for review_id, text in open_reviews if review_id not in labelled]
    return Unlabelled(
        np.array([review_id for review_id, _ in pool], dtype=np.int64), [text for _, text in pool]
    )


def _weak(db: Database, project: Project, train: Labelled, snapshot: int) -> WeakLabels:
    """Stars of reviews that nobody answered, and how far those of labelled reviews agree with people."""
    names = _names(project.labels)
    if not weak_labels.speak(names):
        return weak_labels.NONE
    found = stars.unanswered(db, project.id, STAR_LIMIT, snapshot)
    y = weak_labels.from_ratings([review.rating for review in found], names)
    kept = np.flatnonzero(y >= 0)
    said = said_by_stars(db, project, train.ids)
    both = np.zeros(0, np.int64) if said is None else np.flatnonzero(said >= 0)
    rated = Rated() if said is None else Rated(train.y[both], said[both])
    return WeakLabels([found[row].text for row in kept], y[kept], rated)


def said_by_stars(db: Database, project: Project, ids: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """What the stars of these reviews say, (n,), -1 where nothing; None where that is all they say."""
    ratings = stars.of_reviews(db, ids.tolist())
    found = weak_labels.from_ratings(
        [ratings.get(each, np.nan) for each in ids.tolist()], _names(project.labels)
    )
    return found if (found >= 0).any() else None


def _stop_set(db: Database, project: Project) -> Unlabelled:
    ids, texts = stopping.stop_set(db, project.id, STOP_SET)
    return Unlabelled(np.array(ids, dtype=np.int64), texts)


def _publish(
    db: Database, claim: work.Claim, task: RoundTask, result: RoundResult, progress: Progress
) -> None:
    this = rounds.get(db, claim.id)
    project = projects.get(db, this.project_id)
    version = _add_version(db, claim, task, result)
    _add_predictions(db, claim, project, version, result, progress)
    _add_stop_answers(db, claim, project, version, task, result)
    ranking_id = rankings.write(
        db,
        project.id,
        [rankings.RankedReview(item.id, item.origin, item.probability) for item in result.queue],
        utc_now(),
        this.id,
        version.id,
    )
    report = replace(result.report, stopping=stop_advice.advise(db, project, task, result))
    rounds.publish(
        db,
        claim,
        version.id,
        ranking_id,
        result.verdict.serves,
        result.timings,
        utc_now(),
        report.to_dict(),
    )


def _add_version(db: Database, claim: work.Claim, task: RoundTask, result: RoundResult) -> ModelVersion:
    metrics = [
        model_versions.Metric(m.part, m.slice, m.name, m.value, m.low, m.high, m.n) for m in result.metrics
    ]
    return model_versions.add(
        db,
        claim,
        encoder=task.encoder.name,
        encoder_sha256=task.encoder.sha256,
        classifier=result.report.classifier,
        checkpoint=result.checkpoint.name,
        manifest_sha256=result.manifest_sha256,
        training_labels=len(task.train.ids),
        weak_labels=result.weak_labels,
        verdict=result.verdict.code,
        reason=result.verdict.reason,
        metrics=metrics,
        now=utc_now(),
    )


def _add_predictions(
    db: Database,
    claim: work.Claim,
    project: Project,
    version: ModelVersion,
    result: RoundResult,
    progress: Progress,
) -> None:
    total = len(result.scored_ids)
    for start in range(0, total, CHUNK):
        progress("publish", start, total)
        chunk = slice(start, start + CHUNK)
        pairs = zip(result.scored_ids[chunk].tolist(), result.probabilities[chunk].tolist(), strict=True)
        model_versions.add_predictions(
            db, claim, version.id, project.labels, [Scores(*pair) for pair in pairs]
        )


def _add_stop_answers(
    db: Database,
    claim: work.Claim,
    project: Project,
    version: ModelVersion,
    task: RoundTask,
    result: RoundResult,
) -> None:
    ids = task.stop_set.ids.tolist() if task.stop_set else []
    labels = [project.labels[answer].id for answer in result.stop_answers.tolist()]
    stopping.add_answers(db, claim, version.id, dict(zip(ids, labels, strict=True)))
