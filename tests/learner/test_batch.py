"""The batch: its mix, its order, its honesty about chance, and no text twice."""

from dataclasses import replace

import numpy as np
import pytest

from learner.batch import ScoredPool, next_batch, normalised, seed_queue
from learner.settings import RoundSettings


def a_pool(texts: list[str], seed: int = 0) -> ScoredPool:
    rng = np.random.default_rng(seed)
    n = len(texts)
    proba, points = rng.dirichlet([1, 1], n + 4), rng.normal(size=(n + 4, 5))
    proba, points = proba.astype(np.float32), points.astype(np.float32)
    rows, y = np.arange(n), np.array([0, 1, 0, 1])
    return ScoredPool(1000 + rows, texts, rows, proba[:n], points[:n], proba[n:], points[n:], y)


DIFFERENT = [f"review number {i}" for i in range(300)]


def test_the_audit_share_is_spread_evenly_and_says_its_probability() -> None:
    queue = next_batch(a_pool(DIFFERENT), RoundSettings(query_size=40, audit_share=0.25))
    audits = [i for i, item in enumerate(queue) if item.origin == "audit"]
    assert len(queue) == 40 and len({item.id for item in queue}) == 40
    assert len(audits) == 10 and max(np.diff(audits)) <= 5
    assert {queue[i].probability for i in audits} == {10 / 300}
    assert {item.probability for item in queue if item.origin != "audit"} == {None}
    assert {"uncertain", "diverse"} <= {item.origin for item in queue}


def test_with_random_every_place_is_drawn_by_chance() -> None:
    queue = next_batch(a_pool(DIFFERENT), RoundSettings(strategy="random", query_size=30))
    assert {(item.origin, item.probability) for item in queue} == {("audit", 30 / 300)}


def test_the_audit_is_drawn_uniformly_over_distinct_texts() -> None:
    texts = ["same", "Same!", " same ", *DIFFERENT[:9]]
    drawn = np.zeros(12)
    probability = {}
    for seed in range(2000):
        settings = RoundSettings(strategy="random", query_size=3, seed=seed)
        for item in next_batch(a_pool(texts), settings):
            drawn[item.id - 1000] += 1
            probability[item.id - 1000] = item.probability
    expected = np.array([probability[row] for row in range(12)])
    assert expected[0] == pytest.approx(0.1) and expected[5] == pytest.approx(0.3)
    assert np.abs(drawn / 2000 - expected).max() < 0.04


@pytest.mark.parametrize("strategy", ["margin-diverse", "random", "kmeans", "margin"])
def test_near_duplicates_are_never_in_one_batch(strategy: str) -> None:
    texts = [variant for i in range(20) for variant in (f"Great no {i}", f"great, no {i}!", f"GREAT  NO {i}")]
    queue = next_batch(a_pool(texts), RoundSettings(strategy=strategy, query_size=50))
    keys = [normalised(texts[item.id - 1000]) for item in queue]
    assert len(keys) == len(set(keys)) == 20


def test_an_empty_pool_gives_an_empty_batch() -> None:
    assert next_batch(a_pool([]), RoundSettings()) == []


def test_what_counts_as_the_same_text() -> None:
    assert normalised("It's GOOD. ") == normalised("its good")
    assert normalised("很 好！") == normalised("很好")
    assert normalised("fine 😀") != normalised("fine 😡")
    assert normalised("...") != normalised("!!!")


def test_the_seed_set_covers_the_clusters_and_skips_equal_texts() -> None:
    rng = np.random.default_rng(0)
    places = np.repeat(np.eye(5) * 10, 20, axis=0) + rng.normal(scale=0.1, size=(100, 5))
    features = np.vstack([places, places]).astype(np.float32)
    queue = seed_queue(features, np.arange(200), 5, seed=1)
    assert sorted((item.id % 100) // 20 for item in queue) == [0, 1, 2, 3, 4]
    assert {item.origin for item in queue} == {"seed"}
    assert len({item.id % 100 for item in seed_queue(features, np.arange(200), 300, seed=1)}) == 100
    assert seed_queue(features[:0], np.arange(0), 5, seed=1) == []


def a_doubted_pool(share: float) -> tuple[ScoredPool, np.ndarray]:
    """A pool of sure and unsure predictions, half of whose stars contradict them."""
    pool = a_pool([f"review {number}" for number in range(200)])
    rng = np.random.default_rng(5)
    sure = rng.uniform(0.5, 1, len(pool.rows)).astype(np.float32)
    proba = np.stack([sure, 1 - sure], axis=1)
    stars = np.where(np.arange(200) % 2 == 0, 1, 0)
    return replace(pool, proba=proba, stars=stars), sure


def test_a_share_of_the_batch_are_sure_predictions_that_stars_contradict() -> None:
    pool, sure = a_doubted_pool(0.1)
    settings = RoundSettings(query_size=40, audit_share=0.2, disagreement_share=0.1)
    batch = next_batch(pool, settings)
    doubted = [item for item in batch if item.origin == "disagreement"]
    assert len(batch) == 40 and len({item.id for item in batch}) == 40
    assert len(doubted) == 4 and {item.probability for item in doubted} == {None}
    places = [pool.ids.tolist().index(item.id) for item in doubted]
    assert all(place % 2 == 0 for place in places)  # its stars say otherwise
    audit = {item.id for item in batch if item.origin == "audit"}
    free = [row for row in range(0, 200, 2) if pool.ids[row] not in audit]
    assert set(places) == set(sorted(free, key=lambda row: -sure[row])[:4])
    assert batch == next_batch(pool, settings)


def test_the_audit_is_the_same_with_and_without_doubted_stars() -> None:
    pool, _ = a_doubted_pool(0.1)
    settings = RoundSettings(query_size=40, audit_share=0.5, disagreement_share=1.0)
    drawn = [
        [item for item in next_batch(each, settings) if item.origin == "audit"]
        for each in (pool, replace(pool, stars=None))
    ]
    assert drawn[0] == drawn[1] and len(drawn[0]) == 20


@pytest.mark.parametrize("values", [{"stars": False}, {"disagreement_share": 0.0}, {"strategy": "random"}])
def test_nothing_is_doubted_where_that_is_off(values: dict[str, object]) -> None:
    pool, _ = a_doubted_pool(0.1)
    batch = next_batch(pool, RoundSettings.from_dict({"query_size": 40, **values}))
    assert len(batch) == 40 and "disagreement" not in {item.origin for item in batch}


def test_unsure_predictions_are_not_set_against_stars() -> None:
    pool, _ = a_doubted_pool(0.1)
    batch = next_batch(replace(pool, proba=np.full((200, 2), 0.5, np.float32)), RoundSettings(query_size=40))
    assert "disagreement" not in {item.origin for item in batch}
