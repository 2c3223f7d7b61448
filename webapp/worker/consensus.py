"""Consensus in the worker: fetch the votes, let the learner decide, write the outcome."""

from sqlite_utils import Database

from learner.consensus import Vote, find_consensus
from webapp.store import consensus, work
from webapp.store.consensus import Consensus
from webapp.store.projects import Project


def settle(db: Database, project: Project, snapshot: int, claim: work.Claim | None = None) -> list[Consensus]:
    """Find and store each review's label as of a snapshot."""
    found = find(db, project, snapshot)
    consensus.write(db, project.id, found, snapshot, claim)
    return found


def find(db: Database, project: Project, snapshot: int) -> list[Consensus]:
    """Each review's label as of a snapshot: gold first, then the project's method."""
    votes = [
        Vote(vote.review_id, vote.annotator_id, vote.label_id)
        for vote in consensus.votes(db, project.id, snapshot)
    ]
    return [
        Consensus(each.review, each.label, each.method, each.confidence, each.votes)
        for each in find_consensus(votes, consensus.gold(db, project.id), project.settings.consensus)
    ]
