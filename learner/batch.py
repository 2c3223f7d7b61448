"""The next batch: what the strategy chose, mixed evenly with reviews drawn at random, no text twice."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from learner.embeddings import Embeddings, JoinedEmbeddings
from learner.query_strategies import StoredScores, choose, margins, medoids
from learner.settings import RoundSettings

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# Enough to see the shape of any pool; clustering more only takes longer.
SEED_SAMPLE: Final = 20_000
# A prediction this sure is worth a look where the stars say otherwise.
SURE: Final = 0.8


@dataclass(frozen=True)
class QueuedReview:
    """One place in the queue: `origin` is uncertain, diverse, disagreement, audit or seed.

    `probability`: with which it was drawn; None where the choice is deterministic.
    """

    id: int
    origin: str
    probability: float | None


@dataclass(frozen=True)
class ScoredPool:
    """The pool, and what the model says of some of it: `rows` (m,) of the pool were scored.

    The labelled reviews are there for strategies that look at neighbours: y (l,), labels as indices. stars: (n,)
    what the stars of the pool's reviews say, -1 where nothing.
    """

    ids: Ints
    texts: Sequence[str]
    rows: Ints
    proba: Floats
    embeddings: Embeddings
    labelled_proba: Floats
    labelled_embeddings: Embeddings
    y: Ints
    stars: Ints | None = None


def next_batch(pool: ScoredPool, settings: RoundSettings) -> list[QueuedReview]:
    """At most `query_size` reviews, best first, the audit share spread evenly among them."""
    rng = np.random.default_rng(settings.seed)
    keys = [normalised(text) for text in pool.texts]
    audit = _audit(pool, keys, settings, rng)
    taken = {keys[row] for row in audit}
    wanted = min(settings.query_size, len(set(keys))) - len(audit)
    doubted = _doubted(pool, keys, taken, wanted, settings)
    taken |= {keys[row] for row in doubted}
    chosen = _by_strategy(pool, keys, taken, wanted - len(doubted), settings)
    chosen = _spread(chosen, [QueuedReview(int(pool.ids[row]), "disagreement", None) for row in doubted])
    return _spread(chosen, [QueuedReview(int(pool.ids[row]), "audit", audit[row]) for row in audit])


def seed_queue(embeddings: Embeddings, ids: Ints, size: int, seed: int) -> list[QueuedReview]:
    """A cold start: medoids of k-means over the embeddings (n, d), the largest cluster first."""
    rng = np.random.default_rng(seed)
    rows = np.arange(len(ids))
    if len(rows) > max(SEED_SAMPLE, size):
        rows = np.sort(rng.choice(rows, max(SEED_SAMPLE, size), replace=False))
    # Equal texts have equal features: one of each, so that no place is spent twice.
    points = embeddings[rows]
    _, distinct = np.unique(points, axis=0, return_index=True)
    distinct.sort()
    chosen = rows[distinct[medoids(points[distinct], size, seed)]]
    return [QueuedReview(int(id), "seed", None) for id in ids[chosen]]


def normalised(text: str) -> str:
    """What near-duplicates share: no punctuation, no spaces, no case. Symbols stay: an emoji is an opinion."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return folded.translate(_KEPT) or folded.strip()


class _Kept(dict[int, str | None]):
    """For `str.translate`: asks Unicode once for each character, since a pool may have a hundred million."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        self[code] = None if unicodedata.category(character)[0] in "PZC" else character
        return self[code]


_KEPT: Final = _Kept()


def _audit(
    pool: ScoredPool, keys: list[str], settings: RoundSettings, rng: np.random.Generator
) -> dict[int, float]:
    """Pool rows drawn uniformly at random over distinct texts, with the probability of each.

    One of g near-duplicates stands for them with probability 1/g, so that weighing each label by one over
    its probability stays unbiased over all reviews. With `random` the whole batch is drawn this way.
    """
    share = 1.0 if settings.strategy == "random" else settings.audit_share
    alike: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        alike.setdefault(key, []).append(row)
    groups = list(alike.values())
    size = round(share * min(settings.query_size, len(groups)))
    drawn = rng.choice(len(groups), size, replace=False)
    rows = [(groups[g][rng.integers(len(groups[g]))], len(groups[g])) for g in drawn]
    return {row: size / len(groups) / duplicates for row, duplicates in rows}


def _doubted(
    pool: ScoredPool, keys: list[str], taken: set[str], wanted: int, settings: RoundSettings
) -> list[int]:
    """Pool rows whose stars contradict a sure prediction, the surest first: mistakes of the model or of a click."""
    size = min(wanted, round(settings.disagreement_share * settings.query_size))
    if pool.stars is None or not settings.stars or size <= 0:
        return []
    stars, sureness = pool.stars[pool.rows], pool.proba.max(axis=1, initial=0)
    against = (stars >= 0) & (stars != pool.proba.argmax(axis=1)) & (sureness >= SURE)
    candidates = np.flatnonzero(against)
    found: dict[str, int] = {}
    for position in candidates[np.argsort(-sureness[candidates], kind="stable")]:
        row = int(pool.rows[position])
        if len(found) < size and keys[row] not in taken:
            found.setdefault(keys[row], row)
    return list(found.values())


def _by_strategy(
    pool: ScoredPool, keys: list[str], taken: set[str], wanted: int, settings: RoundSettings
) -> list[QueuedReview]:
    seen = set(taken)
    candidates = []
    for position, row in enumerate(pool.rows):
        if keys[row] not in seen:
            seen.add(keys[row])
            candidates.append(position)
    scores = StoredScores(
        np.concatenate([pool.proba, pool.labelled_proba]),
        JoinedEmbeddings(pool.embeddings, len(pool.proba), pool.labelled_embeddings),
    )
    labelled = np.arange(len(pool.proba), len(scores.proba))
    free = np.asarray(candidates, dtype=np.int64)
    positions = choose(settings.strategy, scores, free, labelled, pool.y, wanted, settings.seed)
    origins = _origins(settings.strategy, pool.proba, free, positions)
    ids = pool.ids[pool.rows[positions]]
    return [QueuedReview(int(id), origin, None) for id, origin in zip(ids, origins, strict=True)]


def _origins(strategy: str, proba: Floats, free: Ints, positions: Ints) -> list[str]:
    """Diverse is what a plain margin would not have chosen, or a strategy that goes by neighbourhood."""
    if strategy in ("kmeans", "contrastive"):
        return ["diverse"] * len(positions)
    if not strategy.startswith("margin-diverse"):
        return ["uncertain"] * len(positions)
    closest = set(free[np.argsort(margins(proba[free]), kind="stable")[: len(positions)]].tolist())
    return ["uncertain" if position in closest else "diverse" for position in positions]


def _spread(chosen: list[QueuedReview], audit: list[QueuedReview]) -> list[QueuedReview]:
    """Both lists in their order, the shorter spread evenly over the longer."""
    places = [((i + 0.5) / len(part), item) for part in (chosen, audit) for i, item in enumerate(part)]
    return [item for _, item in sorted(places, key=lambda place: place[0])]
