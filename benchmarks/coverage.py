"""How often 95 % intervals hold the truth: holdouts and audit samples of several sizes, drawn from a whole file.

python benchmarks/coverage.py womens_clothing.csv.gz --encoders instance/encoders --features instance/features
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# The other benchmark's way of reading a file.
from stopping import Corpus, read

from learner import audit, evaluation
from learner.classifiers.head import HeadClassifier
from learner.classifiers.interface import dataset
from learner.evaluation import Metric, confusion, summary
from learner.intervals import CALIBRATION_BINS, area
from learner.settings import HeadSettings

TRAINED_ON = 300
AIM = (0.93, 0.97)


def main() -> None:
    arguments = _arguments()
    for file in arguments.files:
        corpus = read(file, arguments.encoder, arguments.encoders, arguments.features)
        y, proba = _fixed_predictions(corpus)
        true = dict(_truth(y, proba, corpus.labels))
        print(f"{corpus.name}: {len(y)} reviews, accuracy {true['all', 'accuracy']:.3f}", flush=True)
        for part in ("holdout", "audit"):
            for n in arguments.sizes:
                _print(part, n, _held(part, y, proba, corpus.labels, true, n, arguments.runs))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("files", type=Path, nargs="+", help="gzipped CSV files (text, label, split)")
    parser.add_argument("--encoder", default="e5-small", help="name of an added encoder, or a folder")
    parser.add_argument("--encoders", type=Path, default=Path("instance/encoders"))
    parser.add_argument("--features", type=Path, default=Path("instance/features"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 100, 200, 400])
    parser.add_argument("--runs", type=int, default=1000, help="samples drawn of each size")
    return parser.parse_args()


def _fixed_predictions(corpus: Corpus) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """What a head trained on some of the reviews says of all the others, and their labels."""
    rows = np.random.default_rng(0).choice(len(corpus.y), TRAINED_ON, replace=False)
    rest = np.setdiff1d(np.arange(len(corpus.y)), rows)
    classifier = HeadClassifier(corpus.labels, corpus.encode, HeadSettings(), corpus.c)
    train = dataset([corpus.texts[row] for row in rows], corpus.y[rows], len(corpus.labels))
    classifier.fit(train)
    classifier.calibrate(train, np.ones(TRAINED_ON, dtype=bool), train)
    return corpus.y[rest], classifier.model.predict_proba([corpus.texts[row] for row in rest])


def _truth(
    y: NDArray[np.int64], proba: NDArray[np.float32], labels: list[str]
) -> Iterator[tuple[tuple[str, str], float]]:
    """Every figure over all reviews, the calibration error by its plain definition."""
    found = summary(confusion(y, proba.argmax(axis=1), len(labels)))
    confidence, hit = proba.max(axis=1).astype(np.float64), proba.argmax(axis=1) == y
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    yield ("all", "ece"), float(np.abs(np.bincount(bins, confidence - hit)).sum() / len(y))
    for name in ("accuracy", "macro_f1"):
        yield ("all", name), float(found[name])
    for i, label in enumerate(labels):
        yield (label, "roc_auc"), area(y == i, proba[:, i].astype(np.float64))[0]
        yield (label, "prevalence"), float((y == i).mean())
        for name in ("precision", "recall", "f1"):
            yield (label, name), float(found[name][i])


def _held(
    part: str,
    y: NDArray[np.int64],
    proba: NDArray[np.float32],
    labels: list[str],
    true: dict[tuple[str, str], float],
    n: int,
    runs: int,
) -> dict[tuple[str, str], list[bool]]:
    held: dict[tuple[str, str], list[bool]] = defaultdict(list)
    rng = np.random.default_rng(n)
    confidence = proba.max(axis=1)
    for run in range(runs):
        rows = rng.integers(0, len(y), n)  # with replacement: the file stands for all reviews there could be
        found: list[Metric]
        if part == "holdout":
            found = evaluation.evaluate(part, y[rows], proba[rows], labels, run)
        else:
            found = audit.evaluate(y[rows], proba[rows], np.ones(n), confidence, labels)
        for metric in found:
            if metric.low is not None and metric.high is not None:
                key = metric.slice, metric.name
                held[key].append(metric.low <= true[key] <= metric.high)
    return held


def _print(part: str, n: int, held: dict[tuple[str, str], list[bool]]) -> None:
    for (slice_, name), hits in sorted(held.items()):
        share = sum(hits) / len(hits)
        mark = "" if AIM[0] <= share <= AIM[1] else "  outside 93 to 97 %"
        print(f"{part:8}{n:5} {name:12}{slice_:12}{share:7.1%} of {len(hits)}{mark}", flush=True)


if __name__ == "__main__":
    main()
