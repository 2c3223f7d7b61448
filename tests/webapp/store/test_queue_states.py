"""Whatever a team does in whatever order, over several connections, while rounds train: each review gets exactly the
labels it wants, each from another person, and each round sees exactly what stood when it was asked for."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
from builders import NOON, a_project, a_user
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from webapp.store import annotations, consensus, projects, queue, rankings, rounds, users, work
from webapp.store.annotations import Answer
from webapp.store.connection import open_database, timestamp
from webapp.store.errors import AlreadyAnnotated, LeaseExpired, NothingToUndo, RoundAlreadyOpen, StaleToken
from webapp.store.rankings import RankedReview

PEOPLE = st.integers(0, 3)
DESKS = st.integers(0, 2)
SIZE, WANTED = 4, 2
LEAST_STEPS = 2_000
Vote = tuple[int, int, int]


class Team(RuleBasedStateMachine):
    """Four people at three connections, four reviews that want two labels each, two workers, and a clock."""

    begun = b""
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        path = Path(self.folder.name) / "winnow.sqlite"
        path.write_bytes(self.begun)
        self.desks = [open_database(path) for _ in range(3)]
        for db in self.desks:
            db.execute("PRAGMA synchronous = OFF")  # a power cut is another test's matter
        self.db = self.desks[0]
        self.people = [user.id for user in users.everyone(self.db)]
        (self.project,) = projects.everything(self.db)
        self.now = NOON
        self.seen: list[tuple[int, str]] = []
        self.claims: list[work.Claim] = []
        # What the oracle knows: the labels that stand, and those that stood when each round was asked for.
        self.labels: dict[tuple[int, int], int] = {}
        self.frozen: dict[int, set[Vote]] = {}

    def teardown(self) -> None:
        for db in self.desks:
            db.close()
        self.folder.cleanup()

    @rule(who=PEOPLE, count=st.integers(1, 3), desk=DESKS)
    def claim(self, who: int, count: int, desk: int) -> None:
        found = queue.claim_ahead(self.desks[desk], self.project.id, self.people[who], count, self.now)
        if isinstance(found, list):
            self.seen += [(who, lease.token) for lease in found]

    @precondition(lambda self: self.seen)
    @rule(
        pick=st.integers(0, 30),
        action=st.sampled_from(["label", "label", "skip", "flag"]),
        position=st.integers(0, 2),
        desk=DESKS,
    )
    def answer(self, pick: int, action: str, position: int, desk: int) -> None:
        """Any lease ever given, the latest first, live or long lost."""
        who, token = self.seen[-1 - pick % len(self.seen)]
        label = self.project.labels[position].id if action == "label" else None
        with suppress(LeaseExpired, AlreadyAnnotated):
            stored = annotations.record(
                self.desks[desk], token, self.people[who], Answer(action, label), self.now
            )
            if label is not None and not stored.repeated:
                assert (stored.review_id, who) not in self.labels, "an answer was overwritten"
                self.labels[stored.review_id, who] = label

    @initialize(labels=st.integers(0, 4))
    def begin(self, labels: int) -> None:
        """Mostly in the middle of the work: an empty project has little to lose."""
        for turn in range(labels):
            self.claim(turn % 4, 1, turn % 3)
            self.answer(0, "label", turn % 3, turn % 3)

    @precondition(lambda self: self.labels)
    @rule(who=PEOPLE, desk=DESKS)
    def undo(self, who: int, desk: int) -> None:
        with suppress(NothingToUndo):
            last = self.last_answer(who)
            annotations.undo_last(self.desks[desk], self.project.id, self.people[who], self.now)
            self.labels.pop((last[1], who), None)

    @precondition(lambda self: self.seen)
    @rule(pick=st.integers(0, 30), renewed=st.booleans(), desk=DESKS)
    def renew_or_release(self, pick: int, renewed: bool, desk: int) -> None:
        who, token = self.seen[-1 - pick % len(self.seen)]
        if not renewed:
            queue.release(self.desks[desk], token, self.people[who])
            return
        with suppress(LeaseExpired):
            queue.renew(self.desks[desk], token, self.people[who], self.now)

    @precondition(lambda self: self.labels)
    @rule(who=PEOPLE, position=st.integers(0, 2), desk=DESKS)
    def change(self, who: int, position: int, desk: int) -> None:
        annotation, review = self.last_answer(who)
        if not annotation:
            return
        answer = Answer("label", self.project.labels[position].id)
        with suppress(LeaseExpired):
            annotations.change(self.desks[desk], annotation, self.people[who], answer, self.now)
            self.labels[review, who] = self.project.labels[position].id

    @rule(minutes=st.sampled_from([1, 11, 61, 1500]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(desk=DESKS)
    def ask_for_a_round(self, desk: int) -> None:
        with suppress(RoundAlreadyOpen):
            asked = rounds.start(self.desks[desk], self.project.id, {}, "button", None, self.now)
            self.frozen[asked.id] = {
                (review, self.people[who], label) for (review, who), label in self.labels.items()
            }

    @precondition(lambda self: self.frozen)
    @rule(desk=DESKS)
    def take_up_a_round(self, desk: int) -> None:
        """One that waits, or one that another worker left lying."""
        claim = work.claim_next(self.desks[desk], "rounds", self.now)
        if claim is not None:
            assert all(claim.token > other.token for other in self.claims if other.id == claim.id)
            self.claims.append(claim)

    @precondition(lambda self: self.claims)
    @rule(pick=st.integers(0, 30), desk=DESKS, shuffled=st.permutations(range(SIZE)))
    def publish(self, pick: int, desk: int, shuffled: list[int]) -> None:
        """Any worker that ever had a round finishes it; only the holder of the newest token may."""
        db, claim = self.desks[desk], self.claims[-1 - pick % len(self.claims)]
        may = self.may_publish(claim)
        ids = [row[0] for row in db.execute("SELECT id FROM reviews ORDER BY id")]
        items = [RankedReview(ids[place], "uncertain", 0.5) for place in shuffled]
        ranking = rankings.write(db, self.project.id, items, self.now, claim.id)
        before = projects.get(db, self.project.id).ranking_id
        try:
            rounds.publish(db, claim, None, ranking, False, {}, self.now)
            assert may
            assert projects.get(self.db, self.project.id).ranking_id == ranking
        except StaleToken:
            assert not may
            assert projects.get(self.db, self.project.id).ranking_id == before

    def may_publish(self, claim: work.Claim) -> bool:
        newest = max(other.token for other in self.claims if other.id == claim.id)
        return claim.token == newest and rounds.get(self.db, claim.id).state == "running"

    def last_answer(self, who: int) -> tuple[int, int]:
        """The id of somebody's last answer that stands, and its review's; zeros where there is none."""
        row = self.db.execute(
            "SELECT id, review_id FROM annotations WHERE annotator_id = ? AND undone_by IS NULL AND action <> 'undo'"
            " ORDER BY id DESC LIMIT 1",
            [self.people[who]],
        ).fetchone()
        return tuple(row) if row else (0, 0)

    @invariant()
    def a_step_was_made(self) -> None:
        type(self).steps += 1

    @invariant()
    def labels_are_as_many_as_wanted_at_most_and_counted_right(self) -> None:
        rows = self.db.execute(
            "SELECT r.wanted, r.needed, count(c.id) AS given, count(DISTINCT c.annotator_id) AS people FROM reviews r"
            " LEFT JOIN current_labels c ON c.review_id = r.id GROUP BY r.id"
        ).fetchall()
        assert len(rows) == SIZE
        for row in rows:
            assert row["given"] == row["people"] <= row["wanted"] == WANTED
            assert row["needed"] == WANTED - row["given"]

    @invariant()
    def nobody_holds_more_places_than_there_are(self) -> None:
        rows = self.db.execute(
            "SELECT r.needed, count(l.token) AS held FROM reviews r LEFT JOIN leases l ON l.review_id = r.id"
            " AND l.ended IS NULL AND l.expires_at > ? GROUP BY r.id",
            [timestamp(self.now)],
        ).fetchall()
        assert all(row["held"] <= row["needed"] for row in rows)

    @invariant()
    def the_labels_that_stand_are_those_that_were_acknowledged(self) -> None:
        rows = self.db.execute("SELECT review_id, annotator_id, label_id FROM current_labels").fetchall()
        known = {(review, self.people[who], label) for (review, who), label in self.labels.items()}
        assert {tuple(row) for row in rows} == known

    @invariant()
    def every_round_sees_what_stood_when_it_was_asked_for(self) -> None:
        for round_id, stood in self.frozen.items():
            snapshot = rounds.get(self.db, round_id).snapshot
            votes = consensus.votes(self.db, self.project.id, snapshot)
            assert {(vote.review_id, vote.annotator_id, vote.label_id) for vote in votes} == stood


def test_team(migrated: bytes, tmp_path: Path) -> None:
    path = tmp_path / "winnow.sqlite"
    path.write_bytes(migrated)
    db = open_database(path)
    for name in ("ada", "ben", "cyd", "dan"):
        a_user(db, name)
    a_project(db, size=SIZE, overlap_share=1.0, overlap_labels=WANTED, ahead=1)
    db.close()
    Team.begun, Team.steps = path.read_bytes(), 0
    run_state_machine_as_test(
        Team,
        settings=settings(
            max_examples=70,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Team.steps >= LEAST_STEPS
