"""Requests counted in windows of time, in the database, so that all processes share one limit."""

from sqlite_utils import Database

from webapp.store.connection import write_transaction


def add(db: Database, subject: str, window_start: int, amount: int) -> int:
    """Count more requests of a subject in a window (its start in seconds); returns how many there are now."""
    with write_transaction(db):
        db.execute("DELETE FROM rate_counts WHERE subject = ? AND window_start < ?", [subject, window_start])
        row = db.execute(
            "INSERT INTO rate_counts (subject, window_start, count) VALUES (?, ?, ?)"
            " ON CONFLICT (subject, window_start) DO UPDATE SET count = count + excluded.count RETURNING count",
            [subject, window_start, amount],
        ).fetchone()
    return int(row["count"])
