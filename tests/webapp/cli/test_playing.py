"""Raters who label the demo again, so that a team's pages show life from the start."""

import socket
from collections.abc import Callable

import pytest
from click.testing import Result
from sqlite_utils import Database

from webapp.cli.playing import LABELS_A_ROUND, ROUNDS, play
from webapp.demo import DemoReview
from webapp.importing import ParsedReview
from webapp.instance import Instance
from webapp.store import insertion, jobs, model_versions, projects
from webapp.store.connection import utc_now
from webapp.store.projects import ProjectSettings

Winnow = Callable[..., Result]
WORDS = {2: "good", -2: "bad", 0: "ok"}


def a_demo(db: Database, size: int) -> tuple[projects.Project, list[DemoReview]]:
    """A project as the demo leaves it; two raters vote, and the second never says neutral."""
    project = projects.create(db, "Demo", settings=ProjectSettings(holdout_size=0, validation_size=0))
    reviews = []
    for number in range(size):
        vote = (2, -2, 0)[number % 3]
        reviews.append(DemoReview(f"s{number}", f"{WORDS[vote]} phone {number}", (vote, vote or 1)))
    job = jobs.create(db, project.id, "import", {}, None, utc_now())
    empty = dict.fromkeys(("rating", "product_id", "author_id", "reviewed_at", "category", "label", "part"))
    rows = [
        ParsedReview(row=row, text=review.text, external_id=review.id, extra={}, notes=(), **empty)
        for row, review in enumerate(reviews)
    ]
    insertion.insert_batch(db, project, job.id, insertion.with_hashes(rows), None, utc_now())
    insertion.open_import(db, project, job.id)
    return project, reviews


@pytest.mark.slow
def test_each_rater_gives_the_votes_of_the_study(instance: Instance, db: Database, encoder: str) -> None:
    project, reviews = a_demo(db, 400)
    projects.update_settings(db, project.id, learner={"encoder": encoder, "query_size": 100})
    play(instance, db, projects.get(db, project.id), reviews, players=2)
    given = db.execute(
        "SELECT r.external_id, u.name AS rater, l.name AS label FROM current_labels c"
        " JOIN reviews r ON r.id = c.review_id JOIN users u ON u.id = c.annotator_id JOIN labels l ON l.id = c.label_id"
    ).fetchall()
    by_id = {review.id: review for review in reviews}
    assert len(given) == ROUNDS * LABELS_A_ROUND
    assert {row["rater"] for row in given} == {"rater-1", "rater-2"}
    assert all(row["label"] == by_id[row["external_id"]].label_by(int(row["rater"][-1]) - 1) for row in given)
    assert len({row["external_id"] for row in given}) < len(given), "some reviews have two labels"
    assert len(model_versions.learning_curve(db, project.id)) == ROUNDS


@pytest.mark.parametrize("options", [(), ("--play", "20")])
def test_a_demo_needs_no_players(winnow: Winnow, options: tuple[str, ...]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = winnow("demo", "--port", taken.getsockname()[1], *options)
    assert result.exit_code == 1 and "Cannot listen" in result.stderr
