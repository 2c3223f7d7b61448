"""Annotators that race: each a process with a connection of its own, at the store's own doors."""

import multiprocessing
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

from webapp.store import annotations, queue
from webapp.store.annotations import Answer
from webapp.store.connection import open_database, utc_now
from webapp.store.queue import Lease


def claim_many(
    path: Path,
    project_id: int,
    user: int,
    label: int,
    count: int,
    start: Barrier,
    out: "multiprocessing.Queue[tuple[list[int], list[float]]]",
) -> None:
    """Claim and answer so many reviews; tells which, and how long each claim and each answer took."""
    db = open_database(path)
    taken, seconds = [], []
    start.wait(60)
    for _ in range(count):
        began = time.perf_counter()
        lease = queue.claim(db, project_id, user, utc_now())
        assert isinstance(lease, Lease), lease
        seconds.append(time.perf_counter() - began)
        annotations.record(db, lease.token, user, Answer("label", label), utc_now())
        taken.append(lease.review_id)
    out.put((taken, seconds))
