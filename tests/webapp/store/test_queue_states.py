"""Whatever a team does in whatever order, a review gets exactly the labels it wants, each from another person."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
from builders import NOON, a_project, a_user
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import migrations
from webapp.store import annotations, queue
from webapp.store.annotations import Answer
from webapp.store.connection import open_database
from webapp.store.errors import AlreadyAnnotated, LeaseExpired, NothingToUndo

PEOPLE = st.integers(0, 3)
SIZE, WANTED = 4, 2


class Team(RuleBasedStateMachine):
    """Four people, four reviews that want two labels each, and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.db = open_database(Path(self.folder.name) / "winnow.sqlite", create=True)
        migrations.apply(self.db)
        self.people = [a_user(self.db, name).id for name in ("ada", "ben", "cyd", "dan")]
        self.project = a_project(self.db, size=SIZE, overlap_share=1.0, overlap_labels=WANTED, ahead=1)
        self.now = NOON
        self.seen: list[tuple[int, str]] = []

    def teardown(self) -> None:
        self.db.close()
        self.folder.cleanup()

    @rule(who=PEOPLE, count=st.integers(1, 3))
    def claim(self, who: int, count: int) -> None:
        found = queue.claim_ahead(self.db, self.project.id, self.people[who], count, self.now)
        if isinstance(found, list):
            self.seen += [(who, lease.token) for lease in found]

    @rule(
        pick=st.integers(0, 30),
        action=st.sampled_from(["label", "label", "skip", "flag"]),
        position=st.integers(0, 2),
    )
    def answer(self, pick: int, action: str, position: int) -> None:
        """Any lease ever given, live or long lost."""
        if not self.seen:
            return
        who, token = self.seen[pick % len(self.seen)]
        label = self.project.labels[position].id if action == "label" else None
        with suppress(LeaseExpired, AlreadyAnnotated):
            annotations.record(self.db, token, self.people[who], Answer(action, label), self.now)

    @rule(who=PEOPLE)
    def undo(self, who: int) -> None:
        with suppress(NothingToUndo):
            annotations.undo_last(self.db, self.project.id, self.people[who], self.now)

    @rule(pick=st.integers(0, 30), renewed=st.booleans())
    def renew_or_release(self, pick: int, renewed: bool) -> None:
        if not self.seen:
            return
        who, token = self.seen[pick % len(self.seen)]
        if not renewed:
            queue.release(self.db, token, self.people[who])
            return
        with suppress(LeaseExpired):
            queue.renew(self.db, token, self.people[who], self.now)

    @rule(who=PEOPLE, position=st.integers(0, 2))
    def change(self, who: int, position: int) -> None:
        row = self.db.execute(
            "SELECT max(id) AS id FROM annotations WHERE annotator_id = ? AND undone_by IS NULL AND action <> 'undo'",
            [self.people[who]],
        ).fetchone()
        if row["id"] is None:
            return
        answer = Answer("label", self.project.labels[position].id)
        with suppress(LeaseExpired):
            annotations.change(self.db, row["id"], self.people[who], answer, self.now)

    @rule(minutes=st.sampled_from([1, 11, 61, 1500]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

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
            [self.now.isoformat(timespec="milliseconds")],
        ).fetchall()
        assert all(row["held"] <= row["needed"] for row in rows)


TestTeam = Team.TestCase
TestTeam.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
