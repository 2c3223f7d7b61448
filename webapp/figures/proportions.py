"""Shares of small counts, with what chance alone could do to them; plain arithmetic, so that pages need no scipy."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# The normal quantile of a 95 % interval.
Z = 1.959964
# What is left of a tail once a term adds nothing to it that a float could hold.
_NEGLIGIBLE = 1e-17


@dataclass(frozen=True, slots=True)
class Proportion:
    """`hits` of `n`; value, low and high are None where n is 0."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        """The share itself."""
        return self.hits / self.n if self.n else None

    @property
    def low(self) -> float | None:
        """The lower end of the interval."""
        return _wilson(self)[0] if self.n else None

    @property
    def high(self) -> float | None:
        """The upper end of the interval."""
        return _wilson(self)[1] if self.n else None

    def __add__(self, other: "Proportion") -> "Proportion":
        return Proportion(self.hits + other.hits, self.n + other.n)

    def __sub__(self, part: "Proportion") -> "Proportion":
        return Proportion(self.hits - part.hits, self.n - part.n)


NOTHING = Proportion(0, 0)


@dataclass(frozen=True)
class Difference:
    """One share less another, with its 95 % interval."""

    value: float
    low: float
    high: float


def difference(first: Proportion, second: Proportion) -> Difference | None:
    """`first` less `second`, None where either is empty. Newcombe 1998, Statistics in Medicine 17:873, method 10."""
    if not first.n or not second.n:
        return None
    one, other = first.hits / first.n, second.hits / second.n
    (low_one, high_one), (low_other, high_other) = _wilson(first), _wilson(second)
    below = math.hypot(one - low_one, high_other - other)
    above = math.hypot(high_one - one, other - low_other)
    return Difference(one - other, one - other - below, one - other + above)


def upper_tail(hits: int, n: int, chance: float) -> float:
    """The exact binomial probability of `hits` or more out of `n`."""
    if hits <= 0:
        return 1.0
    if not 0 < chance < 1:
        return 1.0 if chance >= 1 else 0.0
    logs = (
        _log_ways(n, k) + k * math.log(chance) + (n - k) * math.log1p(-chance) for k in range(hits, n + 1)
    )
    return min(1.0, math.fsum(math.exp(each) for each in logs))


def p_value(first: Proportion, second: Proportion) -> float:
    """Two-sided, of two shares being one: Fisher's exact test, the tail doubled; one where either is empty.

    Never the z-test: among a thousand comparisons the least p values count, and so far out it makes them too small.
    """
    hits, total = first.hits + second.hits, first.n + second.n
    if first.hits * total < hits * first.n:
        first, second = second, first
    chance = math.exp(
        _log_ways(first.n, first.hits) + _log_ways(second.n, second.hits) - _log_ways(total, hits)
    )
    tail = chance
    for k in range(first.hits, min(first.n, hits)):
        chance *= (hits - k) * (first.n - k) / ((k + 1) * (second.n - hits + k + 1))
        tail += chance
        if chance <= tail * _NEGLIGIBLE:
            break
    return min(1.0, 2 * tail)


def discoveries(p_values: Sequence[float], rate: float) -> set[int]:
    """The places of those taken for real; in the mean at most `rate` of them are chance.

    Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B 57:289.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    last = 0
    for rank, place in enumerate(order, start=1):
        if p_values[place] <= rate * rank / len(order):
            last = rank
    return set(order[:last])


def _log_ways(n: int, k: int) -> float:
    """The logarithm of n over k."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _wilson(share: Proportion) -> tuple[float, float]:
    """Wilson's score interval: Wilson 1927, Journal of the American Statistical Association 22:209."""
    p, n = share.hits / share.n, share.n
    middle = p + Z**2 / (2 * n)
    half = Z * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    scale = 1 + Z**2 / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)
