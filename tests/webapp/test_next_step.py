"""What an admin is told to do next, all round the loop."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from builders import a_project, a_user, an_annotation
from flask import Flask
from sqlite_utils import Database
from visitor import Browser

from webapp.next_step import Situation, is_time_to_tune, next_step

BEGINNING = Situation(0, 0, 0, False, 0, 100)
IMPORTED = replace(BEGINNING, reviews=500, reviews_left=True)


@pytest.fixture(autouse=True)
def _words(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


@pytest.mark.parametrize(
    ("situation", "step"),
    [
        (BEGINNING, "import"),
        (replace(BEGINNING, importing=True), "import"),
        (IMPORTED, "label"),
        (replace(IMPORTED, labels=19), "label"),
        (replace(IMPORTED, labels=20), "round"),
        (replace(IMPORTED, stars=True), "round"),
        (replace(IMPORTED, stars=True, labels=1), "label"),
        (replace(IMPORTED, stars=True, model_versions=1), "label"),
        (replace(IMPORTED, labels=20, round_open=True), "label"),
        (replace(IMPORTED, labels=120, labels_since_round=99, model_versions=1), "label"),
        (replace(IMPORTED, labels=120, labels_since_round=100, model_versions=1), "round"),
        (replace(IMPORTED, labels=120, labels_since_round=100, model_versions=1, round_every=0), "round"),
        (replace(IMPORTED, labels=500, model_versions=1, reviews_left=False), "export"),
        (replace(IMPORTED, labels=500, reviews_left=False), "round"),
        (replace(IMPORTED, labels=19, reviews_left=False), "import"),
        (replace(IMPORTED, labels=19, pool_left=False), "import"),
        (replace(IMPORTED, labels=20, pool_left=False), "round"),
    ],
)
def test_the_next_step(situation: Situation, step: str) -> None:
    assert next_step(situation).step == step


def test_the_words_say_how_many_labels_are_missing() -> None:
    assert "about 6 to go" in next_step(replace(IMPORTED, labels=14)).text
    assert (
        "after 30 more labels"
        in next_step(replace(IMPORTED, labels=200, labels_since_round=70, model_versions=2)).text
    )


def test_a_pool_too_small_for_a_round_asks_for_more_reviews(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db, size=10, holdout_size=2, holdout_labels=2)
    ada = a_user(web_db)
    for _ in range(10):
        an_annotation(web_db, project, ada)
    page = admin.get(f"/projects/{project.id}").text
    assert "these reviews gave 8" in page and f'href="/projects/{project.id}/imports"' in page


@pytest.mark.parametrize(
    ("code", "to_target", "tried", "labels", "validation", "left", "due"),
    [
        ("stop", None, {"head"}, 100, 50, True, True),
        ("unreachable", None, {"head"}, 100, 50, True, True),
        ("stop", 0, {"head"}, 100, 50, True, False),  # the target is reached: no more is wanted
        ("stop", 0, {"head"}, 100, 50, False, False),
        ("go on", None, {"head"}, 100, 50, True, False),
        ("early", None, {"head"}, 100, 50, False, True),  # every review has its labels
        ("stop", None, {"head", "auto"}, 100, 50, False, False),
        ("stop", None, {"head"}, 99, 50, True, False),
        ("stop", None, {"head"}, 100, 49, True, False),
    ],
)
def test_tuning_is_offered_once_labels_bring_little_and_can_prove_its_worth(
    code: str, to_target: int | None, tried: set[str], labels: int, validation: int, left: bool, due: bool
) -> None:
    assert is_time_to_tune({"code": code, "to_target": to_target}, tried, labels, validation, left) == due


def test_without_advice_tuning_is_not_offered() -> None:
    assert not is_time_to_tune(None, {"head"}, 1000, 1000, reviews_left=False)
