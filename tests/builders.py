"""Small worlds for tests, each part with defaults."""

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from sqlite_utils import Database
from visitor import Browser

from webapp.importing import ParsedReview
from webapp.instance import Instance
from webapp.store import (
    annotations,
    insertion,
    jobs,
    model_versions,
    projects,
    queue,
    rankings,
    rounds,
    users,
    work,
)
from webapp.store.annotations import Annotation, Answer
from webapp.store.model_versions import Metric, ModelVersion
from webapp.store.projects import Project, ProjectSettings
from webapp.store.queue import Lease
from webapp.store.users import User
from webapp.worker.imports import ImportCounts

PASSWORD = "a password for tests"
# The weakest parameters there are: tests check passwords, not patience.
_PASSWORD_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    """What the application takes for the present; tests move it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **time: float) -> None:
        """As timedelta: forward(minutes=11)."""
        self.now += timedelta(**time)


def a_user(db: Database, name: str = "ada", role: str = "annotator") -> User:
    """An account whose password is PASSWORD."""
    return users.add(db, name, _PASSWORD_HASH, role)


def the_user(browser: Browser) -> User:
    """Who is logged in in that browser."""
    assert browser.user is not None
    return browser.user


def a_project(
    db: Database,
    name: str = "Phones",
    size: int = 5,
    texts: list[str] | None = None,
    labels: list[str] | None = None,
    language: str = "en",
    **settings: Any,
) -> Project:
    """A project with reviews, all in the pool and wanting one label unless the settings say otherwise."""
    quiet = {"overlap_share": 0.0, "holdout_size": 0, "validation_size": 0, **settings}
    project = projects.create(db, name, labels, language, ProjectSettings(**quiet))
    texts = [f"review number {number}" for number in range(size)] if texts is None else texts
    if texts:
        some_reviews(db, project, texts)
    return project


def some_reviews(db: Database, project: Project, texts: list[str]) -> None:
    """Import texts the way the worker does, with the job that remembers it."""
    job = jobs.create(db, project.id, "import", {"name": "reviews.csv"}, None, NOON)
    claim = work.claim_this(db, "jobs", job.id, NOON)
    assert claim is not None
    batch = [a_parsed_review(row, text) for row, text in enumerate(texts)]
    outcome = insertion.insert_batch(db, project, job.id, insertion.with_hashes(batch), None, NOON)
    counts = ImportCounts(rows=len(texts), imported=outcome.inserted, duplicates=outcome.duplicates)
    jobs.save_result(db, claim, asdict(counts))
    insertion.open_import(db, project, job.id)
    work.finish(db, claim, "done", NOON)


def a_parsed_review(row: int, text: str, **columns: Any) -> ParsedReview:
    """One row of a file, with nothing but its text unless more is given."""
    names = ("external_id", "rating", "product_id", "author_id", "reviewed_at", "category", "label", "part")
    return ParsedReview(row=row, text=text, extra={}, notes=(), **{**dict.fromkeys(names), **columns})


def a_lease(db: Database, project: Project, user: User, now: datetime = NOON) -> Lease:
    """The next review, claimed by this person."""
    lease = queue.claim(db, project.id, user.id, now)
    assert isinstance(lease, Lease), lease
    return lease


def an_annotation(
    db: Database, project: Project, user: User, position: int = 0, note: str = "", now: datetime = NOON
) -> Annotation:
    """The next review, labelled by this person with the label at that position."""
    lease = a_lease(db, project, user, now)
    return annotations.record(
        db, lease.token, user.id, Answer("label", project.labels[position].id, note), now
    )


def a_finished_round(
    db: Database,
    project: Project,
    holdout: int = 100,
    accuracy: float = 0.8,
    labels: int = 50,
    classifier: str = "head",
    serves: bool = True,
    now: datetime = NOON,
    audited: int = 0,
    report: dict[str, Any] | None = None,
) -> ModelVersion:
    """A round that is done, with the scores it would have on a holdout and on audit items of that many labels."""
    started = rounds.start(db, project.id, {"classifier": classifier}, "button", None, now)
    claim = work.claim_next(db, "rounds", now)
    assert claim is not None and claim.id == started.id
    counts = {label.name: holdout // len(project.labels) for label in project.labels}
    metrics = [
        Metric("holdout", "all", name, accuracy, accuracy - 0.1, min(1.0, accuracy + 0.1), holdout)
        for name in ("accuracy", "macro_f1")
    ]
    if audited:
        metrics += [
            Metric("audit", "all", name, accuracy - 0.05, accuracy - 0.15, accuracy + 0.05, audited)
            for name in ("accuracy", "macro_f1")
        ]
        metrics += [Metric("audit", name, "prevalence", 0.3, 0.2, 0.4, audited) for name in counts]
    metrics += [
        Metric(
            "holdout",
            "all",
            f"confusion:{true}:{other}",
            float(count if true == other else 1),
            None,
            None,
            holdout,
        )
        for true, count in counts.items()
        for other in counts
    ]
    version = model_versions.add(
        db, claim, "e5-small", "ab" * 32, classifier, f"checkpoint-{started.number}", "cd" * 32, labels,
        "better" if serves else "worse", "Because of the validation part.", metrics, now,
    )  # fmt: skip
    ranking = rankings.write(db, project.id, [], now, started.id, version.id)
    rounds.publish(db, claim, version.id, ranking, serves, {"train": 1.5}, now, report)
    return version


def a_checkpoint(instance: Instance, db: Database, version: ModelVersion) -> Path:
    """The files of a version on disk, with a manifest that the database knows."""
    folder = instance.checkpoints / version.checkpoint
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "head.json").write_text("{}")
    hashes = {"model/head.json": hashlib.sha256(b"{}").hexdigest()}
    manifest = json.dumps(hashes).encode()
    (folder / "manifest.json").write_bytes(manifest)
    digest = hashlib.sha256(manifest).hexdigest()
    db.execute("UPDATE model_versions SET manifest_sha256 = ? WHERE id = ?", [digest, version.id])
    return folder
