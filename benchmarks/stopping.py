"""When each criterion would have stopped, what that loses and saves: labelling replayed on files with known labels.

python benchmarks/stopping.py cr.csv.gz womens_clothing.csv.gz --encoders instance/encoders --features instance/features
"""

import argparse
import csv
import gzip
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner import audit, intervals
from learner.advice import Advice
from learner.batch import ScoredPool, next_batch, seed_queue
from learner.classifiers.head import HeadClassifier
from learner.classifiers.interface import dataset
from learner.embeddings import Encode
from learner.encoders import resolve
from learner.evaluation import Metric
from learner.features import FeatureCache
from learner.learning_curve import Score
from learner.settings import HeadSettings, RoundSettings
from learner.stopping import SMALL_GAIN, STEP, STOP_SET, Standing, advise

# Nobody learns from the test part: many reviews, since a difference of two versions is told in fractions of a point.
POOL, TEST, HOLDOUT = 5_000, 8_000, 200
START, BATCH = 20, 20
# Rounds at which the audit items are judged as well: five trainings each.
AUDIT_EVERY = 100


@dataclass(frozen=True)
class Corpus:
    """texts, y (n,), features (n, d) and what makes them; rows of the pool, and of the part that tells the truth."""

    name: str
    texts: list[str]
    y: NDArray[np.int64]
    labels: list[str]
    features: NDArray[np.float32]
    pool: NDArray[np.int64]
    test: NDArray[np.int64]
    c: float
    encode: Encode


@dataclass(frozen=True)
class Round:
    """What was known after a round, and what was true: accuracy of the version on the whole test part."""

    standing: Standing
    true: float
    class_labels: dict[str, int]
    audit: list[Metric]
    true_on_pool: float


@dataclass(frozen=True)
class Check:
    """The advice after a round, and what was true: accuracy now and, if the budget lasts, 100 labels later."""

    labels: int
    advice: Advice
    true: float
    later: float | None


CRITERIA: dict[str, Callable[[Advice], bool]] = {
    "kappa": lambda advice: advice.stable is True,
    "scores settled": lambda advice: advice.settled is True,
    "gain below 1 point": lambda advice: advice.gain is not None and advice.gain < SMALL_GAIN,
    "5 labels a class": lambda advice: not advice.rare,
    "advice": lambda advice: advice.code == "stop",
}


def main() -> None:
    arguments = _arguments()
    for file in arguments.files:
        corpus = read(file, arguments.encoder, arguments.encoders, arguments.features)
        runs = []
        for seed in range(arguments.seeds):
            runs.append(list(replay(corpus, seed, arguments.budget)))
            print(f"{corpus.name}: seed {seed}", file=sys.stderr, flush=True)
        checked = [_checks(run) for run in runs]
        ends = [run[-1].true for run in runs]
        print(
            f"{corpus.name}: {len(runs)} runs to {arguments.budget} labels, accuracy at the end {np.mean(ends):.4f}"
        )
        for name, holds in CRITERIA.items():
            _print_criterion(name, holds, checked, ends, arguments.budget)
        _print_gains(checked)
        _print_audit(runs)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("files", type=Path, nargs="+", help="gzipped CSV files (text, label, split)")
    parser.add_argument("--encoder", default="e5-small", help="name of an added encoder, or a folder")
    parser.add_argument("--encoders", type=Path, default=Path("instance/encoders"))
    parser.add_argument("--features", type=Path, default=Path("instance/features"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=600, help="labels at which a run ends")
    return parser.parse_args()


def _checks(run: Sequence[Round]) -> list[Check]:
    later = {each.standing.labels: each.true for each in run}
    found = []
    for at, each in enumerate(run):
        advice = advise([before.standing for before in run[: at + 1]], each.class_labels)
        labels = each.standing.labels
        found.append(Check(labels, advice, each.true, later.get(labels + STEP)))
    return found


def _print_criterion(
    name: str,
    holds: Callable[[Advice], bool],
    checked: Sequence[Sequence[Check]],
    ends: Sequence[float],
    budget: int,
) -> None:
    stops = [next((check for check in checks if holds(check.advice)), checks[-1]) for checks in checked]
    never = sum(not any(holds(check.advice) for check in checks) for checks in checked)
    at = [check.labels for check in stops]
    lost = [100 * (end - check.true) for check, end in zip(stops, ends, strict=True)]
    print(
        f"  {name:20}stops at {np.median(at):4.0f} ({min(at)} to {max(at)}), never in {never}; loses"
        f" {np.mean(lost):5.2f} points (at most {max(lost):.2f}), saves {budget - np.mean(at):4.0f} labels"
    )


def _print_gains(checked: Sequence[Sequence[Check]]) -> None:
    """How often the interval of the gain holds what the next 100 labels brought."""
    held, errors = [], []
    for check in (check for checks in checked for check in checks):
        advice = check.advice
        if advice.gain is None or advice.gain_low is None or advice.gain_high is None or check.later is None:
            continue
        brought = check.later - check.true
        held.append(advice.gain_low <= brought <= advice.gain_high)
        errors.append(100 * (advice.gain - brought))
    print(
        f"  gain of the next {STEP}: its interval holds it in {np.mean(held):.1%} of {len(held)} checks;"
        f" expected less brought: {np.mean(errors):+.2f} points, sd {np.std(errors):.2f}"
    )


def _print_audit(runs: Sequence[Sequence[Round]]) -> None:
    """The cross-fitted accuracy against what is true of the pool that waits."""
    errors, held = [], []
    for each in (each for run in runs for each in run):
        for metric in each.audit:
            if metric.name == "accuracy" and metric.low is not None and metric.high is not None:
                errors.append(100 * (metric.value - each.true_on_pool))
                held.append(metric.low <= each.true_on_pool <= metric.high)
    print(
        f"  audit accuracy less the truth of the pool: {np.mean(errors):+.2f} points, root mean square"
        f" {np.sqrt(np.mean(np.square(errors))):.2f}; its interval holds it in {np.mean(held):.1%} of {len(held)}"
    )


def read(file: Path, encoder: str, encoders: Path, features: Path) -> Corpus:
    """The file (columns text, label, split), cut by hash: at most half of its training part is the pool."""
    with gzip.open(file, "rt", encoding="utf-8", newline="") as stream:
        rows = [(row["text"], row["label"], row["split"] == "test") for row in csv.DictReader(stream)]
    rows.sort(key=lambda row: sha256(row[0].encode()).digest())
    train, test = [row for row in rows if not row[2]], [row for row in rows if row[2]]
    size = min(POOL, len(train) // 2)
    kept = [*train[:size], *[*test, *train[size:]][:TEST]]
    texts, names = [row[0] for row in kept], sorted({row[1] for row in kept})
    found = resolve(encoders, encoder)
    cache = FeatureCache(features, found)
    y = np.array([names.index(row[1]) for row in kept], dtype=np.int64)
    rows_of = np.arange(len(kept))
    name = file.name.removesuffix(".csv.gz")
    parts = rows_of[:size], rows_of[size:]
    return Corpus(name, texts, y, names, cache.encode(texts), *parts, found.settings.head_c, cache.encode)


def replay(corpus: Corpus, seed: int, budget: int) -> Iterator[Round]:
    """Rounds of the default strategy with their audit share, from a k-means start to the budget."""
    rng = np.random.default_rng(seed)
    settings = RoundSettings(query_size=BATCH, seed=seed)
    stop_set = rng.choice(corpus.pool, min(STOP_SET, len(corpus.pool)), replace=False)
    holdout = rng.choice(corpus.test, HOLDOUT, replace=False)
    start = seed_queue(corpus.features[corpus.pool], corpus.pool, START, seed)
    labelled = np.array([item.id for item in start], dtype=np.int64)
    weights = np.zeros(len(labelled))  # of audit items; zero for the others
    while True:
        y = corpus.y[labelled]
        if len(np.unique(y)) > 1:
            classifier = HeadClassifier(corpus.labels, corpus.encode, HeadSettings(), corpus.c, seed)
            train = dataset([corpus.texts[row] for row in labelled], y, len(corpus.labels))
            classifier.fit(train)
            classifier.calibrate(train, weights > 0, train)
            yield _round(corpus, classifier, train, labelled, weights, stop_set, holdout)
        if len(labelled) >= budget:
            return
        free = np.setdiff1d(corpus.pool, labelled)
        texts = [corpus.texts[row] for row in free]
        if len(np.unique(y)) > 1:
            proba, embeddings = classifier.model.scores(texts)
            known = classifier.model.scores(train.x)
            pool = ScoredPool(free, texts, np.arange(len(free)), proba, embeddings, *known, y)
            chosen = next_batch(pool, settings.drawing_at(len(labelled)))
            asked = [(item.id, 1.0 / item.probability if item.probability else 0.0) for item in chosen]
        else:
            asked = [(row, len(free) / BATCH) for row in rng.choice(free, BATCH, replace=False)]
        labelled = np.concatenate([labelled, [row for row, _ in asked]]).astype(np.int64)
        weights = np.concatenate([weights, [weight for _, weight in asked]])


def _round(
    corpus: Corpus,
    classifier: HeadClassifier,
    train: Any,
    labelled: NDArray[np.int64],
    weights: NDArray[np.float64],
    stop_set: NDArray[np.int64],
    holdout: NDArray[np.int64],
) -> Round:
    def probabilities(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return classifier.model.predict_proba([corpus.texts[row] for row in rows])

    on_test = probabilities(corpus.test)
    on_holdout = on_test[holdout - corpus.test[0]]
    accuracy = float((on_holdout.argmax(axis=1) == corpus.y[holdout]).mean())
    low, high = map(float, intervals.share(accuracy, len(holdout)))
    score = Score(accuracy, low, high, len(holdout))
    answers = probabilities(stop_set).argmax(axis=1)
    found: list[Metric] = []
    true_on_pool = float("nan")
    drawn = weights > 0
    if len(labelled) % AUDIT_EVERY == 0 and drawn.any():
        held_out = classifier.cross_fit(train)
        if held_out is not None:
            rest = np.setdiff1d(corpus.pool, labelled)
            waiting = probabilities(rest)
            true_on_pool = float((waiting.argmax(axis=1) == corpus.y[rest]).mean())
            y = corpus.y[labelled]
            found = audit.evaluate(
                y[drawn], held_out[drawn], weights[drawn], waiting.max(axis=1), corpus.labels
            )
    counts = np.bincount(corpus.y[labelled], minlength=len(corpus.labels))
    classes = dict(zip(corpus.labels, counts.tolist(), strict=True))
    true = float((on_test.argmax(axis=1) == corpus.y[corpus.test]).mean())
    return Round(Standing(len(labelled), score, answers), true, classes, found, true_on_pool)


if __name__ == "__main__":
    main()
