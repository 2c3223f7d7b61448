"""Simulations on a project's own labels: one at a time, its finished runs kept with the job until it ends."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from webapp.store import jobs, labelled
from webapp.store.connection import write_transaction
from webapp.store.jobs import Job

KIND = "simulate"
# Fewer tell more of the draw than of the strategies.
FEWEST_LABELS = 100


def request(db: Database, project_id: int, asked: Mapping[str, Any], by: int | None, now: datetime) -> Job:
    """Queue a simulation on today's labels; the one that waits or runs where there is one."""
    with write_transaction(db):
        queued = jobs.open_job(db, project_id, KIND)
        if queued is not None:
            return queued
        payload = {**asked, "snapshot": labelled.snapshot(db, project_id)}
        return jobs.create(db, project_id, KIND, payload, by, now)
