"""Shares with their intervals, against published figures and the exact sums."""

from fractions import Fraction
from math import comb

import pytest

from webapp.figures.proportions import Proportion, difference, discoveries, p_value, upper_tail


# Newcombe 1998, Statistics in Medicine 17:857, table I, method 3 (Wilson without continuity correction).
@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_wilsons(hits: int, n: int, low: float, high: float) -> None:
    share = Proportion(hits, n)
    assert (share.low, share.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


# Newcombe 1998, Statistics in Medicine 17:873, table II, method 10.
@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        (Proportion(56, 70), Proportion(48, 80), 0.0524, 0.3339),
        (Proportion(9, 10), Proportion(3, 10), 0.1705, 0.8090),
        (Proportion(10, 10), Proportion(0, 20), 0.6791, 1.0),
    ],
)
def test_the_interval_of_a_difference_is_newcombes(
    first: Proportion, second: Proportion, low: float, high: float
) -> None:
    found = difference(first, second)
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_nothing_is_said_of_nothing() -> None:
    empty = Proportion(0, 0)
    assert (empty.value, empty.low, empty.high) == (None, None, None)
    assert difference(empty, Proportion(1, 2)) is None


def test_the_tail_is_the_exact_sum() -> None:
    third = Fraction(1, 3)
    exact = sum(comb(40, k) * third**k * (1 - third) ** (40 - k) for k in range(20, 41))
    assert upper_tail(20, 40, 1 / 3) == pytest.approx(float(exact))
    assert upper_tail(0, 5, 0.2) == 1.0
    assert upper_tail(3, 3, 0.0) == 0.0
    assert upper_tail(3, 3, 1.0) == 1.0


def fisher(first: Proportion, second: Proportion) -> float:
    """The exact sum, from whole numbers."""
    hits, ways = first.hits + second.hits, comb(first.n + second.n, first.hits + second.hits)
    lowest, highest = max(0, hits - second.n), min(first.n, hits)
    tails = (range(lowest, first.hits + 1), range(first.hits, highest + 1))
    sums = (sum(comb(first.n, k) * comb(second.n, hits - k) for k in tail) for tail in tails)
    return min(1.0, 2 * float(min(Fraction(each, ways) for each in sums)))


def test_small_shares_are_compared_exactly() -> None:
    # Fisher's tea: all four of four told apart has one chance in 70; both tails have two.
    assert p_value(Proportion(4, 4), Proportion(0, 4)) == pytest.approx(2 / 70)
    assert p_value(Proportion(0, 4), Proportion(4, 4)) == pytest.approx(2 / 70)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Proportion(3, 25), Proportion(5, 1000)),
        (Proportion(300, 1000), Proportion(500, 2000)),
        (Proportion(500, 2000), Proportion(300, 1000)),
        (Proportion(980, 1000), Proportion(1990, 2000)),
        # Far out the z-test would say 5e-6, a twentieth.
        (Proportion(15, 100), Proportion(500, 10_000)),
    ],
)
def test_large_shares_are_compared_exactly_too(first: Proportion, second: Proportion) -> None:
    assert p_value(first, second) == pytest.approx(fisher(first, second), rel=1e-8)


def test_shares_of_a_million_are_compared_at_once() -> None:
    assert p_value(Proportion(250_000, 500_000), Proportion(250_400, 500_000)) == pytest.approx(
        0.4245, abs=1e-3
    )
    assert p_value(Proportion(0, 500_000), Proportion(500_000, 500_000)) == 0.0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Proportion(0, 0), Proportion(1, 2)), (Proportion(1, 2), Proportion(0, 0)),
        (Proportion(0, 5), Proportion(0, 9)), (Proportion(5, 5), Proportion(9, 9)),
        (Proportion(3, 10), Proportion(3, 10)),
    ],
)  # fmt: skip
def test_what_cannot_differ_has_a_p_value_of_one(first: Proportion, second: Proportion) -> None:
    assert p_value(first, second) == 1.0


def test_discoveries_are_those_of_benjamini_and_hochberg() -> None:
    # The example of their article: fifteen p values, of which four are taken at 5 %.
    values = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
        0.7590, 1.0,
    ]  # fmt: skip
    assert discoveries(values[::-1], 0.05) == {11, 12, 13, 14}
    assert discoveries([], 0.05) == set()
    # One that misses its own rank is carried by a later one that does not.
    assert discoveries([0.03, 0.04], 0.05) == {0, 1}
