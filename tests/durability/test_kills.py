"""kill -9 at any instant: every acknowledged answer is there, once, and nothing is half done (D01)."""

import os
import random
from collections.abc import Callable
from pathlib import Path

from kills import kill_writers

KILLS = int(os.environ.get("WINNOW_TEST_KILLS", "60"))


def test_no_acknowledged_answer_is_lost_when_writers_are_killed(shop: Callable[[int], Path]) -> None:
    acknowledged, wrong = kill_writers(shop(30 * KILLS + 2_000), KILLS, random.Random())
    assert wrong == []
    assert acknowledged > 5 * KILLS
