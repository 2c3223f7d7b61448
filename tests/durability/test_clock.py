"""A clock that jumps: no lease is held twice or for ever, and no work is published twice (D20)."""

from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import pytest
import time_machine
from builders import NOON, a_project, a_user
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from invariants import CONTRADICTIONS
from sqlite_utils import Database

import migrations
from webapp.store import annotations, projects, queue, rounds, users, work
from webapp.store.annotations import Answer
from webapp.store.connection import from_timestamp, open_database, timestamp, utc_now
from webapp.store.errors import AlreadyAnnotated, LeaseExpired, RoundAlreadyOpen, StaleToken

JUMPS = st.sampled_from(
    [timedelta(**step) for step in ({"seconds": 1}, {"minutes": 4}, {"hours": 1}, {"days": 366})]
).flatmap(lambda jump: st.sampled_from([jump, -jump]))
PEOPLE = st.integers(0, 2)


@cache
def furnished() -> bytes:
    """A database with three annotators and four reviews."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "winnow.sqlite"
        db = open_database(path, create=True)
        migrations.apply(db)
        for name in ("ada", "ben", "cyd"):
            a_user(db, name)
        a_project(db, size=4, ahead=1)
        db.close()
        return path.read_bytes()


class Walk(RuleBasedStateMachine):
    """Three annotators and two workers under a clock that goes where it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        path = Path(self.folder.name) / "winnow.sqlite"
        path.write_bytes(furnished())
        self.db = open_database(path)
        self.people = [user.id for user in users.everyone(self.db)]
        self.project = projects.get(self.db, 1)
        self.term = timedelta(minutes=self.project.settings.lease_minutes)
        self.now = NOON
        self.given: list[tuple[int, str]] = []
        self.claims: list[work.Claim] = []

    def teardown(self) -> None:
        self.db.close()
        self.folder.cleanup()

    @rule(jump=JUMPS)
    def set_the_clock(self, jump: timedelta) -> None:
        self.now += jump

    @rule(who=PEOPLE)
    def claim(self, who: int) -> None:
        found = queue.claim_ahead(self.db, self.project.id, self.people[who], 2, self.now)
        if isinstance(found, list):
            self.given += [(who, lease.token) for lease in found]
        ends = [row[0] for row in self.db.execute("SELECT expires_at FROM leases WHERE ended IS NULL")]
        assert all(self.now < from_timestamp(end) <= self.now + self.term for end in ends), "held for ever"

    @rule(pick=st.integers(0, 30), renews=st.booleans())
    def come_back_to_a_lease(self, pick: int, renews: bool) -> None:
        if not self.given:
            return
        who, token = self.given[pick % len(self.given)]
        label = Answer("label", self.project.labels[0].id)
        with suppress(LeaseExpired, AlreadyAnnotated):
            if renews:
                queue.renew(self.db, token, self.people[who], self.now)
            else:
                annotations.record(self.db, token, self.people[who], label, self.now)

    @rule()
    def ask_for_a_round(self) -> None:
        with suppress(RoundAlreadyOpen):
            rounds.start(self.db, self.project.id, {}, "button", None, self.now)

    @rule()
    def take_up_work(self) -> None:
        claim = work.claim_next(self.db, "rounds", self.now)
        if claim is not None:
            self.claims.append(claim)

    @rule(pick=st.integers(0, 10), ends=st.booleans())
    def come_back_to_work(self, pick: int, ends: bool) -> None:
        if not self.claims:
            return
        claim = self.claims[pick % len(self.claims)]
        newest = max(each.token for each in self.claims if each.id == claim.id)
        with suppress(StaleToken):
            if ends:
                work.finish(self.db, claim, "done", self.now)
            else:
                work.heartbeat(self.db, claim, self.now)
            assert claim.token == newest, "two hold the same work"

    @invariant()
    def nothing_contradicts(self) -> None:
        found = [name for name, sql in CONTRADICTIONS.items() if self.db.execute(sql).fetchone()]
        assert found == []


TestClockWalk = Walk.TestCase
TestClockWalk.settings = settings(
    max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.parametrize("jump", [-timedelta(hours=1), -timedelta(days=366), timedelta(days=366)])
def test_the_work_of_a_dead_worker_is_taken_up_whatever_the_clock_does(
    web_db: Database, jump: timedelta
) -> None:
    project = a_project(web_db)
    started = rounds.start(web_db, project.id, {}, "button", None, NOON)
    dead = work.claim_next(web_db, "rounds", NOON)
    again = work.claim_next(web_db, "rounds", NOON + jump + timedelta(minutes=2))
    assert dead is not None and again is not None and again.id == started.id
    with pytest.raises(StaleToken):
        work.finish(web_db, dead, "done", NOON)


def test_a_worker_that_lives_keeps_its_work_when_the_clock_is_set_back(web_db: Database) -> None:
    project = a_project(web_db)
    rounds.start(web_db, project.id, {}, "button", None, NOON)
    held = work.claim_next(web_db, "rounds", NOON)
    assert held is not None
    earlier = NOON - timedelta(hours=1)
    work.heartbeat(web_db, held, earlier)
    assert work.claim_next(web_db, "rounds", earlier + timedelta(seconds=20)) is None


def test_the_hour_that_comes_twice_comes_once_in_the_database() -> None:
    moments = []
    with time_machine.travel(datetime(2026, 10, 25, 1, tzinfo=ZoneInfo("Europe/Berlin")), tick=False) as here:
        for _ in range(12):
            here.shift(timedelta(minutes=15))
            moments.append(timestamp(utc_now()))
    assert moments == sorted(set(moments)) and all(moment.endswith("+00:00") for moment in moments)
