"""Many rows in short transactions: people submit between two of them."""

import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlite_utils import Database

CHUNK = 500
LONGEST_REST_SECONDS = 0.2
T = TypeVar("T")


def in_turn(db: Database, rows: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """The rows by the chunk, one for each transaction, with as long a rest after it as it took.

    Without the rest this connection would have the lock again before any that waits has looked.
    """
    for start in range(0, len(rows), size):
        began = time.monotonic()
        yield rows[start : start + size]
        if not db.conn.in_transaction:
            time.sleep(min(LONGEST_REST_SECONDS, time.monotonic() - began))
