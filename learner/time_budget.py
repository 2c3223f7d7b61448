"""Training that has to end in time: its progress is watched, its pace judged early, its end enforced."""

import time
from collections.abc import Callable
from typing import Final

from learner.progress import Progress

Clock = Callable[[], float]

# Steps that tell the pace of the rest; the one before them still warms up caches and is not counted.
PACE_STEPS: Final = 8


class OutOfTime(Exception):
    """The time for this training is over; raised from inside its progress callback."""


class TooSlow(OutOfTime):
    """At the pace of its first steps the training would not end in time.

    expected: seconds that all its steps would take; available: seconds there are for a new beginning.
    """

    def __init__(self, steps: int, expected: float, available: float) -> None:
        super().__init__(f"{steps} steps in {expected:.1f} s of {available:.1f} s")
        self.steps, self.expected, self.available = steps, expected, available


class Watch:
    """A progress callback that passes everything on, and raises TooSlow or OutOfTime.

    deadline: on the clock. expected: seconds from the first step to the last, once they could be told.
    """

    def __init__(self, progress: Progress, deadline: float, clock: Clock = time.monotonic) -> None:
        self.progress, self.deadline, self.clock = progress, deadline, clock
        self.expected: float | None = None
        self._first: tuple[float, int] | None = None

    def __call__(self, phase: str, done: int, total: int) -> None:
        self.progress(phase, done, total)
        now = self.clock()
        if now >= self.deadline:
            raise OutOfTime
        if phase == "train" and 0 < done < total and self.expected is None:
            self._judge(now, done, total)

    def _judge(self, now: float, done: int, total: int) -> None:
        if self._first is None:
            self._first = now, done
        started, first = self._first
        if done - first < PACE_STEPS:
            return
        pace = (now - started) / (done - first)
        self.expected = pace * total
        left = self.deadline - now
        if pace * (total - done) > left:
            raise TooSlow(total, self.expected, left)
