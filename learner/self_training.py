"""Self-training: reviews of the pool that teach with the label the model and its neighbours agree on."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from learner.classifiers.examples import Examples
from learner.classifiers.interface import Floats, Ints, TextModel
from learner.progress import Progress, silent

NEIGHBOURS: Final = 15
AGREEMENT: Final = 0.5
CONFIDENCE: Final = 0.5
# What a pseudo-label counts beside a human one, before the weight of its class.
BETA: Final = 1.0
# Reviews looked at: each costs a pass through the tuned encoder.
MOST_SCORED: Final = 2048
# Taken per human label at most: each lengthens every epoch of the second training.
PER_LABEL: Final = 5


def pseudo_labels(
    model: TextModel, labelled: Examples, pool: Sequence[str], seed: int, progress: Progress = silent
) -> Examples:
    """Reviews of the pool with the model's label, where it is confident and its neighbours have that label too.

    Neighbours are the 15 nearest by the cosine of the model's embeddings, among the labelled reviews (with the
    label they have) and the others of the pool (with their predicted one). Source: HAST, of Schröder and Heyer 2024,
    Self-Training for Sample-Efficient Active Learning for Text Classification with Pre-Trained Language Models;
    its own weight for rare classes is left to the inverse frequency that the training weighs them by.
    """
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(pool), min(MOST_SCORED, len(pool)), replace=False)
    texts = [pool[row] for row in rows]
    proba, embeddings = model.scores([*texts, *labelled.texts], progress)
    points = np.asarray(embeddings[np.arange(len(proba))])
    y = np.concatenate([proba[: len(texts)].argmax(axis=1), labelled.y])
    taken = np.flatnonzero(_agreed(points, y, proba[: len(texts)]))
    most = PER_LABEL * len(labelled.y)
    if len(taken) > most:
        taken = np.sort(rng.choice(taken, most, replace=False))
    return Examples([texts[row] for row in taken], y[taken], np.full(len(taken), BETA))


def _agreed(points: Floats, y: Ints, proba: Floats) -> NDArray[np.bool_]:
    """(m,) whether each of the first m points, whose probabilities these are, may teach its label y."""
    m, k = proba.shape
    search = NearestNeighbors(n_neighbors=min(NEIGHBOURS + 1, len(points)), metric="cosine").fit(points)
    found = search.kneighbors(points[:m], return_distance=False)
    votes = np.zeros((m, k))
    for column in found.T:
        # A point is no neighbour of itself; equal ones may come before it.
        other = np.flatnonzero(column != np.arange(m))
        votes[other, y[column[other]]] += 1
    rows, own = np.arange(m), y[:m]
    share = votes[rows, own] / np.maximum(1, votes.sum(axis=1))
    return np.asarray((share > AGREEMENT) & (proba[rows, own] > CONFIDENCE))
