"""Leases: the order of the ranking, one review a person, and back to the queue when abandoned."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlite_utils import Database

from webapp.store import annotations, labelled, projects, queue, rankings, team
from webapp.store.annotations import Answer
from webapp.store.errors import AlreadyAnnotated, LeaseExpired, LeaseNotYours, UnknownLabel
from webapp.store.projects import Project
from webapp.store.queue import Lease, QueueEmpty

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ProjectBuilder = Callable[..., Project]


def claimed(db: Database, project: Project, user: int, now: datetime = NOON) -> Lease:
    lease = queue.claim(db, project.id, user, now)
    assert isinstance(lease, Lease)
    return lease


def a_label(db: Database, project: Project, lease: Lease, user: int, now: datetime = NOON) -> int:
    return annotations.record(db, lease.token, user, Answer("label", project.labels[0].id), now).id


def test_two_annotators_never_hold_the_same_review(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(4)
    first, second = (claimed(db, project, user) for user in people[:2])
    assert first.review_id != second.review_id


def test_a_second_tab_shows_the_same_review(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(4)
    assert claimed(db, project, people[0]).token == claimed(db, project, people[0]).token


def test_reviews_come_in_the_order_of_the_ranking(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(6)
    order = [row[0] for row in db.execute("SELECT id FROM reviews ORDER BY id DESC")]
    items = [rankings.RankedReview(review_id, "uncertain", 0.5) for review_id in order]
    rankings.publish(db, project.id, rankings.write(db, project.id, items, NOON))
    seen = []
    for number in range(6):
        user = people[number % 3]
        lease = claimed(db, project, user)
        seen.append(lease.review_id)
        a_label(db, project, lease, user)
    assert seen == order


def test_an_expired_lease_goes_to_the_next_annotator(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(1)
    held = claimed(db, project, people[0])
    waiting = queue.claim(db, project.id, people[1], NOON)
    assert waiting == QueueEmpty("all-leased", 600)
    later = NOON + timedelta(minutes=11)
    assert claimed(db, project, people[1], later).review_id == held.review_id


def test_a_released_review_is_free_at_once(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(1)
    queue.release(db, claimed(db, project, people[0]).token, people[0])
    assert claimed(db, project, people[1])


def test_a_renewed_lease_lives_on(db: Database, people: list[int], a_project: ProjectBuilder) -> None:
    project = a_project(1)
    lease = claimed(db, project, people[0])
    queue.renew(db, lease.token, people[0], NOON + timedelta(minutes=9))
    assert queue.claim(db, project.id, people[1], NOON + timedelta(minutes=11)) == QueueEmpty(
        "all-leased", 480
    )


def test_a_late_answer_counts_while_nobody_else_took_the_review(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(1)
    lease = claimed(db, project, people[0])
    a_label(db, project, lease, people[0], NOON + timedelta(hours=1))
    assert labelled.label_count(db, project.id) == 1


def test_a_late_answer_is_refused_once_somebody_else_has_the_review(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(1)
    late = claimed(db, project, people[0])
    later = NOON + timedelta(hours=1)
    taken = claimed(db, project, people[1], later)
    with pytest.raises(LeaseExpired):
        a_label(db, project, late, people[0], later)
    a_label(db, project, taken, people[1], later)
    assert labelled.label_count(db, project.id) == 1


def test_a_lease_is_worth_nothing_to_others(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(2)
    lease = claimed(db, project, people[0])
    with pytest.raises(LeaseNotYours):
        a_label(db, project, lease, people[1])


def test_the_same_answer_sent_twice_is_stored_once(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(2)
    lease = claimed(db, project, people[0])
    assert a_label(db, project, lease, people[0]) == a_label(db, project, lease, people[0])
    with pytest.raises(AlreadyAnnotated):
        annotations.record(db, lease.token, people[0], Answer("skip"), NOON)
    assert labelled.label_count(db, project.id) == 1


def test_a_label_of_another_project_is_refused(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(2)
    stranger = projects.create(db, "other")
    lease = claimed(db, project, people[0])
    with pytest.raises(UnknownLabel):
        annotations.record(db, lease.token, people[0], Answer("label", stranger.labels[0].id), NOON)
    assert queue.current(db, project.id, people[0], NOON) == lease


def test_overlap_asks_exactly_that_many_people(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(1, overlap_share=1.0, overlap_labels=2)
    for user in people[:2]:
        a_label(db, project, claimed(db, project, user), user)
    assert queue.claim(db, project.id, people[2], NOON) == QueueEmpty("nothing-left")
    assert queue.claim(db, project.id, people[0], NOON) == QueueEmpty("nothing-left")


def test_a_person_holds_reviews_ahead_in_order_and_each_once(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(6, overlap_share=1.0, overlap_labels=2, ahead=2)
    held = queue.claim_ahead(db, project.id, people[0], 10, NOON)
    assert isinstance(held, list) and len({lease.review_id for lease in held}) == 3
    assert queue.held(db, project.id, people[0], NOON) == held
    a_label(db, project, held[1], people[0])
    topped_up = queue.claim_ahead(db, project.id, people[0], 3, NOON)
    assert isinstance(topped_up, list)
    assert [lease.token for lease in topped_up[:2]] == [held[0].token, held[2].token]
    assert len(topped_up) == 3


def test_a_review_taken_back_comes_on_top_and_what_is_too_much_returns(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(6, ahead=1)
    first = claimed(db, project, people[0])
    a_label(db, project, first, people[0])
    queue.claim_ahead(db, project.id, people[0], 2, NOON)
    annotations.undo_last(db, project.id, people[0], NOON)
    held = queue.held(db, project.id, people[0], NOON)
    assert len(held) == 2 and held[0].review_id == first.review_id


def test_a_lapsed_lease_lives_again_while_nobody_took_its_place(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(1)
    lease = claimed(db, project, people[0])
    late = NOON + timedelta(hours=3)
    queue.renew(db, lease.token, people[0], late)
    assert queue.current(db, project.id, people[0], late) is not None
    queue.release(db, lease.token, people[0])
    claimed(db, project, people[1], late)
    with pytest.raises(LeaseExpired):
        queue.renew(db, lease.token, people[0], late)


def test_what_an_admin_took_back_does_not_live_again_and_what_the_page_gave_back_does(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(2)
    held = queue.claim_ahead(db, project.id, people[0], 2, NOON)
    assert isinstance(held, list)
    queue.release(db, held[0].token, people[0])
    team.release_all(db, project.id, people[0], people[-1], NOON)
    queue.renew(db, held[0].token, people[0], NOON)
    with pytest.raises(LeaseExpired):
        queue.renew(db, held[1].token, people[0], NOON)
    assert queue.held(db, project.id, people[0], NOON) == [queue.by_token(db, held[0].token)]


def test_an_answer_to_a_review_that_an_admin_took_back_still_counts(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(1)
    lease = claimed(db, project, people[0])
    team.release_all(db, project.id, people[0], people[-1], NOON)
    a_label(db, project, lease, people[0])
    assert labelled.label_count(db, project.id) == 1


def test_an_empty_project_says_so(db: Database, people: list[int], a_project: ProjectBuilder) -> None:
    assert queue.claim(db, a_project(0).id, people[0], NOON) == QueueEmpty("no-reviews")


def test_undo_brings_the_review_back_to_the_same_person(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(3)
    first = claimed(db, project, people[0])
    a_label(db, project, first, people[0])
    claimed(db, project, people[0])
    again = annotations.undo_last(db, project.id, people[0], NOON)
    assert again is not None and again.review_id == first.review_id
    assert labelled.label_count(db, project.id) == 0
    a_label(db, project, again, people[0])
    assert labelled.label_count(db, project.id) == 1


def test_the_ranking_goes_on_at_random_when_it_runs_out(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(5)
    only = db.execute("SELECT max(id) FROM reviews").fetchone()[0]
    rankings.publish(
        db, project.id, rankings.write(db, project.id, [rankings.RankedReview(only, "seed", None)], NOON)
    )
    for number in range(5):
        lease = claimed(db, project, people[0])
        assert (lease.review_id == only) == (number == 0)
        a_label(db, project, lease, people[0])
    assert queue.claim(db, project.id, people[0], NOON) == QueueEmpty("nothing-left")
