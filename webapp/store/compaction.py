"""Bring a deletion to the disk: no copy of what is gone stays in free pages or in the write-ahead log."""

import time
from collections.abc import Callable

from sqlite_utils import Database

from webapp.store.errors import StoreError

# Writers wait while the file is written anew: a busy disk takes 30 MB in a second, and they wait ten at most.
LARGEST_WITH_WRITERS = 2**28
CHECKPOINT_SECONDS = 60.0
RETRY_SECONDS = 0.2


class StillRead(StoreError):
    """Somebody reads an old state of the database all the time, so its log cannot be emptied."""


def size(db: Database) -> int:
    """Bytes of the database file."""
    return int(db.execute("PRAGMA page_count").fetchone()[0] * db.execute("PRAGMA page_size").fetchone()[0])


def rewrite(db: Database) -> None:
    """Write the whole file anew, without what earlier splits and deletions left in its pages; takes as much disk."""
    # Not in memory: the copy is as large as the database.
    db.execute("PRAGMA temp_store = FILE")
    try:
        db.execute("VACUUM")
    finally:
        db.execute("PRAGMA temp_store = MEMORY")


def empty_log(db: Database, wait: Callable[[], None] = lambda: None) -> None:
    """Fold the write-ahead log into the file and cut it to nothing; StillRead when readers hold it for a minute."""
    until = time.monotonic() + CHECKPOINT_SECONDS
    while db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() > until:
            raise StillRead(
                "Somebody reads the database without a pause, so its log cannot be emptied."
                " Stop long downloads, then start the erasure again: it goes on where it stopped."
            )
        wait()
        time.sleep(RETRY_SECONDS)
