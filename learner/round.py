"""One round: train, evaluate, gate, query, save. Start reading here."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from small_text import TextDataset

from learner import audit, candidates, checkpoint, classifiers, gate, weak_labels
from learner.batch import QueuedReview, ScoredPool, next_batch, seed_queue
from learner.candidates import Candidates
from learner.classifiers.interface import RoundClassifier, dataset
from learner.encoders import Encoder
from learner.errors import CheckpointError, EncoderError
from learner.evaluation import Metric, evaluate
from learner.gate import Verdict
from learner.label_counts import check_labels
from learner.progress import InPhase, Progress, silent
from learner.report import RoundReport
from learner.settings import RoundSettings
from learner.weak_labels import WeakLabels

__all__ = [
    "Labelled",
    "Metric",
    "QueuedReview",
    "RoundResult",
    "RoundTask",
    "Unlabelled",
    "Verdict",
    "run_round",
    "seed_queue",
]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Labelled:
    """Reviews with their labels: ids, y and random are (n,); `random` marks those drawn uniformly.

    weights: (n,) how many reviews each of those stands for beside the others; None: all for the same number.
    """

    ids: Ints
    texts: list[str]
    y: Ints
    random: NDArray[np.bool_]
    weights: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Unlabelled:
    """Reviews of the pool that wait for a label: ids (n,)."""

    ids: Ints
    texts: list[str]


@dataclass(frozen=True)
class RoundTask:
    """A snapshot of the project, and where to read features and publish the checkpoint.

    serving: the checkpoint of the model version that serves now, if there is one; serving_labels are the names
    of its labels in its own order, where they are called or ordered otherwise today. weak: star ratings to learn
    from beside `train`, never to measure by. pool_stars: what the stars of the pool's reviews say, (m,) label
    indices, -1 where nothing; None without stars. stop_set: reviews whose predictions are compared from round to
    round.
    """

    settings: RoundSettings
    label_names: list[str]
    encoder: Encoder
    train: Labelled
    validation: Labelled
    holdout: Labelled
    pool: Unlabelled
    features: Path
    checkpoint: Path
    serving: Path | None
    serving_labels: list[str] | None = None
    weak: WeakLabels = weak_labels.NONE
    pool_stars: Ints | None = None
    stop_set: Unlabelled | None = None


@dataclass(frozen=True)
class RoundResult:
    """What a round publishes; probabilities (m, k) belong to scored_ids (m,), seconds to phases.

    `weak_labels`: how many star ratings were learned from.

    Scored are the pool, or the part of it that `score_limit` allows, and the labelled holdout and validation
    reviews, so that people can look at the mistakes behind the metrics.
    """

    metrics: list[Metric]
    queue: list[QueuedReview]
    scored_ids: Ints
    probabilities: Floats
    verdict: Verdict
    timings: dict[str, float]
    checkpoint: Path
    manifest_sha256: str
    # What the version says of the stop set, as label indices.
    stop_answers: Ints
    report: RoundReport
    weak_labels: int = 0


def run_round(task: RoundTask, progress: Progress = silent) -> RoundResult:
    """Train on the snapshot and choose the next batch; same snapshot and seed, same result.

    Except where `auto` or a search runs out of its time: then the machine's speed has a say.

    Raises NotEnoughLabels, TrainingDiverged, Cancelled (from `progress`), EncoderError. Publishes the
    checkpoint as the last step, so that nothing is left behind when it raises.
    """
    settings, labels = task.settings, task.label_names
    known = weak_labels.combine(task.train.texts, task.train.y, task.weak, settings)
    check_labels(task.train.y, labels, known.y[len(task.train.y) :])
    timings: dict[str, float] = {}
    train = dataset(known.texts, known.y, len(labels))
    random = np.pad(task.train.random, (0, known.weak))  # stars were not drawn to measure by
    validation = dataset(task.validation.texts, task.validation.y, len(labels))
    sample = _sample(task, settings, progress)
    to_score = [task.pool.texts[row] for row in sample.rows]
    classifier = classifiers.create(settings, labels, task.encoder, task.features)

    with _timed(timings, "encode"):
        stop_texts = task.stop_set.texts if task.stop_set else []
        seen = [text for part in (known, task.validation, task.holdout) for text in part.texts]
        classifier.prepare(seen + to_score + stop_texts, progress)
    with _timed(timings, "train"):
        classifier.fit(train, known.weights, validation, progress, to_score)
        classifier.calibrate(train, random, validation)
    settings = classifier.decided or settings
    report = RoundReport(settings.classifier, classifier.choice, classifier.search)
    _part_off(timings, report)
    if settings.effective_score_limit != task.settings.effective_score_limit:
        # A tuned classifier that `auto` chose scores fewer than were encoded for head.
        sample = _sample(task, settings, progress)
        to_score = [task.pool.texts[row] for row in sample.rows]
    rows = sample.rows
    with _timed(timings, "evaluate"):
        metrics, verdict, evaluated = _judge(task, classifier, InPhase("evaluate", progress))
    with _timed(timings, "score"):
        progress("score", 0, 1)
        scoring = InPhase("score", progress)
        proba, embeddings = classifier.model.scores(to_score, scoring)
        labelled = classifier.model.scores(task.train.texts, scoring)
        guesses = dict(zip(task.pool.ids[rows].tolist(), proba.argmax(axis=1).tolist(), strict=True))
        stop_answers = _stop_answers(task, classifier, guesses, scoring)
        metrics += _audited(task, classifier, train, known.weights, proba[sample.uniform])
    with _timed(timings, "query"):
        progress("query", 0, 1)
        y, stars = task.train.y, task.pool_stars
        pool = ScoredPool(task.pool.ids, task.pool.texts, rows, proba, embeddings, *labelled, y, stars)
        queue = next_batch(pool, settings.drawing_at(len(y)))
        progress("query", 1, 1)
    with _timed(timings, "save"):
        progress("save", 0, 1)
        about = checkpoint.facts(settings, labels, task.encoder)
        manifest = checkpoint.save(task.checkpoint, about, classifier.model)
    scored_ids = np.concatenate([task.pool.ids[rows], task.holdout.ids, task.validation.ids])
    scores = np.concatenate([proba, evaluated])
    return RoundResult(
        metrics,
        queue,
        scored_ids,
        scores,
        verdict,
        timings,
        task.checkpoint,
        manifest,
        stop_answers,
        report,
        known.weak,
    )


def _sample(task: RoundTask, settings: RoundSettings, progress: Progress) -> Candidates:
    train = task.train
    drawing = settings.drawing_at(len(train.y))
    return candidates.to_score(
        task.pool.texts, train.texts, train.y, drawing, task.encoder, task.features, progress
    )


def _judge(
    task: RoundTask, classifier: RoundClassifier, progress: Progress
) -> tuple[list[Metric], Verdict, Floats]:
    """The metrics, whether the new version may serve, and the probabilities of holdout and then validation."""
    progress("evaluate", 0, 1)
    names, seed = task.label_names, task.settings.seed
    holdout = classifier.model.predict_proba(task.holdout.texts, progress)
    validation = classifier.model.predict_proba(task.validation.texts, progress)
    metrics = evaluate("holdout", task.holdout.y, holdout, names, seed)
    metrics += evaluate("validation", task.validation.y, validation, names, seed)
    verdict = _verdict(task, validation.argmax(axis=1), progress)
    return metrics, verdict, np.concatenate([holdout, validation])


def _audited(
    task: RoundTask,
    classifier: RoundClassifier,
    train: TextDataset,
    known_weights: NDArray[np.float64] | None,
    pool: Floats,
) -> list[Metric]:
    """The scores by audit items; none where there are none, or where cross-fitting would take a training a fold."""
    drawn = task.train.random
    held_out = classifier.cross_fit(train, known_weights) if drawn.any() else None
    if held_out is None:
        return []
    weights = np.ones(len(drawn)) if task.train.weights is None else task.train.weights
    waiting = pool.max(axis=1) if len(pool) else np.zeros(0)
    return audit.evaluate(
        task.train.y[drawn], held_out[: len(drawn)][drawn], weights[drawn], waiting, task.label_names
    )


def _stop_answers(
    task: RoundTask, classifier: RoundClassifier, scored: Mapping[int, int], progress: Progress
) -> Ints:
    """Label indices (m,); scored holds those that are known already, by id."""
    if task.stop_set is None:
        return np.zeros(0, dtype=np.int64)
    answers = dict(scored)
    pairs = zip(task.stop_set.ids.tolist(), task.stop_set.texts, strict=True)
    unknown = {id_: text for id_, text in pairs if id_ not in answers}
    if unknown:
        predicted = classifier.model.predict_proba(list(unknown.values()), progress).argmax(axis=1)
        answers.update(zip(unknown, predicted.tolist(), strict=True))
    return np.array([answers[id_] for id_ in task.stop_set.ids.tolist()], dtype=np.int64)


def _verdict(task: RoundTask, new: Ints, progress: Progress) -> Verdict:
    """new: (n,) predictions of the new version on the validation part."""
    if task.serving is None:
        return gate.first()
    texts, y = task.validation.texts, task.validation.y
    if len(y) < gate.MIN_LABELS:
        return gate.too_few(len(y))
    try:
        serving = checkpoint.load(task.serving, task.encoder.folder.parent, task.features)
    except (CheckpointError, EncoderError) as problem:
        return gate.unmeasured(f"The serving version cannot be compared: {problem}")
    labels = task.serving_labels or serving.labels
    if sorted(labels) != sorted(task.label_names):
        return gate.unmeasured("The serving version was trained for other labels.")
    today = np.array([task.label_names.index(name) for name in labels])
    old = today[serving.predict_proba(texts, progress).argmax(axis=1)]
    return gate.compare(y, old, new, task.label_names, task.settings.seed)


def _part_off(timings: dict[str, float], report: RoundReport) -> None:
    """Tell the search's time apart from the training's."""
    if report.search is not None:
        timings["search"] = report.search.seconds
        timings["train"] -= report.search.seconds


@contextmanager
def _timed(timings: dict[str, float], phase: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    timings[phase] = time.perf_counter() - started
