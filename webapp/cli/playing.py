"""What `winnow demo --play N` does: raters of the demo's reviews label them again, so that a team's pages show life."""

import secrets

import click
from sqlite_utils import Database

from learner.settings import RoundSettings
from webapp.access import passwords
from webapp.cli.long_work import see_through
from webapp.demo import DemoReview
from webapp.instance import Instance
from webapp.store import annotations, insertion, projects, queue, rounds, users
from webapp.store.annotations import Answer
from webapp.store.connection import utc_now
from webapp.store.projects import Project
from webapp.store.queue import Lease

ROUNDS = 3
LABELS_A_ROUND = 100
# A quarter of the reviews by two players: enough to see agreement after three rounds.
OVERLAP_SHARE = 0.25


def play(instance: Instance, db: Database, project: Project, reviews: list[DemoReview], players: int) -> None:
    """Let `players` raters label through some rounds, each with the votes that they gave in the study."""
    by_id = {review.id: review for review in reviews}
    project = projects.update_settings(db, project.id, overlap_share=OVERLAP_SHARE)
    insertion.reset_wanted(db, project)
    people = [_rater(db, number) for number in range(players)]
    for number in range(1, ROUNDS + 1):
        click.echo(f"Round {number} of {ROUNDS}: {players} raters give {LABELS_A_ROUND} labels ...")
        for turn in range(LABELS_A_ROUND):
            _answer(db, project, people[turn % players], by_id, turn % players)
        started = rounds.start(
            db,
            project.id,
            RoundSettings.from_dict(project.settings.learner).to_dict(),
            "command",
            None,
            utc_now(),
        )
        see_through(instance, db, "rounds", lambda started=started: rounds.get(db, started.id))  # type: ignore[misc]


def _rater(db: Database, number: int) -> int:
    """An account that nobody can log in to: its password is thrown away."""
    password = passwords.hash_password(secrets.token_urlsafe())
    return users.add(db, f"rater-{number + 1}", password, "annotator").id


def _answer(db: Database, project: Project, user_id: int, reviews: dict[str, DemoReview], rater: int) -> None:
    """Claim the next review and give it the label of this rater's vote."""
    lease = queue.claim(db, project.id, user_id, utc_now())
    if not isinstance(lease, Lease) or lease.external_id is None:
        return
    label = project.label_named(reviews[lease.external_id].label_by(rater))
    assert label is not None, "the demo project has the default labels"
    annotations.record(db, lease.token, user_id, Answer("label", label.id), utc_now())
