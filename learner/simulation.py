"""Replay of a labelled file with the code of live rounds: what would each strategy have cost in labels?"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from learner import classifiers
from learner.batch import ScoredPool, next_batch, seed_queue
from learner.classifiers.interface import RoundClassifier, dataset
from learner.encoders import Encoder
from learner.errors import NotEnoughLabels
from learner.evaluation import confusion, summary
from learner.features import FeatureCache
from learner.progress import Progress, silent
from learner.round import check_labels, rows_to_score
from learner.settings import RoundSettings

Ints = NDArray[np.int64]

SHARES: Final = (0.90, 0.95, 0.99)
SCORES: Final = ("accuracy", "macro_f1")
TEST_SHARE: Final = 0.2


@dataclass(frozen=True)
class Arm:
    """One contestant."""

    classifier: str
    strategy: str

    @property
    def name(self) -> str:
        return f"{self.classifier}/{self.strategy}"


@dataclass(frozen=True)
class Point:
    """One place on a learning curve: mean over the seeds with its 95 % band (None for a single seed)."""

    labels: int
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ArmResult:
    """One arm: curves by score, labels needed by score and share (None: more than the budget).

    `full_data` is the score with every training label; `ratio_to_random` is the median over seeds of labels
    needed against the random arm with the same classifier, None without one or where the budget ran out.
    """

    arm: Arm
    full_data: dict[str, float]
    curves: dict[str, list[Point]]
    labels_to: dict[str, dict[str, float | None]]
    ratio_to_random: dict[str, dict[str, float | None]]
    seconds_per_round: float


@dataclass(frozen=True)
class SimulationResult:
    """What a simulation found, and with what it was run."""

    encoder: str
    train_reviews: int
    test_reviews: int
    seeds: list[int]
    start: int
    batch: int
    budget: int
    arms: list[ArmResult]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Corpus:
    texts: list[str]
    y: Ints
    label_names: list[str]
    train: Ints
    test: Ints
    encoder: Encoder
    features: Path


@dataclass
class _Run:
    """One arm with one seed: a row of scores per round, and the seconds each took."""

    labels: list[int]
    scores: dict[str, list[float]]
    seconds: list[float]


def simulate(
    texts: Sequence[str],
    labels: Ints,
    label_names: list[str],
    encoder: Encoder,
    features: Path,
    arms: Sequence[Arm],
    seeds: Sequence[int],
    start: int,
    batch: int,
    budget: int,
    progress: Progress = silent,
    test: NDArray[np.bool_] | None = None,
    settings: RoundSettings | None = None,
) -> SimulationResult:
    """Learning curves of the arms from `start` labels in steps of `batch` to `budget`.

    labels: (n,) indices into label_names. test: (n,) True for the fixed test part; drawn (20 %) if not given.
    Every arm sees the same pool and seeds; the random arm starts at random, the others at k-means medoids.
    """
    corpus = _corpus(texts, labels, label_names, encoder, features, test)
    FeatureCache(features, encoder).encode(corpus.texts, progress)
    budget = min(budget, len(corpus.train))
    base = replace(settings or RoundSettings(), audit_share=0.0)
    full = {name: _full_data(corpus, replace(base, classifier=name)) for name in {a.classifier for a in arms}}
    runs: dict[Arm, list[_Run]] = {}
    for i, arm in enumerate(arms):
        own = replace(base, classifier=arm.classifier, strategy=arm.strategy)
        for j, seed in enumerate(seeds):
            progress("train", i * len(seeds) + j, len(arms) * len(seeds))
            runs.setdefault(arm, []).append(
                _replay(corpus, replace(own, seed=seed), start, batch, budget, progress)
            )
    results = [_result(arm, runs, full[arm.classifier]) for arm in arms]
    sizes = len(corpus.train), len(corpus.test)
    return SimulationResult(encoder.name, *sizes, list(seeds), start, batch, budget, results)


def _corpus(
    texts: Sequence[str],
    labels: Ints,
    label_names: list[str],
    encoder: Encoder,
    features: Path,
    test: NDArray[np.bool_] | None,
) -> _Corpus:
    y = np.asarray(labels, dtype=np.int64)
    if test is None:
        test = np.zeros(len(y), dtype=bool)
        test[np.random.default_rng(0).choice(len(y), round(TEST_SHARE * len(y)), replace=False)] = True
    train_rows, test_rows = np.flatnonzero(~test), np.flatnonzero(test)
    check_labels(y[train_rows], label_names)
    if not len(test_rows):
        raise NotEnoughLabels(
            "The file has no test part to measure on. Give more rows or another split column."
        )
    return _Corpus(list(texts), y, label_names, train_rows, test_rows, encoder, features)


def _replay(
    corpus: _Corpus, settings: RoundSettings, start: int, batch: int, budget: int, progress: Progress
) -> _Run:
    """Rounds from a cold start until the budget is spent; the file answers instead of an annotator."""
    run = _Run([], {name: [] for name in SCORES}, [])
    labelled = _cold_start(corpus, settings, min(start, budget))
    while True:
        began = time.perf_counter()
        fitted = _fit(corpus, settings, labelled, progress)
        for name, value in _scores(corpus, fitted, labelled).items():
            run.scores[name].append(value)
        run.labels.append(len(labelled))
        if len(labelled) >= budget:
            return run
        size = min(batch, budget - len(labelled))
        # Each round draws anew; without its number every random batch would come from the same state.
        step = replace(settings, query_size=size, seed=(settings.seed * 10_007 + len(labelled)) % 2**31)
        asked = _query(corpus, step, fitted, labelled)
        run.seconds.append(time.perf_counter() - began)
        labelled = np.concatenate([labelled, asked])


def _cold_start(corpus: _Corpus, settings: RoundSettings, size: int) -> Ints:
    if settings.strategy == "random":
        return np.random.default_rng(settings.seed).choice(corpus.train, size, replace=False)
    encoded = FeatureCache(corpus.features, corpus.encoder).encode(
        [corpus.texts[row] for row in corpus.train]
    )
    return np.asarray([item.id for item in seed_queue(encoded, corpus.train, size, settings.seed)])


def _fit(
    corpus: _Corpus, settings: RoundSettings, labelled: Ints, progress: Progress
) -> RoundClassifier | None:
    """None while all labels are of one class: nothing can be trained, and a live project would wait too."""
    y = corpus.y[labelled]
    if len(np.unique(y)) < 2:
        return None
    classifier = classifiers.create(settings, corpus.label_names, corpus.encoder, corpus.features)
    texts = [corpus.texts[row] for row in labelled]
    # One step of many: the caller hears of whole runs, but may cancel at each.
    pool = [corpus.texts[row] for row in np.setdiff1d(corpus.train, labelled)]
    classifier.fit(dataset(texts, y, len(corpus.label_names)), progress=progress, pool=pool)
    return classifier


def _scores(corpus: _Corpus, fitted: RoundClassifier | None, labelled: Ints) -> dict[str, float]:
    if fitted is None:
        predicted = np.full(len(corpus.test), corpus.y[labelled[0]])
    else:
        proba = fitted.model.predict_proba([corpus.texts[row] for row in corpus.test])
        predicted = proba.argmax(axis=1)
    found = summary(confusion(corpus.y[corpus.test], predicted, len(corpus.label_names)))
    return {name: float(found[name]) for name in SCORES}


def _query(corpus: _Corpus, settings: RoundSettings, fitted: RoundClassifier | None, labelled: Ints) -> Ints:
    """Rows of the corpus to label next, by the code that chooses live batches."""
    free = np.setdiff1d(corpus.train, labelled)
    if fitted is None:
        size = min(settings.query_size, len(free))
        return np.random.default_rng(settings.seed).choice(free, size, replace=False)
    texts = [corpus.texts[row] for row in free]
    rows = rows_to_score(len(free), settings)
    proba, embeddings = fitted.model.scores([texts[row] for row in rows])
    known = fitted.model.scores([corpus.texts[row] for row in labelled])
    pool = ScoredPool(free, texts, rows, proba, embeddings, *known, corpus.y[labelled])
    return np.asarray([item.id for item in next_batch(pool, settings)], dtype=np.int64)


def _full_data(corpus: _Corpus, settings: RoundSettings) -> dict[str, float]:
    return _scores(corpus, _fit(corpus, settings, corpus.train, silent), corpus.train)


def _result(arm: Arm, runs: dict[Arm, list[_Run]], full: dict[str, float]) -> ArmResult:
    own, random = runs[arm], runs.get(Arm(arm.classifier, "random"))
    # A random run that never got there would have needed more than the budget: the true ratio is lower still.
    budget = own[0].labels[-1]
    needed = {score: _needed(own, score, full[score]) for score in SCORES}
    ratios: dict[str, dict[str, float | None]] = {}
    for score in SCORES:
        theirs = _needed(random, score, full[score]) if random else {}
        ratios[score] = {
            share: _median(counts / np.minimum(theirs[share], budget)) if share in theirs else None
            for share, counts in needed[score].items()
        }
    labels_to = {
        score: {share: _median(n) for share, n in shares.items()} for score, shares in needed.items()
    }
    curves = {score: list(_curve(own, score)) for score in SCORES}
    seconds = [second for run in own for second in run.seconds]
    return ArmResult(arm, full, curves, labels_to, ratios, float(np.mean(seconds)) if seconds else 0.0)


def _needed(runs: list[_Run], score: str, full: float) -> dict[str, NDArray[np.float64]]:
    """By share of the full-data score, labels (seeds,) when each run first reached it; inf: never."""
    result = {}
    for share in SHARES:
        reached = [
            [n for n, s in zip(r.labels, r.scores[score], strict=True) if s >= share * full] for r in runs
        ]
        result[f"{share:.2f}"] = np.asarray([min(counts, default=np.inf) for counts in reached])
    return result


def _median(values: NDArray[np.float64]) -> float | None:
    """None where the middle run did not get there within the budget."""
    middle = float(np.median(values))
    return middle if np.isfinite(middle) else None


def _curve(runs: list[_Run], score: str) -> Iterator[Point]:
    count = len(runs)
    for i, labels in enumerate(runs[0].labels):
        values = np.asarray([run.scores[score][i] for run in runs])
        mean = float(values.mean())
        if count < 2:
            yield Point(labels, mean, None, None)
            continue
        half = float(student.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count))
        yield Point(labels, mean, max(0.0, mean - half), min(1.0, mean + half))
