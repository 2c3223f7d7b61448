"""One run: rounds from a cold start until the budget is spent; the file answers instead of an annotator."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from learner import candidates, classifiers
from learner.batch import ScoredPool, next_batch
from learner.classifiers.interface import RoundClassifier, dataset
from learner.cold_start import informed_seed_queue
from learner.evaluation import confusion, summary
from learner.features import FeatureCache
from learner.progress import Progress, silent
from learner.settings import RoundSettings
from learner.simulation import stars
from learner.simulation.arms import RANDOM, Bench, Task

Ints = NDArray[np.int64]

SCORES: Final = ("accuracy", "macro_f1")


@dataclass
class Run:
    """What came of a task: labels and each score by round, and the seconds of each round's two parts.

    The last round asks for nothing, so there is one query fewer.
    """

    labels: list[int] = field(default_factory=list)
    scores: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in SCORES})
    train_seconds: list[float] = field(default_factory=list)
    query_seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Round:
    """Rows of the corpus that have a label, in the order asked for, and what was fitted to them; None: one class.

    The first round's rows were not asked for: no query_seconds.
    """

    labelled: Ints
    fitted: RoundClassifier | None
    train_seconds: float
    query_seconds: float | None = None


def replay(bench: Bench, task: Task, progress: Progress = silent) -> Run:
    """Run one task; progress counts its rounds, under the phase `simulate`."""
    run = Run()
    for each in rounds(bench, task, progress):
        if each.query_seconds is not None:
            run.query_seconds.append(each.query_seconds)
        run.train_seconds.append(each.train_seconds)
        run.labels.append(len(each.labelled))
        for name, value in _scores(bench, each.fitted, each.labelled).items():
            run.scores[name].append(value)
    return run


def rounds(bench: Bench, task: Task, progress: Progress = silent) -> Iterator[Round]:
    """The rounds of a task, one after the other."""
    settings, steps = bench.plan.settings_of(task), rounds_of(bench, task)
    labelled = _cold_start(bench, settings, steps[0]) if task.strategy else bench.corpus.train
    fitted: RoundClassifier | None = None
    for number, wanted in enumerate(steps):
        # One round of many: what its parts report only serves to hear of a cancel.
        def heard(phase: str, done: int, total: int, number: int = number) -> None:
            progress("simulate", number, len(steps))

        queried = None
        if number:
            began = time.perf_counter()
            size = wanted - len(labelled)
            step = replace(settings, query_size=size).drawing_at(len(labelled))
            labelled = np.concatenate([labelled, _query(bench, step, fitted, labelled)])
            queried = time.perf_counter() - began
        began = time.perf_counter()
        fitted = _fit(bench, settings, labelled, heard)
        yield Round(labelled, fitted, time.perf_counter() - began, queried)


def rounds_of(bench: Bench, task: Task) -> list[int]:
    """Labels at each round of a task."""
    return bench.plan.labels() if task.strategy else [len(bench.corpus.train)]


def _cold_start(bench: Bench, settings: RoundSettings, size: int) -> Ints:
    """The first rows: at random for the random arm, for all others the medoids that live projects start with."""
    corpus = bench.corpus
    if settings.strategy == RANDOM:
        return np.random.default_rng(settings.seed).choice(corpus.train, size, replace=False)
    cache = FeatureCache(bench.features, bench.encoders[settings.encoder])
    encoded = cache.encode([corpus.texts[row] for row in corpus.train])
    told = stars.prior(corpus, corpus.train, settings)
    queue = informed_seed_queue(encoded, corpus.train, size, settings.seed, told)
    chosen = np.asarray([item.id for item in queue])
    # Equal texts are asked about once, so there may be fewer medoids than wanted.
    rest = np.setdiff1d(corpus.train, chosen)
    missing = np.random.default_rng(settings.seed).choice(rest, size - len(chosen), replace=False)
    return np.concatenate([chosen, missing]).astype(np.int64)


def _fit(bench: Bench, settings: RoundSettings, labelled: Ints, progress: Progress) -> RoundClassifier | None:
    """None while all labels are of one class: nothing can be trained, and a live project would wait too."""
    corpus = bench.corpus
    known = stars.known(corpus, labelled, settings)
    if len(np.unique(known.y)) < 2:
        return None
    encoder = bench.encoders[settings.encoder]
    classifier = classifiers.create(settings, corpus.label_names, encoder, bench.features)
    train = dataset(known.texts, known.y, len(corpus.label_names))
    pool = [corpus.texts[row] for row in np.setdiff1d(corpus.train, labelled)]
    classifier.fit(train, known.weights, progress=progress, pool=pool)
    return classifier


def _scores(bench: Bench, fitted: RoundClassifier | None, labelled: Ints) -> dict[str, float]:
    corpus = bench.corpus
    if fitted is None:
        predicted = np.full(len(corpus.test), corpus.y[labelled[0]])
    else:
        proba = fitted.model.predict_proba([corpus.texts[row] for row in corpus.test])
        predicted = proba.argmax(axis=1)
    found = summary(confusion(corpus.y[corpus.test], predicted, len(corpus.label_names)))
    return {name: float(found[name]) for name in SCORES}


def _query(bench: Bench, settings: RoundSettings, fitted: RoundClassifier | None, labelled: Ints) -> Ints:
    """Rows of the corpus to label next, by the code that chooses live batches."""
    corpus = bench.corpus
    free = np.setdiff1d(corpus.train, labelled)
    chosen = np.zeros(0, dtype=np.int64)
    if fitted is not None:
        texts = [corpus.texts[row] for row in free]
        seen = [corpus.texts[row] for row in labelled]
        encoder = bench.encoders[settings.encoder]
        sample = candidates.to_score(texts, seen, corpus.y[labelled], settings, encoder, bench.features)
        rows = sample.rows
        proba, embeddings = fitted.model.scores([texts[row] for row in rows])
        known = fitted.model.scores(seen)
        pool = ScoredPool(free, texts, rows, proba, embeddings, *known, corpus.y[labelled])
        chosen = np.asarray([item.id for item in next_batch(pool, settings)], dtype=np.int64)
    # No model yet, or fewer different texts than wanted: the rest is drawn.
    size = min(settings.query_size, len(free)) - len(chosen)
    left = np.setdiff1d(free, chosen)
    return np.concatenate([chosen, np.random.default_rng(settings.seed).choice(left, size, replace=False)])
