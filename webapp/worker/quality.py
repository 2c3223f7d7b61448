"""Quality jobs: how far people agree, what each review's label is, and which labels are likely wrong."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from sqlite_utils import Database

from learner import agreement, encoders
from learner.errors import EncoderError, NotEnoughLabels
from learner.features import FeatureCache
from learner.progress import Progress
from learner.suspects import Suspicion, find_suspects
from learner.weak_labels import from_ratings
from webapp.store import consensus, jobs, labelled, projects, quality, stars, suspects, work
from webapp.store.connection import utc_now
from webapp.store.consensus import Consensus, Vote
from webapp.store.projects import Project
from webapp.store.suspects import FoundSuspect
from webapp.usual_settings import usual_settings
from webapp.worker.consensus import settle


def run(db: Database, instance: Path, claim: work.Claim, progress: Progress) -> None:
    """Run a claimed quality job on today's labels; each part is kept as it comes."""
    project = projects.get(db, jobs.get(db, claim.id).project_id)
    snapshot = labelled.snapshot(db, project.id)
    progress("consensus", 0, 1)
    found = settle(db, project, snapshot, claim)
    progress("agreement", 0, 1)
    votes = consensus.votes(db, project.id, snapshot)
    known = {"snapshot": snapshot, "round": quality.last_round(db, project.id)}
    result = {**known, **_counts(votes, found), **_agreement(project, votes)}
    jobs.save_result(db, claim, result)
    progress("suspects", 0, 1)
    result["suspects"] = _suspects(db, instance, claim, project, found, snapshot, progress)
    jobs.save_result(db, claim, result)


def _counts(votes: Sequence[Vote], found: Sequence[Consensus]) -> dict[str, Any]:
    return {
        "labels": len(votes),
        "suggested": sum(vote.shown == "suggestion" for vote in votes),
        "methods": Counter(each.method for each in found),
        "undecided": len({vote.review_id for vote in votes} - {each.review_id for each in found}),
    }


def _agreement(project: Project, votes: Sequence[Vote]) -> dict[str, Any]:
    """The figures of annotators' labels; imported ones came with the file, and nobody here gave them."""
    given = [vote for vote in votes if vote.origin != "import"]
    order = {label.id: place for place, label in enumerate(project.labels)}
    columns = [(vote.review_id, vote.annotator_id, order[vote.label_id]) for vote in given]
    ids, people, y = np.array(columns, dtype=np.int64).reshape(-1, 3).T
    measured = asdict(agreement.measure(ids, people, y, len(project.labels)))
    per_label = zip(project.labels, measured.pop("labels"), strict=True)
    measured["labels"] = [{"label": label.id, **figure} for label, figure in per_label]
    moments = _moments(given)
    for window in measured["windows"]:
        window["since"], window["until"] = moments[window["start"] - 1], moments[window["end"] - 1]
    return {"annotators": len({vote.annotator_id for vote in given}), "agreement": measured}


def _moments(votes: Sequence[Vote]) -> list[str]:
    """When each review that several people labelled got its last label, in that order."""
    times = Counter(vote.review_id for vote in votes)
    last = {vote.review_id: vote.created_at for vote in reversed(votes)}
    last |= {vote.review_id: vote.created_at for vote in votes}
    return sorted(moment for review_id, moment in last.items() if times[review_id] > 1)


def _suspects(
    db: Database,
    instance: Path,
    claim: work.Claim,
    project: Project,
    found: Sequence[Consensus],
    snapshot: int,
    progress: Progress,
) -> dict[str, Any]:
    """Look for likely errors and store them; why not, where they cannot be looked for."""
    # Never on the holdout or validation part: were the model to choose which of their labels are looked at again, its
    # own mistakes would stay and its score would rise. And what an admin settled is not in doubt.
    pool = [
        review
        for review in labelled.labelled_reviews(db, project.id, found, snapshot)
        if review.part == "pool" and review.method != "gold"
    ]
    order = {label.id: place for place, label in enumerate(project.labels)}
    settings = usual_settings(project)
    try:
        encoder = encoders.resolve(instance / "encoders", settings.encoder)
        suspicion = find_suspects(
            np.array([review.review_id for review in pool], dtype=np.int64),
            FeatureCache(instance / "features", encoder).encode([review.text for review in pool], progress),
            np.array([order[review.label_id] for review in pool], dtype=np.int64),
            [label.name for label in project.labels],
            encoder.settings.head_c if settings.head.c is None else settings.head.c,
            progress,
        )
    except (NotEnoughLabels, EncoderError) as problem:
        return {"error": str(problem)}
    suspects.replace(db, project.id, _with_stars(db, project, suspicion), utc_now(), claim)
    return {
        "judged": suspicion.judged,
        "agreeing": suspicion.agreeing,
        "listed": len(suspicion.suspects),
        "unjudged": [project.labels[place].id for place in suspicion.unjudged],
    }


def _with_stars(db: Database, project: Project, suspicion: Suspicion) -> list[FoundSuspect]:
    ratings = stars.of_reviews(db, [each.review for each in suspicion.suspects])
    return [
        FoundSuspect(
            each.review,
            project.labels[each.label].id,
            project.labels[each.suggested].id,
            star_label(project, ratings.get(each.review)),
            each.score,
        )
        for each in suspicion.suspects
    ]


def star_label(project: Project, rating: float | None) -> int | None:
    """The label that the stars of one review stand for, by id; None where they say nothing."""
    if rating is None:
        return None
    place = int(from_ratings([rating], [label.name for label in project.labels])[0])
    return project.labels[place].id if place >= 0 else None
