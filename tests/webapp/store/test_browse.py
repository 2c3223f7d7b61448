"""Find reviews again."""

from collections.abc import Callable

import pytest
from builders import some_reviews
from conftest import NOON
from sqlite_utils import Database

from webapp.store import browse, label_sets, model_versions, rounds, work
from webapp.store.filters import Filters
from webapp.store.model_versions import ModelVersion, Scores
from webapp.store.projects import Project

SURE_OF = {0: (0.8, 0.1, 0.1), 2: (0.1, 0.2, 0.7)}


def a_version(db: Database, project: Project, says: int) -> ModelVersion:
    """A serving version that says the same of every review."""
    started = rounds.start(db, project.id, {}, "button", None, NOON)
    claim = work.claim_next(db, "rounds", NOON)
    assert claim is not None
    version = model_versions.add(
        db, claim, "e5-small", "ab", "head", f"c{started.number}", "cd", 9, "first", "It serves.", [], NOON
    )
    ids = [found.id for found in browse.find(db, project.id, Filters())]
    model_versions.add_predictions(
        db, claim, version.id, project.labels, [Scores(review_id, SURE_OF[says]) for review_id in ids]
    )
    ranking = db.execute(
        "INSERT INTO rankings (project_id, created_at) VALUES (?, '') RETURNING id", [project.id]
    ).fetchone()[0]
    rounds.publish(db, claim, version.id, ranking, True, {}, NOON)
    return version


def test_predictions_are_the_serving_versions_unless_another_is_named(
    db: Database, a_project: Callable[..., Project]
) -> None:
    project = a_project(size=3)
    first, second = a_version(db, project, says=0), a_version(db, project, says=2)
    assert {found.predicted for found in browse.find(db, project.id, Filters())} == {("positive", 2)}
    by_first = Filters(predicted_id=project.labels[0].id, version_id=first.id)
    assert len(browse.find(db, project.id, by_first)) == browse.count(db, project.id, by_first, 100) == 3
    by_second = Filters(predicted_id=project.labels[0].id, version_id=second.id)
    assert browse.find(db, project.id, by_second) == [] and browse.count(db, project.id, by_second, 100) == 0


def test_one_reviews_predictions_come_newest_first(db: Database, a_project: Callable[..., Project]) -> None:
    project = a_project(size=1)
    for says in (0, 2):
        a_version(db, project, says)
    review_id = browse.find(db, project.id, Filters())[0].id
    found = browse.predictions_of(db, review_id)
    assert [(each.version_number, each.label, each.serves) for each in found] == [
        (2, "positive", True),
        (1, "negative", False),
    ]
    assert found[0].scores == [0.1, 0.2, 0.7]


def test_scores_follow_the_labels_of_today(db: Database, a_project: Callable[..., Project]) -> None:
    project = a_project(size=1)
    a_version(db, project, 2)
    db.execute("UPDATE jobs SET state = 'done'")
    review_id = browse.find(db, project.id, Filters())[0].id
    negative, neutral, _ = (label.id for label in project.labels)
    label_sets.move(db, project.id, negative, 2, None, NOON)
    assert browse.predictions_of(db, review_id)[0].scores == [0.2, 0.7, 0.1]
    label_sets.retire(db, project.id, neutral, negative, None, NOON)
    label_sets.add(db, project.id, "mixed", None, NOON)
    assert browse.predictions_of(db, review_id)[0].scores == [0.7, 0.1, 0.0]


def test_counting_stops_at_its_limit(db: Database, a_project: Callable[..., Project]) -> None:
    project = a_project(size=10)
    assert browse.count(db, project.id, Filters(), 4) == 4
    assert browse.count(db, project.id, Filters(text="number 7"), 4) == 1


@pytest.mark.parametrize(
    ("text", "found"), [("电池", 1), ("电池很好", 1), ("BATTERY", 1), ("100%", 1), ('"; DROP', 0), ("", 3)]
)
def test_search_finds_english_and_chinese(
    db: Database, a_project: Callable[..., Project], text: str, found: int
) -> None:
    project = a_project(0)
    some_reviews(db, project, ["这款手机电池很好用", "The battery is 100% fine", "short"])
    assert len(browse.find(db, project.id, Filters(text=text))) == found


def test_filters_combine(db: Database, a_project: Callable[..., Project]) -> None:
    project = a_project(3, labelled={0: "positive", 1: "negative"})
    positive = project.label_named("positive")
    assert positive is not None
    (row,) = browse.find(db, project.id, Filters(state="labelled", label_id=positive.id, part="pool"))
    assert (row.text, row.labels) == ("review number 0", [("positive", 2)])
    assert [each.text for each in browse.find(db, project.id, Filters(state="unlabelled"))] == [
        "review number 2"
    ]
