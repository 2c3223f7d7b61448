"""A simulation that came to its end: figures of constructed runs, in the job that pages read."""

from datetime import datetime

from sqlite_utils import Database

from webapp.store import jobs, work
from webapp.store.jobs import Job
from webapp.store.projects import Project

LABELS = (20, 40, 60)
SCORES = {
    "margin-diverse": ((0.60, 0.78, 0.80), (0.66, 0.79, 0.81)),
    "random": ((0.55, 0.62, 0.79), (0.5, 0.6, 0.7)),
}


def a_simulation(db: Database, project: Project, now: datetime) -> Job:
    """Two strategies, two seeds; one run of random never comes to 95 % of the 0.8 that all labels give."""
    # Here, since they load torch, which no other test of a page needs.
    from learner.simulation.arms import Arm, Learner
    from learner.simulation.figures import arm_results
    from learner.simulation.replay import Run
    from learner.simulation.results import SimulationResult

    learner = Learner("head", "e5-small")
    runs = {
        Arm(learner, strategy): [
            Run(list(LABELS), {"accuracy": list(seed), "macro_f1": list(seed)}, [0.2] * 3, [0.1] * 2)
            for seed in seeds
        ]
        for strategy, seeds in SCORES.items()
    }
    arms = arm_results(runs, {learner: {"accuracy": 0.8, "macro_f1": 0.8}})
    figures = SimulationResult(200, 60, [0, 1], 20, 20, 60, arms).to_dict()
    job = jobs.create(db, project.id, "simulate", {}, None, now)
    claim = work.claim_this(db, "jobs", job.id, now)
    assert claim is not None
    jobs.save_result(db, claim, {"figures": figures, "measured_on": "holdout"})
    work.finish(db, claim, "done", now)
    return jobs.get(db, job.id)
