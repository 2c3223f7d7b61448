"""Shares with their intervals, against published figures and the exact sums."""

from fractions import Fraction
from math import comb

import pytest

from webapp.figures.proportions import Proportion, difference, upper_tail


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
