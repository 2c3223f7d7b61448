"""Bulk writing in short turns, so that whoever submits meanwhile is let through."""

import time

from sqlite_utils import Database

from webapp.store.chunks import CHUNK, in_turn
from webapp.store.connection import write_transaction

TURN = 0.02


def test_a_turn_is_short_and_followed_by_as_long_a_rest(db: Database) -> None:
    rests, ended, rows = [], 0.0, 0
    for chunk in in_turn(db, range(3 * CHUNK)):
        if ended:
            rests.append(time.monotonic() - ended)
        with write_transaction(db):
            time.sleep(TURN)
        assert len(chunk) <= 500
        rows += len(chunk)
        ended = time.monotonic()
    assert rows == 3 * CHUNK and len(rests) == 2
    assert min(rests) >= TURN


def test_inside_a_transaction_nobody_waits(db: Database) -> None:
    with write_transaction(db):
        began = time.monotonic()
        for _ in in_turn(db, range(3 * CHUNK)):
            time.sleep(TURN)
        assert time.monotonic() - began < 2 * 3 * TURN
