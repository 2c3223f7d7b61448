"""Cases that wait for a decision, and what a decision does."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlite_utils import Database

from webapp.store import adjudications, annotations, audit, cases, queue, reviews, second_looks
from webapp.store.annotations import Answer
from webapp.store.errors import InvalidValue, NothingToUndo, UnknownLabel
from webapp.store.projects import Project
from webapp.store.queue import Lease, QueueEmpty

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
Pair = Callable[..., Project]


@pytest.fixture
def pair(a_project: Callable[..., Project]) -> Pair:
    """A project of reviews that each want two labels."""
    return lambda size=1, **settings: a_project(size, overlap_share=1.0, **settings)


def give(
    db: Database, project: Project, person: int, answer: int | str, now: datetime = NOON, **more: str
) -> int:
    """The next review answered by this person: with the label at a position, or skip or flag."""
    lease = queue.claim(db, project.id, person, now)
    assert isinstance(lease, Lease), lease
    label = project.labels[answer].id if isinstance(answer, int) else None
    action = "label" if isinstance(answer, int) else answer
    annotations.record(db, lease.token, person, Answer(action, label, **more), now)
    return lease.review_id


def disagree(db: Database, project: Project, people: list[int], now: datetime = NOON) -> int:
    review_id = give(db, project, people[0], 0, now)
    assert give(db, project, people[1], 2, now) == review_id
    return review_id


def counted(db: Database, project: Project, now: datetime = LATER) -> dict[str, int]:
    return {kind: n for kind, n in cases.counts(db, project.id, now).items() if n}


def test_two_labels_that_differ_wait_once_all_labels_are_there(
    db: Database, people: list[int], pair: Pair
) -> None:
    project = pair()
    give(db, project, people[0], 0)
    assert counted(db, project) == {}
    give(db, project, people[1], 2)
    assert counted(db, project) == {"disagreement": 1}
    assert cases.waiting(db, project.id, LATER) == 1
    assert cases.following(db, project.id, "disagreement", 0, LATER) == 1
    assert cases.kinds_of(db, project.id, 1, LATER) == ["disagreement"]


def test_what_waits_is_counted_once_and_not_beyond_a_number(
    db: Database, people: list[int], pair: Pair
) -> None:
    project = pair(3)
    for answer in (0, 2, "flag"):
        give(db, project, people[0], answer)
        give(db, project, people[1], 1 if answer != "flag" else "flag")
    assert counted(db, project) == {"disagreement": 2, "flagged": 1}
    assert [cases.waiting(db, project.id, LATER, most) for most in (1, 2, 3, 4)] == [1, 2, 3, 3]


def test_people_who_agree_are_no_case(db: Database, people: list[int], pair: Pair) -> None:
    project = pair()
    for person in people[:2]:
        give(db, project, person, 1)
    assert counted(db, project) == {}


def test_a_decision_settles_and_keeps_the_answers(db: Database, people: list[int], pair: Pair) -> None:
    project = pair()
    review_id = disagree(db, project, people)
    adjudications.decide(db, review_id, project.labels[0].id, people[-1], " irony ", LATER)
    assert counted(db, project) == {"settled": 1}
    assert [row["label"] for row in annotations.of_review(db, review_id)] == ["negative", "positive"]
    (settled,) = cases.settled(db, project.id)
    assert (settled.label, settled.decided_by, settled.reason, settled.decisions) == (
        "negative",
        "root",
        "irony",
        1,
    )
    assert (audit.latest(db)[0].action, audit.latest(db)[0].subject) == ("review.decide", "review:1")


def test_deciding_again_supersedes_and_keeps_the_history(db: Database, people: list[int], pair: Pair) -> None:
    project = pair()
    review_id = disagree(db, project, people)
    for position in (0, 1):
        adjudications.decide(db, review_id, project.labels[position].id, people[-1], "", LATER)
    assert [each.label for each in adjudications.of_review(db, review_id)] == ["neutral", "negative"]
    (settled,) = cases.settled(db, project.id)
    assert (settled.label, settled.decisions) == ("neutral", 2)


def test_a_decision_ends_what_others_hold_and_want(db: Database, people: list[int], pair: Pair) -> None:
    project = pair()
    review_id = give(db, project, people[0], 0)
    held = queue.claim(db, project.id, people[1], NOON)
    assert isinstance(held, Lease)
    adjudications.decide(db, review_id, project.labels[0].id, people[-1], "", LATER)
    assert reviews.get(db, review_id)["needed"] == 0
    assert queue.held(db, project.id, people[1], LATER) == []
    assert isinstance(queue.claim(db, project.id, people[1], LATER), QueueEmpty)


def test_a_label_that_comes_after_the_decision_opens_the_case_again(
    db: Database, people: list[int], pair: Pair
) -> None:
    project = pair()
    review_id = disagree(db, project, people)
    adjudications.decide(db, review_id, project.labels[0].id, people[-1], "", LATER)
    first = annotations.of_review(db, review_id)[0]
    answer = Answer("label", project.labels[1].id)
    annotations.change(db, first["id"], people[0], answer, LATER + timedelta(hours=1))
    assert counted(db, project) == {"disagreement": 1, "settled": 1}


def test_what_a_hidden_check_answers_opens_nothing(db: Database, people: list[int], pair: Pair) -> None:
    project = pair(gold_share=0.5)
    review_id = disagree(db, project, people)
    adjudications.decide(db, review_id, project.labels[0].id, people[-1], "", LATER)
    found = (queue.claim(db, project.id, people[2], LATER) for _ in range(100))
    check = next(lease for lease in found if isinstance(lease, Lease))
    assert (check.review_id, check.origin) == (review_id, "gold")
    after = LATER + timedelta(minutes=1)
    annotations.record(db, check.token, people[2], Answer("label", project.labels[1].id), after)
    assert counted(db, project, after) == {"settled": 1}


def test_a_second_look_takes_the_case_off_the_table_until_it_is_there(
    db: Database, people: list[int], pair: Pair
) -> None:
    project = pair()
    review_id = disagree(db, project, people)
    second_looks.request(db, project.id, review_id, 1, people[-1], LATER)
    assert counted(db, project) == {}
    assert give(db, project, people[2], 2, LATER) == review_id
    assert counted(db, project) == {"disagreement": 1}


def test_a_decision_taken_back_opens_the_case_and_its_suspect_again(
    db: Database, people: list[int], pair: Pair
) -> None:
    project = pair()
    review_id = disagree(db, project, people)
    with db.conn:
        db.execute(
            "INSERT INTO suspects (project_id, review_id, label_id, suggested_id, score, created_at)"
            " VALUES (?, ?, ?, ?, 0.1, '')",
            [project.id, review_id, project.labels[0].id, project.labels[2].id],
        )
    suspect = "SELECT state, decided_by FROM suspects"
    decision = adjudications.decide(db, review_id, project.labels[0].id, people[-1], "", LATER)
    assert tuple(db.execute(suspect).fetchone()) == ("adjudicated", people[-1])
    assert adjudications.take_back(db, decision, people[-1], LATER) == review_id
    assert tuple(db.execute(suspect).fetchone()) == ("open", None)
    assert counted(db, project) == {"disagreement": 1}
    assert audit.latest(db)[0].detail["label"] == project.labels[0].id


def test_only_ones_own_newest_decision_is_taken_back(db: Database, people: list[int], pair: Pair) -> None:
    project = pair()
    review_id = disagree(db, project, people)
    first, second = (
        adjudications.decide(db, review_id, project.labels[place].id, people[-1], "", LATER)
        for place in (0, 1)
    )
    for decision, person in ((first, people[-1]), (second, people[0]), (999, people[-1])):
        with pytest.raises(NothingToUndo):
            adjudications.take_back(db, decision, person, LATER)
    last = adjudications.latest_by(db, project.id, people[-1], NOON)
    assert last is not None and last.id == second
    assert adjudications.latest_by(db, project.id, people[-1], LATER + timedelta(hours=1)) is None
    assert adjudications.latest_by(db, project.id, people[0], NOON) is None


def test_what_cannot_be_decided_is_refused(db: Database, people: list[int], pair: Pair) -> None:
    project = pair()
    with pytest.raises(UnknownLabel):
        adjudications.decide(db, 1, 999, people[-1], "", NOON)
    with pytest.raises(InvalidValue):
        adjudications.decide(db, 1, project.labels[0].id, people[-1], "x" * 2_001, NOON)
    adjudications.leave_out(db, 1, people[-1], "spam", NOON)
    with pytest.raises(InvalidValue):
        adjudications.decide(db, 1, project.labels[0].id, people[-1], "", NOON)
    with pytest.raises(InvalidValue):
        adjudications.leave_out(db, 1, people[-1], "", NOON)


def test_a_review_left_out_leaves_queue_and_cases_until_it_is_back(
    db: Database, people: list[int], pair: Pair
) -> None:
    project = pair()
    review_id = give(db, project, people[0], 0)
    assert isinstance(queue.claim(db, project.id, people[1], NOON), Lease)
    adjudications.leave_out(db, review_id, people[-1], "spam", LATER)
    assert counted(db, project) == {"left-out": 1}
    assert isinstance(queue.claim(db, project.id, people[1], LATER), QueueEmpty)
    (left_out,) = cases.left_out(db, project.id)
    assert (left_out.review_id, left_out.by, left_out.reason) == (review_id, "root", "spam")
    adjudications.take_back_in(db, review_id, people[-1], LATER)
    assert counted(db, project) == {}
    assert give(db, project, people[1], 0, LATER) == review_id


def test_what_two_people_skip_waits_and_can_be_sent_back(db: Database, people: list[int], pair: Pair) -> None:
    project = pair()
    day = timedelta(days=1, minutes=1)
    review_id = give(db, project, people[0], "skip", reason="unclear")
    assert counted(db, project) == {}
    assert give(db, project, people[1], "skip", NOON + day, reason="mixed") == review_id
    then = NOON + day
    assert counted(db, project, then) == {"skipped": 1}
    assert {voice.reason for voice in cases.voices(db, review_id)} == {"unclear", "mixed"}
    assert isinstance(queue.claim(db, project.id, people[2], then), QueueEmpty)
    adjudications.send_back(db, review_id, people[-1], then)
    assert counted(db, project, then) == {}
    assert [give(db, project, person, 0, then) for person in people[:2]] == [review_id, review_id]


def test_what_one_person_skips_twice_waits_where_nobody_else_is_active(
    db: Database, people: list[int], a_project: Callable[..., Project]
) -> None:
    project = a_project(2)
    review_id = give(db, project, people[0], "skip")
    give(db, project, people[0], 0)
    hours = NOON + timedelta(hours=2)
    assert give(db, project, people[0], "skip", hours) == review_id
    assert counted(db, project, hours) == {"skipped": 1}
    second_looks.request(db, project.id, 3 - review_id, 1, None, hours)
    give(db, project, people[1], 0, hours)
    assert counted(db, project, hours) == {}


def test_a_flag_waits_until_it_is_handled(db: Database, people: list[int], pair: Pair) -> None:
    project = pair(2)
    for _ in range(2):
        give(db, project, people[0], "flag", note="two products")
    assert counted(db, project) == {"flagged": 2}
    assert cases.following(db, project.id, "flagged", 1, LATER) == 2
    assert cases.following(db, project.id, "flagged", 2, LATER) == 1
    adjudications.decide(db, 1, project.labels[0].id, people[-1], "", LATER)
    adjudications.send_back(db, 2, people[-1], LATER)
    assert counted(db, project) == {"settled": 1}
    with pytest.raises(NothingToUndo):
        adjudications.send_back(db, 2, people[-1], LATER)


def test_letters_hide_names_and_mix_people_anew_for_each_review(
    db: Database, people: list[int], pair: Pair
) -> None:
    project = pair(40)
    for _ in range(40):
        give(db, project, people[0], 0)
        give(db, project, people[1], 2)
    said = {review: cases.voices(db, review) for review in range(1, 41)}
    assert all([voice.letter for voice in voices] == ["A", "B"] for voices in said.values())
    assert {voices[0].label for voices in said.values()} == {"negative", "positive"}
    assert said == {review: cases.voices(db, review) for review in range(1, 41)}
