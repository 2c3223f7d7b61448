"""Which reviews of a large pool to look at: some drawn at random, and the neighbours of labels of rare classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from learner.embeddings import CHUNK, Embeddings, StoredEmbeddings
from learner.encoders import Encoder
from learner.features import FeatureCache
from learner.progress import Progress, silent
from learner.settings import RoundSettings

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# By chance alone 4,096 reviews hold some 80 of a class of 2 %.
RARE_SHARE: Final = 0.25
# Labels of one class whose neighbours are looked for; more find hardly anything new.
ANCHORS: Final = 128
# Neighbours looked up for each place: labels share many of theirs.
SPARE: Final = 8


@dataclass(frozen=True)
class Candidates:
    """`rows` (m,); `uniform` (m,) marks those drawn at random, which alone stand for the pool."""

    rows: Ints
    uniform: NDArray[np.bool_]


def draw(
    embeddings: Embeddings | None,
    rows: Ints,
    labelled: Ints,
    y: Ints,
    limit: int,
    seed: int,
    progress: Progress = silent,
) -> Candidates:
    """At most `limit` of the rows: random ones, and where y has rare classes, the nearest neighbours of their labels.

    rows (n,) ascending and labelled (l,) are rows of `embeddings`, y (l,) the labels as indices; without embeddings
    all are random. Rare classes share the neighbours' places equally, and so do the labels of each, nearest first.
    After AnchorAL (Lesci and Vlachos 2024), which looks for the neighbours of all classes. A logistic regression
    finds more reviews of a rare class than their labels' neighbours are, yet those teach more.
    """
    if len(rows) <= limit:
        return Candidates(rows, np.ones(len(rows), dtype=bool))
    rng = np.random.default_rng(seed)
    rare = rare_classes(y) if embeddings is not None else np.empty(0, dtype=np.int64)
    places = round(limit * RARE_SHARE) // len(rare) if len(rare) else 0
    drawn = rng.choice(rows, limit - places * len(rare), replace=False)
    near = np.empty(0, dtype=np.int64)
    if embeddings is not None and places:
        anchors = [rng.permutation(labelled[y == each])[:ANCHORS] for each in rare]
        near = _neighbours(embeddings, np.setdiff1d(rows, drawn), anchors, places, progress)
    chosen = np.sort(np.concatenate([drawn, near]))
    return Candidates(chosen, ~np.isin(chosen, near))


def rare_classes(y: Ints) -> Ints:
    """Classes that have a label, yet fewer than half of an equal share."""
    classes, counts = np.unique(y, return_counts=True)
    return np.asarray(classes[2 * counts * len(classes) < len(y)], dtype=np.int64)


def to_score(
    pool: Sequence[str],
    texts: Sequence[str],
    y: Ints,
    settings: RoundSettings,
    encoder: Encoder,
    features: Path,
    progress: Progress = silent,
) -> Candidates:
    """Rows of the pool for a round to score: all, or as many as its settings allow.

    texts (l,), y (l,): the labelled reviews. Neighbours are found by stored features, in seconds. Where some are
    missing, as after a change of the encoder, all rows are drawn at random: to encode a large pool for this alone
    would take longer than the round.
    """
    limit = settings.effective_score_limit
    limit = len(pool) if limit is None else limit
    every = [*pool, *texts]
    cache = FeatureCache(features, encoder)
    known = len(pool) > limit and len(rare_classes(y)) > 0 and not cache.missing(every)
    stored = StoredEmbeddings(cache.encode, every) if known else None
    labelled = len(pool) + np.arange(len(texts))
    return draw(stored, np.arange(len(pool)), labelled, y, limit, settings.seed, progress)


def _neighbours(
    embeddings: Embeddings, rows: Ints, anchors: list[Ints], places: int, progress: Progress
) -> Ints:
    """At most `places` of the rows for each class, `anchors` being rows of its labels; none twice."""
    depth = max(min(places, SPARE * -(-places // len(own))) for own in anchors)
    nearest = _nearest(embeddings, rows, np.concatenate(anchors), depth, progress)
    chosen = np.empty(0, dtype=np.int64)
    for own in np.split(nearest, np.cumsum([len(own) for own in anchors])[:-1]):
        turns = own.T.ravel()  # each label's nearest, then each label's second, and so on
        turns = turns[~np.isin(turns, chosen)]
        _, first = np.unique(turns, return_index=True)
        chosen = np.concatenate([chosen, turns[np.sort(first)[:places]]])
    return chosen


def _nearest(embeddings: Embeddings, rows: Ints, anchors: Ints, depth: int, progress: Progress) -> Ints:
    """(a, depth) of the rows by cosine to each anchor, nearest first; embeddings are read a chunk at a time."""
    points = _unit(embeddings[anchors])
    found: Ints = np.empty((len(anchors), 0), dtype=np.int64)
    cosines: Floats = np.empty((len(anchors), 0), dtype=np.float32)
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        found = np.concatenate([found, np.broadcast_to(chunk, (len(anchors), len(chunk)))], axis=1)
        cosines = np.concatenate([cosines, points @ _unit(embeddings[chunk]).T], axis=1)
        if cosines.shape[1] > depth:
            kept = np.argpartition(-cosines, depth - 1, axis=1)[:, :depth]
            found = np.take_along_axis(found, kept, axis=1)
            cosines = np.take_along_axis(cosines, kept, axis=1)
        progress("score", start + len(chunk), len(rows))
    return np.take_along_axis(found, np.argsort(-cosines, axis=1, kind="stable"), axis=1)


def _unit(points: Floats) -> Floats:
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points / np.maximum(lengths, 1e-12), dtype=np.float32)
