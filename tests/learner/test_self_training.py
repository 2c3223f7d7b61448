"""Which reviews of the pool may teach, by points in the plane instead of embeddings."""

import numpy as np

from learner.classifiers.examples import Examples
from learner.classifiers.head import HeadModel
from learner.progress import silent
from learner.self_training import PER_LABEL, pseudo_labels

# Which way a text points, in degrees: the model says "a" east and "b" north, and doubts in between.
EAST, NORTH = (0.0, 20.0), (70.0, 90.0)


def between(low: float, high: float, count: int) -> list[str]:
    return [f"{angle:.3f}" for angle in np.linspace(low, high, count)]


def directions(texts: object, progress: object = silent) -> np.ndarray:
    angles = np.radians([float(text) for text in texts])  # type: ignore[attr-defined]
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def model(labels: int = 2) -> HeadModel:
    coef = np.array([[8, 0], [0, 8], [-8, -8]], np.float32)[:labels]
    return HeadModel(list("abc")[:labels], directions, coef, np.zeros(labels, np.float32))


def examples(texts: list[str], y: list[int]) -> Examples:
    return Examples(texts, np.array(y, np.int64), np.ones(len(y)))


def test_reviews_amid_their_likes_get_the_label_they_share() -> None:
    labelled = examples(["5", "10", "80", "85"], [0, 0, 1, 1])
    pool = between(*EAST, 10) + between(*NORTH, 9)
    found = pseudo_labels(model(), labelled, pool, seed=0)
    assert dict(zip(found.texts, found.y, strict=True)) == {
        text: int(float(text) > 45) for text in pool if text in found.texts
    }
    assert len(found.y) > 10 and (found.weights == 1).all()


def test_neighbours_with_another_label_keep_a_review_from_teaching() -> None:
    """People said "b" of everything around the east."""
    labelled = examples(between(*EAST, 40), [1] * 40)
    found = pseudo_labels(model(), labelled, between(*EAST, 5) + between(*NORTH, 30), seed=0)
    assert (found.y == 1).all() and all(float(text) > 45 for text in found.texts)


def test_doubt_keeps_a_review_from_teaching() -> None:
    """Of three classes none is above a half here, though all neighbours are predicted alike."""
    labelled = examples(["46", "47", "44"], [1, 1, 0])
    flat = model(3)
    flat.temperature = 100.0
    assert len(pseudo_labels(flat, labelled, between(46, 80, 40), seed=0).y) == 0


def test_pseudo_labels_never_swamp_those_of_people() -> None:
    labelled = examples(["5", "85"], [0, 1])
    pool = between(*EAST, 40) + between(*NORTH, 40)
    first, again = (pseudo_labels(model(), labelled, pool, seed=3) for _ in range(2))
    assert len(first.y) == PER_LABEL * 2
    assert first.texts == again.texts
    assert first.texts != pseudo_labels(model(), labelled, pool, seed=4).texts


def test_a_pool_of_one_review_teaches_or_not_without_an_error() -> None:
    labelled = examples(["5", "85"], [0, 1])
    assert len(pseudo_labels(model(), labelled, ["6"], seed=0).y) <= 1
