"""What a round says of going on or stopping."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """Whether to stop: `code` for programs, `sentence` for people; fractions of one, None where unknown.

    gain: what the next 100 labels should bring in accuracy. ceiling: where the curve ends. to_target: labels until
    the target is reached. kappa: agreement with the former rounds on the stop set. stable: it is high enough.
    settled: the former scores lie within the interval of the latest. rare: classes with fewer than 5 labels.
    """

    code: str  # early, go on, stop, unreachable
    sentence: str
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    ceiling: float | None = None
    to_target: int | None = None
    kappa: float | None = None
    stable: bool | None = None
    settled: bool | None = None
    rare: tuple[str, ...] = ()
