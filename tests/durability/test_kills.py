"""kill -9 at any instant: every acknowledged answer is there, once, and nothing is half done (D01)."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from invariants import missing, violations
from kills import Scribe

from webapp.store.connection import open_database

KILLS = int(os.environ.get("WINNOW_TEST_KILLS", "60"))


@pytest.fixture
def scribes(shop: Callable[[int], Path]) -> Iterator[tuple[Path, list[Scribe]]]:
    """Two processes that write to one database, as web and worker do."""
    path = shop(20 * KILLS + 2_000)
    both = [Scribe(path, user_id) for user_id in (1, 2)]
    yield path, both
    for scribe in both:
        scribe.close()


def test_no_acknowledged_answer_is_lost_when_writers_are_killed(
    scribes: tuple[Path, list[Scribe]],
) -> None:
    path, both = scribes
    draw = random.Random()
    both[0].begin()
    for kill in range(KILLS):
        dying, living = both[kill % 2], both[(kill + 1) % 2]
        living.begin()
        dying.end(draw.uniform(0, 0.12))
        if kill % 10 == 9:
            db = open_database(path)
            assert violations(db) == []
            db.close()
    both[KILLS % 2].end(0)
    db = open_database(path)
    assert violations(db) == []
    for scribe in both:
        assert missing(db, scribe.acknowledged.values()) == []
    acknowledged = sum(len(scribe.acknowledged) for scribe in both)
    # What a kill cut off between the commit and its acknowledgement is there too: at most one answer a life.
    answers = db.execute("SELECT count(*) FROM annotations WHERE action <> 'undo'").fetchone()[0]
    assert acknowledged <= answers <= acknowledged + KILLS + 1
    assert acknowledged > 5 * KILLS
    db.close()
