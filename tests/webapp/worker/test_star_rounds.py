"""Rounds that learn from star ratings: alone before the first label, and never instead of what people say."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from sqlite_utils import Database

from learner.settings import RoundSettings
from learner.weak_labels import from_ratings
from webapp.importing import ColumnMap
from webapp.store import (
    annotations,
    erasures,
    jobs,
    labelled,
    model_versions,
    projects,
    queue,
    reviews,
    rounds,
    users,
)
from webapp.store.annotations import Answer
from webapp.store.connection import utc_now
from webapp.store.model_versions import ModelVersion
from webapp.store.projects import Project
from webapp.worker.loop import run_next

RIGHT = {"negative": 1, "neutral": 3, "positive": 5}
TURNED = {"negative": 5, "neutral": 1, "positive": 3}


OPINIONS = {
    "positive": "great excellent perfect love happy best nice".split(),
    "negative": "terrible awful broken worst hate useless poor".split(),
    "neutral": "ok okay average so so fine day".split(),
}
THINGS = "phone book shirt screen battery story delivery sound size colour product price".split()


def opinions(size: int) -> Iterator[tuple[str, str]]:
    """Made-up reviews with the opinion in them, no two alike."""
    for number in range(size):
        opinion = list(OPINIONS)[number % 3]
        first, second = OPINIONS[opinion][number % 7], OPINIONS[opinion][number // 7 % 7]
        yield f"the {THINGS[number % len(THINGS)]} was {first} and {second} {number}", opinion


def label_some(db: Database, project: Project, count: int) -> None:
    """Label the next reviews by their words, whatever their stars."""
    ada = users.add(db, "ada", "hash", "annotator").id
    for _ in range(count):
        lease = queue.claim(db, project.id, ada, utc_now())
        assert isinstance(lease, queue.Lease)
        name = next(name for name, words in OPINIONS.items() if set(words) & set(lease.text.split()))
        label = project.label_named(name)
        assert label is not None
        annotations.record(db, lease.token, ada, Answer("label", label.id), utc_now())


def with_stars(
    db: Database, instance: Path, project: Project, stars: dict[str, int], size: int = 240
) -> None:
    """Import reviews without labels whose stars are these of their opinion."""
    path = instance / "uploads" / "reviews.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "stars"])
        writer.writerows((text, stars[label]) for text, label in opinions(size))
    columns = asdict(ColumnMap(text="text", rating="stars"))
    payload = {"file": path.name, "columns": columns, "human_labels": False, "dry_run": False}
    jobs.create(db, project.id, "import", payload, 1, utc_now())
    run_next(db, instance, utc_now())


def a_round(db: Database, instance: Path, project: Project, **settings: object) -> rounds.Round:
    values = RoundSettings.from_dict({**project.settings.learner, **settings}).to_dict()
    this = rounds.start(db, project.id, values, "button", None, utc_now())
    while rounds.get(db, this.id).is_open and run_next(db, instance, utc_now()):
        pass
    return rounds.get(db, this.id)


def version_of(db: Database, done: rounds.Round) -> ModelVersion:
    assert done.error is None and done.model_version_id is not None
    return model_versions.get(db, done.model_version_id)


def predicted(db: Database, version: ModelVersion, part: str = "pool") -> dict[int, int]:
    rows = db.execute(
        "SELECT d.review_id, d.label_id FROM predictions d JOIN reviews r ON r.id = d.review_id"
        " WHERE d.model_version_id = ? AND r.part = ?",
        [version.id, part],
    )
    return dict(map(tuple, rows))


def agreeing_with_stars(db: Database, project: Project, said: dict[int, int]) -> float:
    ratings = dict(map(tuple, db.execute("SELECT id, rating FROM reviews")))
    names = [label.name for label in project.labels]
    meant = from_ratings([ratings[each] for each in said], names)
    ids = [project.labels[place].id for place in meant]
    return sum(a == b for a, b in zip(ids, said.values(), strict=True)) / len(said)


def test_a_round_from_stars_alone_publishes_a_version_that_serves(
    db: Database, instance: Path, project: Project
) -> None:
    with_stars(db, instance, project, RIGHT)
    version = version_of(db, a_round(db, instance, project))
    assert model_versions.serving(db, project.id) == version and version.verdict == "first"
    pool = reviews.counts(db, project.id)["pool"]
    assert (version.training_labels, version.weak_labels) == (0, pool) and pool > 100
    assert agreeing_with_stars(db, project, predicted(db, version)) > 0.6
    # Nothing that counts labels or measures by them has heard of the stars.
    parts = ("holdout", "validation", "audit")
    assert not any(model_versions.metrics(db, version.id, part) for part in parts)
    assert labelled.label_count(db, project.id) == 0
    assert labelled.export_count(db, project.id, labelled.snapshot(db, project.id)) == 0
    assert not list(labelled.export_rows(db, project.id))
    assert db.execute("SELECT count(*) FROM annotations").fetchone()[0] == 0


def test_without_stars_such_a_round_says_what_is_missing(
    db: Database, instance: Path, project: Project
) -> None:
    with_stars(db, instance, project, RIGHT)
    off = a_round(db, instance, project, stars=False)
    assert off.state == "failed" and "There is no label to train on yet" in str(off.error)
    alike = projects.create(db, "all five", settings=project.settings)
    with_stars(db, instance, alike, dict.fromkeys(RIGHT, 5))
    failed = a_round(db, instance, alike)
    assert failed.state == "failed" and "star ratings mean “positive”" in str(failed.error)


@pytest.fixture
def contradicted(db: Database, instance: Path, project: Project) -> Project:
    """A project whose people say the contrary of every star: 40 of the pool, holdout and validation labelled."""
    with_stars(db, instance, project, TURNED)
    label_some(db, project, 110)
    return project


def test_people_win_and_stars_stay_out_of_every_measure(
    db: Database, instance: Path, contradicted: Project
) -> None:
    version = version_of(db, a_round(db, instance, contradicted))
    given = {
        row["review_id"]: row
        for row in db.execute(
            "SELECT c.review_id, c.label_id, r.part FROM current_labels c JOIN reviews r ON r.id = c.review_id"
        )
    }
    parts = Counter(row["part"] for row in given.values())
    assert version.training_labels == parts["pool"]
    names = {label.id: label.name for label in contradicted.labels}
    for part in ("holdout", "validation"):
        counted: Counter[str] = Counter()
        for metric in model_versions.metrics(db, version.id, part):
            if metric.name.startswith("confusion:"):
                counted[metric.name.split(":")[1]] += round(metric.value)
        said = Counter(names[row["label_id"]] for row in given.values() if row["part"] == part)
        assert counted == said and sum(counted.values()) == parts[part]
    rows = list(labelled.export_rows(db, contradicted.id))
    assert {row["id"]: row["label"] for row in rows} == {
        each: names[row["label_id"]] for each, row in given.items()
    }
    assert agreeing_with_stars(db, contradicted, predicted(db, version)) < 0.35


def test_stars_that_go_against_people_change_nothing(
    db: Database, instance: Path, contradicted: Project
) -> None:
    with_them = version_of(db, a_round(db, instance, contradicted))
    without = version_of(db, a_round(db, instance, contradicted, stars=False))
    assert with_them.weak_labels == without.weak_labels == 0
    for part in ("holdout", "validation"):
        assert predicted(db, with_them, part) == predicted(db, without, part)


def test_once_people_label_they_outweigh_the_stars_of_the_version_before(
    db: Database, instance: Path, project: Project
) -> None:
    with_stars(db, instance, project, TURNED)
    first = version_of(db, a_round(db, instance, project))
    assert agreeing_with_stars(db, project, predicted(db, first)) > 0.6
    label_some(db, project, 110)
    second = version_of(db, a_round(db, instance, project))
    assert agreeing_with_stars(db, project, predicted(db, second)) < 0.35
    assert model_versions.serving(db, project.id) == second


def test_reviews_that_somebody_answered_are_no_weak_labels(
    db: Database, instance: Path, project: Project
) -> None:
    with_stars(db, instance, project, RIGHT)
    label_some(db, project, 50)
    version = version_of(db, a_round(db, instance, project))
    pool = reviews.counts(db, project.id)["pool"]
    assert version.training_labels > 0 and version.weak_labels == pool - version.training_labels


def test_an_erased_review_marks_the_versions_that_may_have_learned_from_its_stars(
    db: Database, instance: Path, project: Project
) -> None:
    with_stars(db, instance, project, RIGHT)
    version = version_of(db, a_round(db, instance, project))
    by_part = dict(map(tuple, db.execute("SELECT part, min(id) FROM reviews GROUP BY part")))
    assert erasures.versions_that_saw(db, [by_part["pool"]]) == [version.id]
    assert erasures.versions_that_saw(db, [by_part["holdout"]]) == []
    db["model_versions"].update(version.id, {"weak_labels": 0})
    assert erasures.versions_that_saw(db, [by_part["pool"]]) == []


def test_the_seed_set_begins_with_one_review_of_each_class_of_stars(
    db: Database, instance: Path, project: Project
) -> None:
    with_stars(db, instance, project, RIGHT)
    while run_next(db, instance, utc_now()):
        pass
    first = db.execute(
        "SELECT r.rating FROM projects p JOIN ranking_items i ON i.ranking_id = p.ranking_id"
        " JOIN reviews r ON r.id = i.review_id WHERE p.id = ? AND i.origin = 'seed' ORDER BY i.rank LIMIT 3",
        [project.id],
    ).fetchall()
    assert {row[0] for row in first} == set(RIGHT.values())
