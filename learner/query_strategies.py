"""Which reviews to ask about next: small-text's strategies and our own, by name, behind one interface."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning
from small_text import (
    BreakingTies,
    Classifier,
    ContrastiveActiveLearning,
    EmbeddingKMeans,
    LeastConfidence,
    PredictionEntropy,
    QueryStrategy,
    RandomSampling,
    SklearnDataset,
)
from threadpoolctl import threadpool_limits

from learner.candidates import draw
from learner.embeddings import Embeddings

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# How many close calls stand for one place in the batch; clustering picks among them.
WIDEN: Final = 10
# Beyond this k-means takes more than some seconds.
SAMPLE: Final = 16_384
# Slow strategies see this many candidates; CAL compares neighbours one by one, in Python.
SAMPLES: Final = {"kmeans": SAMPLE, "contrastive": 4096}


class MarginDiverse(QueryStrategy):  # type: ignore[misc]
    """The ten-fold smallest margins, k-means with n clusters on their embeddings, the medoids taken.

    Measured at about half the labels of random sampling. `balanced` divides by the square root of how often
    the class is predicted, so that rare classes come first. After Yuan et al. 2020 and Zhdanov 2019.
    """

    def __init__(self, balanced: bool = False) -> None:
        self.balanced = balanced

    def query(
        self,
        clf: Classifier,
        dataset: SklearnDataset,
        indices_unlabeled: Ints,
        indices_labeled: Ints,
        y: Ints,
        n: int = 10,
    ) -> Ints:
        self._validate_query_input(indices_unlabeled, n)
        closeness = self._closeness(clf.predict_proba(dataset[indices_unlabeled]))
        candidates = np.argsort(closeness, kind="stable")[: WIDEN * n]
        embeddings = clf.embed(dataset[indices_unlabeled[candidates]])
        chosen = candidates[medoids(embeddings, n, seed=np.random.randint(2**31 - 1))]
        return np.asarray(indices_unlabeled[chosen[np.argsort(closeness[chosen], kind="stable")]])

    def _closeness(self, proba: Floats) -> Floats:
        """(n,) smaller is sooner: the margin, for rare classes made smaller."""
        margin = margins(proba)
        if not self.balanced:
            return margin
        predicted = proba.argmax(axis=1)
        count = np.bincount(predicted, minlength=proba.shape[1]).astype(np.float32)
        return np.asarray(margin * np.sqrt(count[predicted] / len(proba)), dtype=np.float32)


class StoredScores(Classifier):  # type: ignore[misc]
    """Answers a strategy from one scoring pass: the dataset's x are row numbers into the stored scores.

    Strategies predict the whole dataset, some twice; for a transformer that would cost minutes each.
    """

    def __init__(self, proba: Floats, embeddings: Embeddings) -> None:
        self.proba, self.embeddings = proba, embeddings

    def dataset(self, y: Ints) -> SklearnDataset:
        """All rows; y is -1 (small-text's mark) where there is no label."""
        rows = np.arange(len(self.proba)).reshape(-1, 1)
        return SklearnDataset(rows, y, target_labels=np.arange(self.proba.shape[1]))

    def fit(self, train_set: SklearnDataset, weights: NDArray[np.float64] | None = None) -> "StoredScores":
        return self

    def predict(self, data_set: SklearnDataset, return_proba: bool = False, **_: Any) -> Any:
        proba = self.predict_proba(data_set)
        return (proba.argmax(axis=1), proba) if return_proba else proba.argmax(axis=1)

    def predict_proba(self, data_set: SklearnDataset, **_: Any) -> Floats:
        proba: Floats = self.proba[data_set.x[:, 0]]
        return proba

    def embed(self, data_set: SklearnDataset, return_proba: bool = False, **_: Any) -> Any:
        rows = data_set.x[:, 0]
        return (self.embeddings[rows], self.proba[rows]) if return_proba else self.embeddings[rows]


# Not among them: BADGE (Ash et al. 2020). Done right, by k-means++ over the gradients, its accuracy with `head` is that
# of random sampling: area under the curve from 20 to 200 labels less random's, 95 % interval over ten seeds (eight
# for clothing), e5-small: cr +0.001 (-0.003 to 0.005), clothing -0.002 (-0.013 to 0.009), yelp_crowd -0.008 (-0.021 to
# 0.005), jd_aircon_zh +0.007 (-0.004 to 0.018), where margin-diverse has +0.006, +0.016, -0.004 and +0.017.
_TABLE: Final[dict[str, Callable[[], QueryStrategy]]] = {
    "margin-diverse": MarginDiverse,
    "margin-diverse-balanced": lambda: MarginDiverse(balanced=True),
    "margin": BreakingTies,
    "entropy": PredictionEntropy,
    "least-confidence": LeastConfidence,
    "contrastive": lambda: ContrastiveActiveLearning(pbar=None),
    "kmeans": EmbeddingKMeans,
    "random": RandomSampling,
}


def choose(
    name: str, scores: StoredScores, candidates: Ints, labelled: Ints, y: Ints, n: int, seed: int
) -> Ints:
    """Rows of the stored scores to ask about next, best first: at most n of `candidates`.

    labelled: rows with a label, y: those labels. Same input and seed, same answer.
    """
    n = min(n, len(candidates))
    if n == 0:
        return np.empty(0, dtype=np.int64)
    strategy = _TABLE[name]()
    if name in SAMPLES:
        limit = max(n, SAMPLES[name])
        candidates = draw(scores.embeddings, candidates, labelled, y, limit, seed).rows
    known = np.full(len(scores.proba), -1, dtype=np.int64)
    known[labelled] = y
    # Strategies embed all that the dataset has: no more than they may choose from or compare with.
    rows = np.concatenate([candidates, labelled])
    free, seen = np.arange(len(candidates)), np.arange(len(candidates), len(rows))
    with seeded(seed):
        chosen = strategy.query(scores, scores.dataset(known)[rows], free, seen, y, n=n)
    return rows[_best_first(strategy, np.asarray(chosen, dtype=np.int64))]


def _best_first(strategy: QueryStrategy, chosen: Ints) -> Ints:
    """small-text's confidence strategies choose the right rows, but in no order."""
    confidence = getattr(strategy, "scores_", None)
    if confidence is None:
        return chosen
    sign = 1 if strategy.lower_is_better else -1
    return chosen[np.argsort(sign * confidence[chosen], kind="stable")]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """small-text and k-means inside it draw from numpy's global state: set it, and put it back.

    One thread, because sums over threads differ in the last bit and k-means turns that into other medoids.
    """
    before = np.random.get_state()
    np.random.seed(seed % 2**32)
    try:
        with threadpool_limits(1):
            yield
    finally:
        np.random.set_state(before)


def margins(proba: Floats) -> Floats:
    """(n,) likeliest minus second likeliest; 1 where there is only one class."""
    if proba.shape[1] < 2:
        return np.ones(len(proba), dtype=np.float32)
    top = np.partition(proba, -2, axis=1)[:, -2:]
    return np.asarray(top[:, 1] - top[:, 0], dtype=np.float32)


def medoids(points: Floats, n: int, seed: int) -> Ints:
    """Rows of the n points nearest to the centres of n clusters, all different, largest cluster first.

    Fewer when there are fewer points. Large inputs are clustered in mini-batches.
    """
    if len(points) <= n:
        return np.arange(len(points))
    kind = KMeans if len(points) <= SAMPLE else MiniBatchKMeans
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than clusters: see below
        clusters = kind(n, n_init=1, random_state=seed % 2**32).fit(points)
    sizes = np.bincount(clusters.labels_, minlength=n)
    distances = clusters.transform(points)
    chosen: list[int] = []
    for cluster in np.argsort(-sizes, kind="stable"):
        # Duplicate texts leave clusters empty, and two centres can share their nearest point.
        distances[chosen[-1:], :] = np.inf
        chosen.append(int(distances[:, cluster].argmin()))
    return np.asarray(chosen, dtype=np.int64)
