"""Insights: each review counts once, by what people say before what the model says."""

from collections import Counter

import pytest
from builders import a_user as a_person
from builders import an_annotation
from shop_reviews import Read, a_shop
from sqlite_utils import Database

from webapp.store import consensus, insights
from webapp.store.connection import write_transaction
from webapp.store.consensus import Consensus
from webapp.store.insights import Reading, Scope


def test_each_review_is_read_once_with_its_group_its_day_its_label_and_its_stars(db: Database) -> None:
    project, version = a_shop(
        db,
        [
            Read(2, 0, "kettle", "2026-01-05", rating=1.0),
            Read(1, 2, "kettle", "2026-01-06T10:00:00Z", rating=5.0),
            Read(1, 1),
        ],
    )
    negative, neutral, positive = (label.id for label in project.labels)
    scope = Scope(project.id, version.id)
    assert Counter(insights.readings(db, scope)) == {
        Reading("kettle", "2026-01-05", negative, 1.0): 2,
        Reading("kettle", "2026-01-06", positive, 5.0): 1,
        Reading(None, None, neutral, None): 1,
    }
    assert insights.newest_day(db, scope) == "2026-01-06"


@pytest.mark.parametrize(
    ("bounds", "days"),
    [
        ({"since": "2026-01-02"}, ["2026-01-02", "2026-01-03"]),
        ({"until": "2026-01-02"}, ["2026-01-01", "2026-01-02"]),
        ({"since": "2026-01-02", "until": "2026-01-02"}, ["2026-01-02"]),
        ({"since": "2027-01-01"}, []),
    ],
)
def test_days_bound_what_is_counted_both_included(
    db: Database, bounds: dict[str, str], days: list[str]
) -> None:
    project, version = a_shop(
        db, [*(Read(1, 0, day=f"2026-01-0{day}T23:59:59") for day in (1, 2, 3)), Read(1, 0)]
    )
    scope = Scope(project.id, version.id, **bounds)
    assert sorted(reading.day or "" for reading in insights.readings(db, scope)) == days
    assert insights.newest_day(db, scope) == (days[-1] if days else None)


def test_categories_are_groups_too(db: Database) -> None:
    project, version = a_shop(db, [Read(2, 0, "kettle", category="kitchen")])
    found = insights.readings(db, Scope(project.id, version.id, "category"))
    assert [reading.group for reading in found] == ["kitchen", "kitchen"]


def test_spaces_round_a_name_make_no_further_group(db: Database) -> None:
    project, version = a_shop(db, [Read(1, 0, " kettle"), Read(1, 0, "kettle "), Read(1, 0, "  ")])
    scope = Scope(project.id, version.id)
    assert Counter(each.group for each in insights.readings(db, scope)) == {"kettle": 2, None: 1}
    assert [each.group for each in insights.newest(db, scope, project.labels[0].id, "kettle", 5)] == [
        "kettle"
    ] * 2


def test_the_label_that_people_agreed_on_counts_before_the_model_s(db: Database) -> None:
    project, version = a_shop(db, [Read(3, 0)])
    negative, _, positive = (label.id for label in project.labels)
    consensus.write(db, project.id, [Consensus(1, positive, "single", 1.0, 1)], snapshot=1)
    found = insights.readings(db, Scope(project.id, version.id))
    assert sorted(reading.label_id for reading in found) == [negative, negative, positive]


def test_what_was_trained_on_counts_though_the_version_says_nothing_of_it(db: Database) -> None:
    project, version = a_shop(db, [Read(3, 0)])
    with write_transaction(db):
        db.execute("DELETE FROM predictions WHERE review_id = 1")
    consensus.write(db, project.id, [Consensus(1, project.labels[1].id, "majority", 0.8, 3)], snapshot=1)
    assert len(list(insights.readings(db, Scope(project.id, version.id)))) == 3


def test_left_out_reviews_and_retired_labels_count_nowhere(db: Database) -> None:
    project, version = a_shop(db, [Read(3, 0)])
    consensus.write(
        db,
        project.id,
        [Consensus(each, project.labels[1].id, "single", 1.0, 1) for each in (1, 2)],
        snapshot=1,
    )
    with write_transaction(db):
        db.execute("UPDATE labels SET retired_at = '2026-03-01' WHERE id = ?", [project.labels[1].id])
        db.execute("UPDATE reviews SET excluded_at = '2026-03-01' WHERE id = 3")
    found = insights.readings(db, Scope(project.id, version.id))
    assert [reading.label_id for reading in found] == [project.labels[0].id] * 2


def test_another_project_and_another_version_stay_out(db: Database) -> None:
    project, version = a_shop(db, [Read(1, 0)])
    other, its = a_shop(db, [Read(4, 2)], name="Other")
    consensus.write(db, other.id, [Consensus(2, other.labels[2].id, "single", 1.0, 1)], snapshot=1)
    assert len(list(insights.readings(db, Scope(project.id, version.id)))) == 1
    assert len(list(insights.readings(db, Scope(other.id, its.id)))) == 4


def test_the_newest_are_the_latest_then_the_surest_of_one_label(db: Database) -> None:
    project, version = a_shop(
        db,
        [
            Read(1, 0, "kettle", "2026-01-01", confidence=0.99),
            Read(1, 0, "kettle", "2026-01-02", confidence=0.6),
            Read(1, 0, "mug", "2026-01-02", confidence=0.8),
            Read(1, 0, "mug", "2026-01-03", confidence=0.49),
            Read(1, 2, "mug", "2026-01-04"),
            Read(1, 0, "mug"),
        ],
    )
    scope, negative = Scope(project.id, version.id), project.labels[0].id
    found = insights.newest(db, scope, negative, "", 5)
    assert [review.id for review in found] == [3, 2, 1, 6]
    assert [review.id for review in insights.newest(db, scope, negative, "mug", 5)] == [3, 6]
    assert [review.id for review in insights.newest(db, scope, negative, "", 1)] == [3]


def test_a_review_that_people_labelled_is_among_the_newest_without_a_confidence(db: Database) -> None:
    project, version = a_shop(db, [Read(2, 2, day="2026-01-01")])
    annotation = an_annotation(db, project, a_person(db), 0)
    review_id, negative = annotation.review_id, project.labels[0].id
    consensus.write(db, project.id, [Consensus(review_id, negative, "single", 1.0, 1)], snapshot=1)
    (review,) = insights.newest(db, Scope(project.id, version.id), negative, "", 5)
    assert (review.id, review.confidence, review.day) == (review_id, None, "2026-01-01")
