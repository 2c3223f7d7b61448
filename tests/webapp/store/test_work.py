"""The lease on long work: one holder, taken up again after a death, never published by a zombie."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlite_utils import Database

from webapp.store import deaths, jobs, rounds, work
from webapp.store.errors import RoundAlreadyOpen, StaleToken
from webapp.store.projects import Project

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
ProjectBuilder = Callable[..., Project]


def a_queued_round(db: Database, project: Project) -> rounds.Round:
    return rounds.start(db, project.id, {}, "button", None, NOON)


def claimed(db: Database, now: datetime = NOON) -> work.Claim:
    claim = work.claim_next(db, "rounds", now)
    assert claim is not None
    return claim


def test_one_round_is_claimed_once(db: Database, a_project: ProjectBuilder) -> None:
    a_queued_round(db, a_project())
    claimed(db)
    assert work.claim_next(db, "rounds", NOON) is None


def test_a_project_has_one_open_round(db: Database, a_project: ProjectBuilder) -> None:
    project = a_project()
    a_queued_round(db, project)
    with pytest.raises(RoundAlreadyOpen):
        a_queued_round(db, project)


def test_a_round_whose_worker_died_is_taken_up_again_and_the_zombie_is_refused(
    db: Database, a_project: ProjectBuilder
) -> None:
    this = a_queued_round(db, a_project())
    zombie = claimed(db)
    successor = claimed(db, LATER)
    assert successor.attempt == 2
    with pytest.raises(StaleToken):
        work.finish(db, zombie, "done", LATER)
    with pytest.raises(StaleToken):
        work.heartbeat(db, zombie, LATER)
    work.finish(db, successor, "done", LATER)
    assert rounds.get(db, this.id).state == "done"


def test_a_heartbeat_keeps_the_claim(db: Database, a_project: ProjectBuilder) -> None:
    a_queued_round(db, a_project())
    work.heartbeat(db, claimed(db), LATER)
    assert work.claim_next(db, "rounds", LATER + timedelta(seconds=29)) is None


def test_a_round_that_kills_its_worker_three_times_fails(db: Database, a_project: ProjectBuilder) -> None:
    this = a_queued_round(db, a_project())
    for minute in range(3):
        assert work.claim_next(db, "rounds", NOON + timedelta(minutes=minute)) is not None
    assert work.claim_next(db, "rounds", NOON + timedelta(minutes=3)) is None
    failed = rounds.get(db, this.id)
    assert failed.state == "failed" and failed.error is not None and "3 times" in failed.error


def test_a_queued_round_is_cancelled_at_once_and_a_running_one_is_told(
    db: Database, a_project: ProjectBuilder
) -> None:
    project = a_project()
    queued = a_queued_round(db, project)
    rounds.cancel(db, queued.id, None, NOON)
    assert rounds.get(db, queued.id).state == "cancelled"
    a_queued_round(db, project)
    claim = claimed(db)
    assert work.report(db, claim, "train", 0.5, 3.0, NOON) is False
    rounds.cancel(db, claim.id, None, NOON)
    assert work.heartbeat(db, claim, NOON) is True


def test_work_put_back_is_not_an_attempt(db: Database, a_project: ProjectBuilder) -> None:
    project = a_project()
    jobs.create(db, project.id, "encode", {"encoder": "none"}, None, NOON)
    for _ in range(5):
        claim = work.claim_next(db, "jobs", NOON, ("encode",))
        assert claim is not None and claim.attempt == 1
        work.put_back(db, claim, NOON)


def test_the_pause_before_another_attempt_grows(db: Database, a_project: ProjectBuilder) -> None:
    this = a_queued_round(db, a_project())
    now = NOON
    for seconds in (10, 20):
        deaths.note(db, claimed(db, now), "It died.", now)
        assert work.claim_next(db, "rounds", now + timedelta(seconds=seconds - 1)) is None
        now += timedelta(seconds=seconds)
    deaths.note(db, claimed(db, now), "It died.", now)
    failed = rounds.get(db, this.id)
    assert failed.state == "failed" and failed.error == "It died. This was attempt 3, the last one."


def test_what_was_cancelled_is_not_tried_again_after_a_death(db: Database, a_project: ProjectBuilder) -> None:
    this = a_queued_round(db, a_project())
    claim = claimed(db)
    rounds.cancel(db, this.id, None, NOON)
    deaths.note(db, claim, "It died.", NOON)
    assert rounds.get(db, this.id).state == "cancelled"
    deaths.note(db, claim, "It died.", NOON)
    assert rounds.get(db, this.id).state == "cancelled"


def test_what_killed_a_worker_once_runs_alone(db: Database, a_project: ProjectBuilder) -> None:
    this = a_queued_round(db, a_project())
    jobs.create(db, this.project_id, "quality", {}, None, NOON)
    deaths.note(db, claimed(db), "It died.", NOON)
    beside = work.claim_next(db, "jobs", NOON, ("quality",), holder="w")
    assert beside is not None
    soon = NOON + timedelta(seconds=11)
    assert work.claim_next(db, "rounds", soon, holder="w") is None
    assert work.claim_next(db, "rounds", soon, holder="another") is not None
    work.put_back(db, beside, NOON)
    assert work.claim_next(db, "jobs", soon, ("quality",), holder="another") is None
    assert work.claim_next(db, "jobs", soon, ("quality",), holder="w") is not None


def test_a_clock_set_back_keeps_nothing_for_ever(db: Database, a_project: ProjectBuilder) -> None:
    a_queued_round(db, a_project())
    claimed(db, NOON)
    earlier = NOON - timedelta(hours=1)
    successor = claimed(db, earlier)
    deaths.note(db, successor, "It died.", NOON)
    assert claimed(db, earlier).attempt == 3
