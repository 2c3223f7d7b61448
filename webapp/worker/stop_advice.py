"""The advice when to stop, from what this round and the ones before it came to."""

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from learner import audit, stopping
from learner.advice import Advice
from learner.evaluation import Metric
from learner.learning_curve import Score
from learner.round import RoundResult, RoundTask
from learner.stopping import Standing
from webapp.store import model_versions
from webapp.store import stopping as stop_store
from webapp.store.projects import Project


def advise(db: Database, project: Project, task: RoundTask, result: RoundResult) -> Advice:
    """By the holdout where it has labels enough, else by the audit items.

    A curve belongs to one classifier on one encoder: rounds of others say nothing of where this one goes.
    """
    scores = {metric.part: metric for metric in result.metrics if metric.name == "accuracy"}
    holdout = scores.get("holdout")
    enough = holdout is not None and holdout.n >= stopping.FEWEST_MEASURED
    part = "holdout" if enough else audit.PART
    ids = task.stop_set.ids if task.stop_set else np.zeros(0, dtype=np.int64)
    place = {label.id: at for at, label in enumerate(project.labels)}
    before = [
        Standing(
            each.version.training_labels,
            _score(each.accuracy),
            np.array([place.get(each.answers.get(id_, -1), -1) for id_ in ids.tolist()], dtype=np.int64),
        )
        for each in stop_store.former(db, project.id, part)
        if (each.version.classifier, each.version.encoder_sha256)
        == (result.report.classifier, task.encoder.sha256)
    ]
    now = Standing(len(task.train.ids), _score(scores.get(part)), result.stop_answers)
    counts: NDArray[np.int64] = np.bincount(task.train.y, minlength=len(task.label_names))
    return stopping.advise(
        [*before, now],
        dict(zip(task.label_names, counts.tolist(), strict=True)),
        project.settings.target_accuracy or None,
        stop_store.seconds_per_label(db, project.id),
        task.settings.seed,
    )


def _score(metric: Metric | model_versions.Metric | None) -> Score | None:
    if metric is None or metric.low is None or metric.high is None:
        return None
    return Score(metric.value, metric.low, metric.high, metric.n)
