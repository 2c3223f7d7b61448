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


def test_two_large_shares_are_compared_by_the_pooled_z_test() -> None:
    # As scipy's chi2_contingency([[300, 700], [500, 1500]], correction=False) has it.
    assert p_value(Proportion(300, 1000), Proportion(500, 2000)) == pytest.approx(0.00350738, abs=1e-8)


def test_small_counts_are_compared_exactly() -> None:
    # Fisher's tea: all four of four told apart has one chance in 70; both tails have two.
    assert p_value(Proportion(4, 4), Proportion(0, 4)) == pytest.approx(2 / 70)
    ways = [comb(25, k) * comb(1000, 8 - k) / comb(1025, 8) for k in range(3, 9)]
    assert p_value(Proportion(3, 25), Proportion(5, 1000)) == pytest.approx(2 * sum(ways))


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
