"""The first reviews to label: every class that stars know of is among them."""

import numpy as np

from learner.batch import QueuedReview, seed_queue
from learner.cold_start import informed_seed_queue

RNG = np.random.default_rng(3)
IDS = np.arange(1000, 1400)
POINTS = RNG.normal(size=(400, 8)).astype(np.float32)
# Two of a hundred are negative: medoids of the whole pool meet them by chance only.
RARE = np.where(np.arange(400) % 50 == 0, 0, 2)


def classes(queue: list[QueuedReview], prior: np.ndarray) -> list[int]:
    return [int(prior[item.id - 1000]) for item in queue]


def test_every_class_comes_first_and_a_rare_one_often() -> None:
    queue = informed_seed_queue(POINTS, IDS, 40, 0, RARE)
    found = classes(queue, RARE)
    assert set(found[:2]) == {0, 2}
    assert 4 <= found.count(0) <= 7  # eight of four hundred: by proportion it would be one
    assert len({item.id for item in queue}) == 40
    assert {(item.origin, item.probability) for item in queue} == {("seed", None)}


def test_a_small_class_leaves_its_places_to_the_others() -> None:
    found = classes(informed_seed_queue(POINTS, IDS, 200, 0, RARE), RARE)
    assert (found.count(0), found.count(2)) == (8, 192)


def test_fewer_places_than_groups_go_to_the_largest_ones() -> None:
    prior = np.where(np.arange(400) < 300, -1, RARE)
    found = classes(informed_seed_queue(POINTS, IDS, 2, 0, prior), prior)
    assert sorted(found) == [-1, 2]


def test_reviews_without_stars_keep_their_place() -> None:
    prior = np.where(np.arange(400) < 300, -1, RARE)
    found = classes(informed_seed_queue(POINTS, IDS, 20, 0, prior), prior)
    assert set(found[:3]) == {-1, 0, 2} and found.count(-1) >= 6


def test_without_two_classes_it_is_a_plain_cross_section() -> None:
    plain = seed_queue(POINTS, IDS, 20, 5)
    for prior in (None, np.full(400, -1), np.full(400, 2)):
        assert informed_seed_queue(POINTS, IDS, 20, 5, prior) == plain


def test_same_seed_same_queue_and_never_more_than_there_are() -> None:
    one, same = (informed_seed_queue(POINTS, IDS, 30, 1, RARE) for _ in range(2))
    assert one == same
    assert len(informed_seed_queue(POINTS[:10], IDS[:10], 50, 1, np.arange(10) % 3)) == 10
