"""A pool larger than memory: features are read a part at a time, and no more of them than a strategy needs."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from learner import embeddings
from learner.batch import ScoredPool, next_batch
from learner.classifiers.head import HeadModel
from learner.embeddings import JoinedEmbeddings, StoredEmbeddings, in_chunks
from learner.progress import Progress, silent
from learner.query_strategies import WIDEN
from learner.settings import RoundSettings

Floats = NDArray[np.float32]


class Reader:
    """Each text is a number, and its feature that number; remembers how many were asked for at once."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, texts: Sequence[str], progress: Progress = silent) -> Floats:
        self.asked.append(len(texts))
        progress("encode", len(texts), len(texts))
        return np.array([[float(text), 1.0] for text in texts], np.float32).reshape(-1, 2)


def numbered(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def test_joined_embeddings_keep_the_order_that_was_asked_for() -> None:
    joined = JoinedEmbeddings(
        StoredEmbeddings(Reader(), numbered(5)), 5, -np.ones((3, 2), np.float32).cumsum(axis=0)
    )
    assert joined[np.array([6, 0, 5, 4, 0])][:, 0].tolist() == [-2, 0, -1, 4, 0]
    assert joined[np.array([7])].shape == (1, 2)


def test_chunks_cover_all_texts_once_and_progress_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "CHUNK", 4)
    reader, told = Reader(), []
    parts = list(in_chunks(reader, numbered(10), lambda _, done, total: told.append((done, total))))
    assert np.concatenate([part for _, part in parts])[:, 0].tolist() == list(range(10))
    assert [numbered(10)[place] for place, _ in parts] == [numbered(10)[:4], numbered(10)[4:8], ["8", "9"]]
    assert (reader.asked, told) == ([4, 4, 2], [(4, 10), (8, 10), (10, 10)])


@pytest.mark.parametrize("strategy", ["margin-diverse", "margin-diverse-balanced", "margin", "entropy"])
def test_a_round_reads_the_pool_in_chunks_and_the_close_calls_alone(
    monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    monkeypatch.setattr(embeddings, "CHUNK", 50)
    reader, size = Reader(), 1_000
    model = HeadModel(
        ["no", "yes"], reader, np.array([[0, 0], [0.01, -5]], np.float32), np.zeros(2, np.float32)
    )
    proba, points = model.scores(numbered(size))
    assert max(reader.asked) == 50
    reader.asked.clear()
    known = model.scores(numbered(2))
    pool = ScoredPool(
        np.arange(size), numbered(size), np.arange(size), proba, points, *known, np.array([0, 1])
    )
    settings = RoundSettings(strategy=strategy, query_size=10, audit_share=0.0)
    chosen = sorted(item.id for item in next_batch(pool, settings))
    assert len(chosen) == 10 and chosen[0] > 400 and chosen[-1] < 600
    assert max(reader.asked) <= WIDEN * 10
