"""How much SQLite does for an answer, in steps of its own machine: the same on every computer, busy or not."""

from collections.abc import Callable

from sqlite_utils import Database

COARSE = 100


def steps_of(db: Database, question: Callable[[], object]) -> int:
    """The steps that the question takes, to the hundred."""
    seen = 0

    def count() -> int:
        nonlocal seen
        seen += 1
        return 0

    db.conn.set_progress_handler(count, COARSE)
    try:
        question()
    finally:
        db.conn.set_progress_handler(None, 0)
    return seen * COARSE
