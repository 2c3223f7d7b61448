"""Who gets which review: skips that come back, hidden checks, assignments, second looks, pauses, suggestions."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from effort import steps_of
from sqlite_utils import Database

from webapp.store import (
    adjudications,
    annotations,
    assignments,
    candidates,
    guidelines,
    projects,
    queue,
    reviews,
    second_looks,
)
from webapp.store.annotations import Answer
from webapp.store.errors import InvalidValue, LeaseExpired, UnknownLabel
from webapp.store.projects import Project
from webapp.store.queue import Lease, QueueEmpty

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ProjectBuilder = Callable[..., Project]


def claimed(db: Database, project: Project, user: int, now: datetime = NOON) -> Lease:
    lease = queue.claim(db, project.id, user, now)
    assert isinstance(lease, Lease), lease
    return lease


def answered(db: Database, project: Project, user: int, answer: Answer, now: datetime = NOON) -> Lease:
    lease = claimed(db, project, user, now)
    annotations.record(db, lease.token, user, answer, now)
    return lease


def a_label(project: Project, position: int = 0) -> Answer:
    return Answer("label", project.labels[position].id)


def test_a_skipped_review_comes_back_to_the_same_person_after_an_hour(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(1)
    lease = answered(db, project, people[0], Answer("skip", reason="unclear"))
    assert queue.claim(db, project.id, people[0], NOON) == QueueEmpty("skipped", 3600)
    later = NOON + timedelta(hours=1)
    again = answered(db, project, people[0], a_label(project), later)
    assert again.review_id == lease.review_id
    log = annotations.of_review(db, lease.review_id)
    assert [row["action"] for row in log] == ["skip", "label"]
    assert log[0]["undone_by"] == log[1]["id"] and log[0]["reason"] == "unclear"


def test_a_skip_goes_to_others_once_its_skipper_passed_again_or_a_day_went_by(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(1)
    answered(db, project, people[0], Answer("skip"))
    assert queue.claim(db, project.id, people[1], NOON) == QueueEmpty("all-leased", 86_400)
    assert isinstance(queue.claim(db, project.id, people[1], NOON + timedelta(days=1)), Lease)
    queue.release(db, claimed(db, project, people[1], NOON + timedelta(days=1)).token, people[1])
    hour = NOON + timedelta(hours=1)
    again = answered(db, project, people[0], Answer("skip"), hour)
    assert queue.claim(db, project.id, people[0], hour) == QueueEmpty("nothing-left")
    assert claimed(db, project, people[1], hour).review_id == again.review_id


def test_a_review_that_two_people_passed_on_leaves_the_queue(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(1)
    answered(db, project, people[0], Answer("skip"))
    hour = NOON + timedelta(hours=1)
    answered(db, project, people[0], Answer("skip"), hour)
    answered(db, project, people[1], Answer("skip"), hour)
    week = NOON + timedelta(days=7)
    assert [queue.claim(db, project.id, person, week) for person in people] == [
        QueueEmpty("nothing-left")
    ] * 4


def test_a_skip_from_before_the_clock_was_set_back_keeps_the_review_from_nobody(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(1)
    lease = answered(db, project, people[0], Answer("skip"), NOON + timedelta(days=366))
    for person in people[:2]:
        again = claimed(db, project, person)
        assert again.review_id == lease.review_id
        queue.release(db, again.token, person)


def test_a_reason_belongs_to_a_skip(db: Database, people: list[int], a_project: ProjectBuilder) -> None:
    project = a_project(1)
    lease = claimed(db, project, people[0])
    for answer in (Answer("skip", reason="boring"), Answer("flag", reason="unclear")):
        with pytest.raises(InvalidValue):
            annotations.record(db, lease.token, people[0], answer, NOON)


def test_gold_checks_look_like_any_review_and_count_beside_what_is_wanted(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(4, gold_share=0.5)
    gold = answered(db, project, people[0], a_label(project, 2)).review_id
    adjudications.decide(db, gold, project.labels[0].id, people[-1], "", NOON)
    db.execute("UPDATE projects SET settings = json_set(settings, '$.gold_share', 1.0)")
    lease = claimed(db, project, people[1])
    assert (lease.review_id, lease.origin, lease.shown) == (gold, "gold", "blind")
    annotations.record(db, lease.token, people[1], a_label(project), NOON)
    assert claimed(db, project, people[1]).review_id != gold, "a check is put to a person once"
    assert claimed(db, project, people[0]).review_id != gold, "not to those who labelled it"
    assert claimed(db, project, people[-1]).review_id != gold, "nor to those who settled it"
    annotations.undo_last(db, project.id, people[1], NOON)
    assert reviews.get(db, gold)["needed"] == 0


def test_a_check_that_lapsed_is_not_held_twice(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(2)
    gold = answered(db, project, people[0], a_label(project)).review_id
    adjudications.decide(db, gold, project.labels[0].id, people[-1], "", NOON)
    db.execute("UPDATE projects SET settings = json_set(settings, '$.gold_share', 1.0)")
    lapsed = claimed(db, project, people[1])
    later = NOON + timedelta(hours=1)
    again = claimed(db, project, people[1], later)
    assert (lapsed.review_id, again.review_id, again.origin) == (gold, gold, "gold")
    with pytest.raises(LeaseExpired):
        queue.renew(db, lapsed.token, people[1], later)
    queue.release(db, again.token, people[1])
    assert queue.renew(db, lapsed.token, people[1], later) > later
    queue.release(db, lapsed.token, people[1])
    adjudications.leave_out(db, gold, people[-1], "", later)
    with pytest.raises(LeaseExpired):
        queue.renew(db, lapsed.token, people[1], later)


def test_an_assigned_person_gets_nothing_else_and_is_told_so(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(3)
    first, second, third = (row[0] for row in db.execute("SELECT id FROM reviews ORDER BY id"))
    db.execute("UPDATE reviews SET category = 'books' WHERE id = ?", [first])
    db.execute("UPDATE reviews SET category = 'books', language = 'zh' WHERE id = ?", [second])
    sql = "INSERT INTO assignments (project_id, user_id, language, category) VALUES (?, ?, ?, ?)"
    db.execute(sql, [project.id, people[0], "en", "books"])
    db.execute(sql, [project.id, people[1], "zh", None])
    assert answered(db, project, people[0], a_label(project)).review_id == first
    assert queue.claim(db, project.id, people[0], NOON) == QueueEmpty("not-assigned")
    assert claimed(db, project, people[1]).review_id == second
    assert claimed(db, project, people[2]).review_id == third


@pytest.mark.parametrize("row", [("shoes", None), (None, "fr"), (None, "en"), ("shoes", "en")])
def test_a_finished_part_of_a_project_is_found_finished_without_reading_the_rest(
    db: Database, people: list[int], a_project: ProjectBuilder, row: tuple[str | None, str | None]
) -> None:
    project = a_project(1_000)
    with_predictions(db, project)
    db.execute("UPDATE reviews SET category = 'phones', language = 'zh'")
    category, language = row
    db.execute("UPDATE reviews SET category = ?, language = NULL, needed = 0 WHERE id % 50 = 0", [category])
    assignments.add(db, project.id, people[0], language, category, people[-1], NOON)
    assert steps_of(db, lambda: queue.claim(db, project.id, people[0], NOON)) < 3_000
    assert queue.claim(db, project.id, people[0], NOON) == QueueEmpty("not-assigned")
    last = max(row[0] for row in db.execute("SELECT id FROM reviews WHERE id % 50 = 0"))
    if language != "fr":
        db.execute("UPDATE reviews SET needed = 1 WHERE id = ?", [last])
        assert steps_of(db, lambda: claimed(db, project, people[0])) < 3_000
        assert claimed(db, project, people[0]).review_id == last


@pytest.mark.parametrize("many", [1, 1_000])
def test_the_last_reviews_come_in_the_same_order_as_the_many(
    db: Database, people: list[int], a_project: ProjectBuilder, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(candidates, "MANY", many)
    project = a_project(40, holdout_size=4, validation_size=2)
    with_predictions(db, project)
    db.execute("UPDATE predictions SET margin = (review_id * 7 % 40) / 40.0")
    db.execute("DELETE FROM predictions WHERE review_id % 2 = 0")
    leases = [answered(db, project, people[0], a_label(project)) for _ in range(40)]
    asked = [(row["part"], row["margin"], row["shuffle_key"], lease.origin) for lease in leases for row in db.execute(
        "SELECT part, margin, shuffle_key FROM reviews r LEFT JOIN predictions d ON d.review_id = r.id"
        " AND r.part = 'pool' WHERE r.id = ?", [lease.review_id])]  # fmt: skip
    parts = ("pool", "holdout", "validation")
    assert asked == sorted(asked, key=lambda each: (each[1] is None, each[1], parts.index(each[0]), each[2]))
    origins = {"pool": "audit", "holdout": "holdout", "validation": "validation"}
    assert all(
        origin == ("uncertain" if margin is not None else origins[part]) for part, margin, _, origin in asked
    )


def test_second_looks_come_before_the_ranking_and_go_to_somebody_else(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(5)
    doubted = answered(db, project, people[0], a_label(project)).review_id
    second_looks.request(db, project.id, doubted, 1, people[-1], NOON)
    assert claimed(db, project, people[0]).review_id != doubted
    lease = claimed(db, project, people[1])
    assert (lease.review_id, lease.origin) == (doubted, "disagreement")


def test_a_paused_project_gives_nothing_new_and_keeps_what_is_sent(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(3)
    lease = claimed(db, project, people[0])
    db.execute("UPDATE projects SET paused_at = 'now'")
    annotations.record(db, lease.token, people[0], a_label(project), NOON)
    assert queue.claim(db, project.id, people[0], NOON) == QueueEmpty("paused")


def with_predictions(db: Database, project: Project) -> None:
    """A serving model that takes every review for the first label."""
    db.execute(
        "INSERT INTO rounds (project_id, number, cause, settings, snapshot, state, created_at)"
        " VALUES (?, 1, 'button', '{}', 0, 'done', '')",
        [project.id],
    )
    db.execute(
        "INSERT INTO model_versions (project_id, round_id, number, encoder, encoder_sha256, classifier, checkpoint,"
        " manifest_sha256, training_labels, verdict, reason, created_at)"
        " VALUES (?, 1, 1, '', '', '', '', '', 1, 'first', '', '')",
        [project.id],
    )
    db.execute("UPDATE projects SET model_version_id = 1")
    db.execute("INSERT INTO predictions SELECT 1, id, ?, 0.9, 0.8, '[]' FROM reviews", [project.labels[0].id])


@pytest.mark.parametrize(
    ("assistance", "blind_share", "shown"),
    [("blind", 0.0, "blind"), ("assisted", 0.0, "suggestion"), ("assisted", 0.5, None)],
)
def test_what_was_on_screen_is_kept_with_the_answer(
    db: Database,
    people: list[int],
    a_project: ProjectBuilder,
    assistance: str,
    blind_share: float,
    shown: str | None,
) -> None:
    project = a_project(40, assistance=assistance, blind_share=blind_share)
    with_predictions(db, project)
    for _ in range(40):
        answered(db, project, people[0], a_label(project, 1))
    rows = db.execute("SELECT DISTINCT shown, suggestion_id FROM annotations").fetchall()
    assert {row["suggestion_id"] for row in rows} == {project.labels[0].id}
    assert {row["shown"] for row in rows} == ({shown} if shown else {"blind", "suggestion"})


def test_what_measures_is_always_labelled_blind(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(10, assistance="assisted", blind_share=0.0, holdout_size=2)
    with_predictions(db, project)
    leases = [answered(db, project, people[0], a_label(project)) for _ in range(10)]
    assert {lease.shown for lease in leases if lease.origin == "holdout"} == {"blind"}
    assert {lease.shown for lease in leases if lease.origin != "holdout"} == {"suggestion"}


def test_an_answer_says_under_which_guidelines_it_was_given(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(2)
    first = answered(db, project, people[0], a_label(project)).review_id
    guidelines.save(db, project.id, "Read.", people[-1], NOON)
    second = answered(db, project, people[0], a_label(project)).review_id
    numbers = [annotations.of_review(db, review)[0]["guidelines"] for review in (first, second)]
    assert numbers == [None, 1]


def test_a_skip_becomes_no_label_too_many(db: Database, people: list[int], a_project: ProjectBuilder) -> None:
    project = a_project(1)
    lease = answered(db, project, people[0], Answer("skip"))
    skip = annotations.of_review(db, lease.review_id)[0]["id"]
    day = NOON + timedelta(days=1)
    answered(db, project, people[1], a_label(project), day)
    with pytest.raises(LeaseExpired):
        annotations.change(db, skip, people[0], a_label(project), day)
    assert annotations.of_review(db, lease.review_id)[0]["undone_by"] is None


def test_a_retired_label_is_refused(db: Database, people: list[int], a_project: ProjectBuilder) -> None:
    project = a_project(2)
    lease = claimed(db, project, people[0])
    db.execute("UPDATE labels SET retired_at = 'now' WHERE id = ?", [project.labels[0].id])
    assert len(projects.get(db, project.id).labels) == 2
    with pytest.raises(UnknownLabel):
        annotations.record(db, lease.token, people[0], a_label(project), NOON)
