"""A sample of a large pool: random in the main, and rare classes looked for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from learner.candidates import draw, rare_classes, to_score
from learner.encoders import Encoder
from learner.features import FeatureCache
from learner.query_strategies import StoredScores, choose
from learner.settings import RoundSettings

Y = np.concatenate([np.zeros(95, np.int64), np.ones(5, np.int64)])
LABELLED = np.arange(100)
BAD, GOOD = "terrible awful broken useless", "great excellent perfect love"


def points(size: int, rare: np.ndarray) -> np.ndarray:
    """The 100 labelled and then the pool; reviews of the rare class lie in one direction, all others elsewhere."""
    found = np.random.default_rng(0).normal(size=(100 + size, 6)).astype(np.float32)
    found[:, 0] = -np.abs(found[:, 0])
    found[[*LABELLED[Y == 1], *rare], 0] = 20
    return found


@pytest.mark.parametrize(
    ("y", "expected"), [(Y, [1]), ([0, 1, 0, 1], []), ([0] * 6 + [1] * 4, []), ([0] * 9, []), ([], [])]
)
def test_rare_is_less_than_half_of_an_equal_share(y: list[int], expected: list[int]) -> None:
    assert rare_classes(np.asarray(y, dtype=np.int64)).tolist() == expected


def test_a_quarter_goes_to_neighbours_of_the_rare_class_and_the_rest_is_random() -> None:
    rare = 100 + np.arange(900, 1000)
    found = draw(points(10_000, rare), np.arange(100, 10_100), LABELLED, Y, 400, 0)
    assert len(found.rows) == 400 and (np.diff(found.rows) > 0).all()
    assert found.uniform.sum() == 300
    assert np.isin(found.rows[~found.uniform], rare).sum() >= 95
    assert set(rare) <= set(found.rows)


def test_neighbours_are_the_same_whatever_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = points(2000, 100 + np.arange(30))
    whole = draw(embeddings, np.arange(100, 2100), LABELLED, Y, 200, 1)
    monkeypatch.setattr("learner.candidates.CHUNK", 77)
    assert draw(embeddings, np.arange(100, 2100), LABELLED, Y, 200, 1).rows.tolist() == whole.rows.tolist()


def test_two_rare_classes_share_the_places() -> None:
    y = np.array([0] * 90 + [1] * 5 + [2] * 5)
    embeddings = np.random.default_rng(0).normal(size=(4100, 6)).astype(np.float32)
    embeddings[:, :2] = 0
    groups = {1: np.arange(100, 200), 2: np.arange(200, 300)}
    for each, rows in groups.items():
        embeddings[[*LABELLED[y == each], *rows], each - 1] = 30
    found = draw(embeddings, np.arange(100, 4100), LABELLED, y, 160, 0)
    near = found.rows[~found.uniform]
    assert [np.isin(near, rows).sum() for rows in groups.values()] == [20, 20]


def test_the_random_part_is_uniform_over_the_whole_pool() -> None:
    rare = 100 + np.arange(20)
    embeddings = points(200, rare)
    hits = np.zeros(300)
    for seed in range(400):
        found = draw(embeddings, np.arange(100, 300), LABELLED, Y, 40, seed)
        hits[found.rows[found.uniform]] += 1
    assert hits.sum() == 400 * 30
    # Neighbours are drawn neither more nor less often than others: 0.15, five standard errors of 8,000 draws.
    assert abs(hits[rare].mean() / 400 - 0.15) < 5 * np.sqrt(0.15 * 0.85 / (400 * 20))


@pytest.mark.parametrize("y", [np.arange(100) % 2, Y])
def test_where_nothing_is_rare_or_nothing_is_stored_all_are_random(y: np.ndarray) -> None:
    stored = None if y is Y else points(1000, np.arange(100, 110))
    found = draw(stored, np.arange(100, 1100), LABELLED, y, 100, 0)
    assert len(found.rows) == 100 and found.uniform.all()


def test_a_small_pool_is_looked_at_whole() -> None:
    found = draw(points(50, np.arange(100, 105)), np.arange(100, 150), LABELLED, Y, 100, 0)
    assert found.rows.tolist() == list(range(100, 150)) and found.uniform.all()


def reviews(size: int) -> list[str]:
    """One in fifty is bad."""
    return [f"{BAD if number % 50 == 7 else GOOD} {number}" for number in range(size)]


def test_stored_features_tell_which_reviews_may_be_of_a_rare_class(
    tiny_encoder: Encoder, tmp_path: Path
) -> None:
    pool = reviews(600)
    texts = [f"{BAD if number < 5 else GOOD} {number + 600}" for number in range(60)]
    y = np.array([0] * 5 + [1] * 55)
    settings = RoundSettings(score_limit=48)
    bad = {row for row, text in enumerate(pool) if "awful" in text}
    blind = to_score(pool, texts, y, settings, tiny_encoder, tmp_path)
    assert blind.uniform.all(), "nothing is stored yet, and nothing is to be encoded for this"
    FeatureCache(tmp_path, tiny_encoder).encode([*texts, *pool])
    seeing = to_score(pool, texts, y, settings, tiny_encoder, tmp_path)
    assert len(seeing.rows) == 48
    assert len(bad & set(blind.rows)) < 5
    assert len(bad & set(seeing.rows)) > 7
    whole = to_score(pool, texts, y, replace(settings, score_limit=None), tiny_encoder, tmp_path)
    assert len(whole.rows) == 600


def test_slow_strategies_see_the_rare_ones_of_a_large_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("learner.query_strategies.SAMPLES", {"contrastive": 200})
    rare = 100 + np.random.default_rng(0).choice(4000, 40, replace=False)
    proba = np.random.default_rng(1).dirichlet([1, 1], 4100).astype(np.float32)
    chosen = choose(
        "contrastive", StoredScores(proba, points(4000, rare)), np.arange(100, 4100), LABELLED, Y, 40, 3
    )
    # A fifth of the candidates, where one in a hundred of the pool is of the class.
    assert len(set(chosen) & set(rare)) >= 4
