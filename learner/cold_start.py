"""What to label first, before any model: a cross-section of the pool, informed by stars where there are some."""

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
    """A cold start: medoids of k-means within each class that stars give, the classes in turn.

    embeddings: (n, d). prior: (n,) class indices, -1 where stars say nothing: a group of its own, or rated reviews
    would hide all others. Where fewer than two classes are known, plain medoids of the whole pool.
    """
    if prior is None or len(np.unique(prior[prior >= 0])) < 2:
        return seed_queue(embeddings, ids, size, seed)
    groups = [np.flatnonzero(prior == group) for group in np.unique(prior)]
    queues = [
        seed_queue(_Part(embeddings, rows), ids[rows], share, seed)
        for rows, share in zip(groups, _shares([len(rows) for rows in groups], size), strict=True)
    ]
    turns = [(turn, group, item) for group, queue in enumerate(queues) for turn, item in enumerate(queue)]
    return [item for _, _, item in sorted(turns, key=lambda each: each[:2])]


def _shares(sizes: list[int], size: int) -> list[int]:
    """Places for each group: equal, and what a small group leaves over goes to the larger ones."""
    shares = [0] * len(sizes)
    smallest_first = sorted(range(len(sizes)), key=sizes.__getitem__)
    for done, group in enumerate(smallest_first):
        left = size - sum(shares)
        shares[group] = min(sizes[group], -(-left // (len(sizes) - done)))
    return shares
