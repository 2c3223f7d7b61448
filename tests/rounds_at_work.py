"""What tests of rounds do before one: label some reviews, and queue a round."""

from sqlite_utils import Database

from learner.settings import RoundSettings
from webapp.store import annotations, queue, rounds
from webapp.store.annotations import Answer
from webapp.store.connection import utc_now
from webapp.store.projects import Project


def label_some(db: Database, project: Project, annotator: int, count: int) -> None:
    """Label the next reviews by the words in them."""
    by_words = {
        "positive": "great excellent perfect love happy best nice",
        "neutral": "ok average fine day so",
    }
    for _ in range(count):
        lease = queue.claim(db, project.id, annotator, utc_now())
        assert isinstance(lease, queue.Lease)
        name = next(
            (name for name, words in by_words.items() if set(words.split()) & set(lease.text.split())), None
        )
        label = project.label_named(name or "negative")
        assert label is not None
        annotations.record(db, lease.token, annotator, Answer("label", label.id), utc_now())


def started(db: Database, project: Project, **settings: object) -> rounds.Round:
    values = RoundSettings.from_dict({**project.settings.learner, **settings}).to_dict()
    return rounds.start(db, project.id, values, "button", None, utc_now())
