"""Simulations: replay a project's own labels, to see what each strategy would have cost. The project stays as it is."""

from pathlib import Path
from typing import Any

import numpy as np
from sqlite_utils import Database

from learner import encoders
from learner.errors import NotEnoughLabels
from learner.progress import Progress
from learner.settings import RoundSettings
from learner.simulation.arms import Corpus, Plan, arms_of, prepare
from learner.simulation.record import Line, OtherRuns
from learner.simulation.results import SimulationResult
from learner.simulation.runner import simulate
from webapp.store import jobs, labelled, projects, work
from webapp.store.jobs import Job
from webapp.store.projects import Project
from webapp.store.simulations import FEWEST_LABELS
from webapp.worker.consensus import find

# With fewer labels the holdout's noise would hide what strategies differ by.
FEWEST_HOLDOUT = 50


class JobRecord:
    """Finished runs in the job's result: whoever takes the job up again after a stop goes on from them."""

    def __init__(self, db: Database, claim: work.Claim) -> None:
        self.db, self.claim = db, claim

    def lines(self) -> list[Line]:
        """The runs of earlier attempts."""
        return list(jobs.get(self.db, self.claim.id).result.get("runs", []))

    def add(self, line: Line) -> None:
        """Keep one more; fenced."""
        jobs.save_result(self.db, self.claim, {"runs": [*self.lines(), line]})


def run(db: Database, instance: Path, claim: work.Claim, progress: Progress) -> None:
    """Run a claimed simulation; its result holds the figures and what they were measured on."""
    job = jobs.get(db, claim.id)
    project = projects.get(db, job.project_id)
    corpus, part = _corpus(db, project, job.payload["snapshot"])
    record = JobRecord(db, claim)
    try:
        found = _simulate(instance, job, corpus, progress, record)
    except OtherRuns:  # a review was left out, or a decision fell, between two attempts
        jobs.save_result(db, claim, {})
        found = _simulate(instance, job, corpus, progress, record)
    jobs.save_result(db, claim, {"figures": found.to_dict(), "measured_on": part})


def _simulate(
    instance: Path, job: Job, corpus: Corpus, progress: Progress, record: JobRecord
) -> SimulationResult:
    asked = job.payload
    settings = RoundSettings.from_dict(asked["settings"])
    encoder = encoders.resolve(instance / "encoders", settings.encoder)
    plan = Plan(tuple(range(asked["seeds"])), asked["batch"], asked["batch"], asked["budget"], settings)
    arms = arms_of(asked["strategies"], [settings.classifier], [settings.encoder])
    return simulate(corpus, arms, plan, {settings.encoder: encoder}, instance / "features", progress, record)


def _corpus(db: Database, project: Project, snapshot: int) -> tuple[Corpus, str]:
    """The pool's labels, measured on those of the holdout, or on a drawn fifth where these are too few."""
    order = {label.id: place for place, label in enumerate(project.labels)}
    names = [label.name for label in project.labels]
    known = labelled.labelled_reviews(db, project.id, find(db, project, snapshot), snapshot)
    parts: dict[str, list[Any]] = {"pool": [], "holdout": [], "validation": []}
    for review in known:
        parts[review.part].append(review)
    pool, holdout = parts["pool"], parts["holdout"]
    if len(pool) < FEWEST_LABELS:
        raise NotEnoughLabels(
            f"There are {len(pool)} labelled reviews to learn from; "
            f"a simulation needs {FEWEST_LABELS} to tell anything."
        )
    measures = len(holdout) >= FEWEST_HOLDOUT
    rows = pool + holdout if measures else pool
    y = np.array([order[review.label_id] for review in rows], dtype=np.int64)
    test = np.arange(len(rows)) >= len(pool) if measures else None
    corpus = prepare([review.text for review in rows], y, names, test)
    return corpus, "holdout" if measures else "fifth"
