"""Figures for Prometheus: requests of all web processes, and the state that the database knows."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from shutil import disk_usage

from flask import Flask
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlite_utils import Database

from webapp import diagnosis
from webapp.instance import Instance
from webapp.store import figures, health

EXTENSION = "winnow_requests"
BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
# A made-up method of a visitor's is no label of ours.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True)
class Requests:
    """What this process counts; under gunicorn the values lie in files that all processes read."""

    registry: CollectorRegistry
    count: Counter
    seconds: Histogram


def init_app(app: Flask) -> None:
    """Begin to count."""
    registry = CollectorRegistry()
    app.extensions[EXTENSION] = Requests(
        registry,
        Counter("winnow_requests", "Requests answered.", ["route", "method", "status"], registry=registry),
        Histogram("winnow_request_seconds", "Time to answer.", ["route"], registry=registry, buckets=BUCKETS),
    )


def observe(app: Flask, route: str, method: str, status: int, seconds: float) -> None:
    """Count one request, by its route: an address with its numbers would make a series each."""
    requests: Requests = app.extensions[EXTENSION]
    requests.count.labels(route, method if method in METHODS else "other", str(status)).inc()
    requests.seconds.labels(route).observe(seconds)


def exposition(app: Flask, db: Database, instance: Instance, now: datetime) -> bytes:
    """Everything as Prometheus reads it."""
    registry: CollectorRegistry = app.extensions[EXTENSION].registry
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    state = CollectorRegistry()
    state.register(_State(db, instance, now))
    return generate_latest(registry) + generate_latest(state)


@dataclass(frozen=True)
class _State(Collector):
    """What the database and the disk say at this moment; projects go by their number, never by their name."""

    db: Database
    instance: Instance
    now: datetime

    def collect(self) -> Iterator[GaugeMetricFamily]:
        db, now = self.db, self.now
        yield from _by_project(figures.by_project(db))
        yield _labelled("winnow_rounds", "Rounds, by state.", ("project", "state"), figures.rounds(db))
        yield _labelled(
            "winnow_open_jobs", "Rounds and jobs that wait or run.", ("kind",), figures.open_jobs(db)
        )
        singles = {
            "winnow_oldest_job_seconds": ("How long the oldest waiting job has waited.",
                                          health.oldest_waiting_seconds(db, now) or 0.0),
            "winnow_worker_heartbeat_seconds": ("Since a worker was last seen; -1 when none was for a day.",
                                                _or_minus(health.last_heartbeat_seconds(db, now))),
            "winnow_backup_age_seconds": ("Since the newest good backup; -1 when there is none.",
                                          self._backup_age()),
            "winnow_wal_bytes": ("Size of the write-ahead log.", health.wal_bytes(self.instance.database)),
            "winnow_database_bytes": ("Size of the database.", self.instance.database.stat().st_size),
            "winnow_disk_free_bytes": ("Free space beside the database.", disk_usage(self.instance.folder).free),
            "winnow_open_alarms": ("Alarms that nobody has dealt with.", figures.open_alarms(db)),
        }  # fmt: skip
        for name, (about, value) in singles.items():
            yield GaugeMetricFamily(name, about, value)

    def _backup_age(self) -> float:
        last = diagnosis.last_backup(self.db, self.instance)
        return (self.now - last).total_seconds() if last else -1.0


def _by_project(found: dict[str, dict[int, float]]) -> Iterator[GaugeMetricFamily]:
    about = {
        "winnow_labels": "Labels that count: neither withdrawn nor replaced.",
        "winnow_reviews": "Reviews imported.",
        "winnow_reviews_wanted": "Reviews that still want labels.",
        "winnow_leases": "Reviews in somebody's hands.",
        "winnow_serving_version": "Number of the model version that serves.",
        "winnow_round_seconds": "How long the last finished round took.",
    }
    for name, words in about.items():
        rows: dict[tuple[str, ...], float] = {
            (str(project_id),): value for project_id, value in found[name].items()
        }
        yield _labelled(name, words, ("project",), rows)


def _labelled(
    name: str, about: str, labels: tuple[str, ...], rows: Mapping[tuple[str, ...], float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, about, labels=labels)
    for values, value in rows.items():
        family.add_metric(values, value)
    return family


def _or_minus(seconds: float | None) -> float:
    return -1.0 if seconds is None else seconds
