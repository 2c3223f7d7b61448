"""What to label first, before any model: a cross-section of the pool, informed by stars where there are some."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learner.batch import QueuedReview, seed_queue
from learner.embeddings import Embeddings, Floats

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Part:
    """Some rows of the embeddings, numbered from 0."""

    whole: Embeddings
    kept: Ints

    def __getitem__(self, rows: Ints) -> Floats:
        return self.whole[self.kept[rows]]


def informed_seed_queue(
    embeddings: Embeddings, ids: Ints, size: int, seed: int, prior: Ints | None = None
) -> list[QueuedReview]:
    """A cold start: medoids of k-means within each class that stars give, in turns by the root of its size.

    embeddings: (n, d). prior: (n,) class indices, -1 where stars say nothing: a group of its own, or rated reviews
    would hide all others. Where fewer than two classes are known, plain medoids of the whole pool. The root stands
    between the pool's proportions, which miss rare classes, and equal shares, which cost 2 points of accuracy.
    """
    if prior is None or len(np.unique(prior[prior >= 0])) < 2:
        return seed_queue(embeddings, ids, size, seed)
    groups = [np.flatnonzero(prior == group) for group in np.unique(prior)]
    turns = _turns([len(rows) for rows in groups], size)
    queues = {
        group: iter(
            seed_queue(_Part(embeddings, groups[group]), ids[groups[group]], turns.count(group), seed)
        )
        for group in set(turns)
    }
    # Texts that are equal stand once in a queue, so one may end before its turns do.
    chosen = (next(queues[group], None) for group in turns)
    return [item for item in chosen if item is not None]


def _turns(sizes: list[int], size: int) -> list[int]:
    """The group of each place, in proportion to the root of its size, every group once at first (Adams' method)."""
    taken = [0] * len(sizes)
    turns = []
    for _ in range(min(size, sum(sizes))):
        free = [group for group, count in enumerate(taken) if count < sizes[group]]
        due = max(free, key=lambda group: (taken[group] == 0, math.sqrt(sizes[group]) / max(1, taken[group])))
        taken[due] += 1
        turns.append(due)
    return turns
