"""Each strategy asks for what its name says, whatever order the rows come in."""

import numpy as np
import pytest
from scipy.stats import entropy

from learner.query_strategies import MarginDiverse, StoredScores, choose, margins, medoids
from learner.settings import STRATEGIES

RNG = np.random.default_rng(0)
PROBA = RNG.dirichlet([1, 1, 1], 200).astype(np.float32)
POINTS = RNG.normal(size=(200, 8)).astype(np.float32)
SCORES = StoredScores(PROBA, POINTS)
# Labelled rows lie before, between and after the candidates: strategies must not mix up their rows.
LABELLED = np.r_[0:10, 95:105, 190:200]
FREE = np.setdiff1d(np.arange(200), LABELLED)
Y = np.arange(len(LABELLED)) % 3


def ask(name: str, n: int = 12, seed: int = 5) -> np.ndarray:
    return choose(name, SCORES, FREE, LABELLED, Y, n, seed)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_chooses_free_rows_once_and_again_the_same(name: str) -> None:
    state = np.random.get_state()[1].copy()
    first = ask(name)
    assert len(set(first.tolist())) == 12 and set(first) <= set(FREE)
    assert (ask(name) == first).all()
    assert (np.random.get_state()[1] == state).all(), "the caller's random state was touched"


@pytest.mark.parametrize("name", STRATEGIES)
def test_asking_for_more_than_there_is_gives_all(name: str) -> None:
    assert sorted(ask(name, n=1000)) == sorted(FREE)
    assert len(choose(name, SCORES, np.empty(0, np.int64), LABELLED, Y, 5, 0)) == 0


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("margin", margins(PROBA)),
        ("entropy", -entropy(PROBA, axis=1)),
        ("least-confidence", PROBA.max(axis=1)),
    ],
)
def test_confidence_strategies_put_the_least_sure_first(name: str, score: np.ndarray) -> None:
    assert ask(name).tolist() == FREE[np.argsort(score[FREE])[:12]].tolist()


def test_margin_diverse_takes_close_calls_from_different_places() -> None:
    rng = np.random.default_rng(1)
    places = np.repeat(np.eye(4, 6) * 10, 50, axis=0) + rng.normal(scale=0.1, size=(200, 6))
    proba = np.full((200, 2), 0.5, np.float32)
    proba[:, 0] += np.where(np.arange(200) % 5, 0.4, 0.001)  # one in five is a close call
    chosen = choose(
        "margin-diverse", StoredScores(proba, places.astype(np.float32)), np.arange(200), Y[:0], Y[:0], 4, 0
    )
    assert sorted(chosen // 50) == [0, 1, 2, 3]
    assert all(row % 5 == 0 for row in chosen)


def test_balanced_asks_for_the_rare_class_sooner() -> None:
    proba = np.tile([0.55, 0.45], (100, 1)).astype(np.float32)
    proba[90:] = [0.4, 0.6]  # rare, and a wider margin
    points = RNG.normal(size=(100, 4)).astype(np.float32)
    scores = StoredScores(proba, points)
    dataset = scores.dataset(np.full(100, -1))
    found = {}
    for balanced in (False, True):
        np.random.seed(0)
        strategy = MarginDiverse(balanced)
        found[balanced] = strategy.query(scores, dataset, np.arange(100), Y[:0], Y[:0], n=1)
    assert found[True][0] >= 90 > found[False][0]


def test_medoids_are_different_points_even_where_texts_repeat() -> None:
    points = np.repeat(RNG.normal(size=(3, 4)), 5, axis=0).astype(np.float32)
    assert len(set(medoids(points, 6, seed=0).tolist())) == 6
