"""The queue while rankings change under it: it is never empty, and overlap is exact in whatever order people come."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
from builders import NOON, a_project, a_user
from hypothesis import HealthCheck, given, settings
from sqlite_utils import Database

from webapp.instance import Instance
from webapp.store import annotations, candidates, queue, rankings
from webapp.store.annotations import Answer
from webapp.store.connection import open_database
from webapp.store.queue import Lease
from webapp.store.rankings import RankedReview

SWAPS = 100
# What is on disk after a power cut is another test's matter.
QUICK = "PRAGMA synchronous = OFF"


def test_a_reader_never_finds_the_queue_empty_while_rankings_are_swapped(
    web_db: Database, web_instance: Instance
) -> None:
    web_db.execute(QUICK)
    user = a_user(web_db)
    project = a_project(web_db, size=30)
    ids = [row[0] for row in web_db.execute("SELECT id FROM reviews")]
    rankings.publish_random(web_db, project.id, NOON)
    over, claimed = threading.Event(), threading.Event()

    def swap() -> None:
        with closing(open_database(web_instance.database)) as db:
            db.execute(QUICK)
            for number in range(SWAPS):
                items = [RankedReview(review, "uncertain", 0.5) for review in ids[number % 30 :]]
                rankings.publish(db, project.id, rankings.write(db, project.id, items, NOON))
                claimed.clear()
                claimed.wait(10)
        over.set()

    swapping = threading.Thread(target=swap)
    swapping.start()
    seen = set()
    while not over.is_set():
        lease = queue.claim(web_db, project.id, user.id, NOON)
        assert isinstance(lease, Lease), lease
        row = web_db.execute("SELECT ranking_id FROM leases WHERE token = ?", [lease.token]).fetchone()
        seen.add(row["ranking_id"])
        queue.release(web_db, lease.token, user.id)
        claimed.set()
    swapping.join()
    assert None not in seen, "a claim fell through to what stands behind the ranking"
    assert len(seen) > SWAPS / 2


def everybody_in_turn(order: list[int]) -> Iterator[int]:
    """The drawn order, then each one again and again."""
    yield from order
    while True:
        yield from range(5)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    overlap=st.integers(1, 4),
    people=st.integers(1, 5),
    order=st.lists(st.integers(0, 4), max_size=30),
    held=st.sets(st.integers(0, 4), max_size=2),
)
def test_overlap_is_exactly_as_many_different_people_as_asked(
    migrated: bytes, overlap: int, people: int, order: list[int], held: set[int]
) -> None:
    """Some claim and go away for good; their places come back when the leases lapse."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "winnow.sqlite"
        path.write_bytes(migrated)
        with closing(open_database(path)) as db:
            db.execute(QUICK)
            team = [a_user(db, name).id for name in "abcde"[:people]]
            project = a_project(db, size=3, overlap_share=1.0, overlap_labels=overlap)
            for who in held & set(range(people)):
                queue.claim(db, project.id, team[who], NOON)
            later = NOON.replace(hour=14)
            stuck: set[int] = set()
            for who in everybody_in_turn([each for each in order if each < people]):
                if len(stuck) == people:
                    break
                if who >= people:
                    continue
                lease = queue.claim(db, project.id, team[who], later)
                if isinstance(lease, Lease):
                    label = Answer("label", project.labels[who % 3].id)
                    annotations.record(db, lease.token, team[who], label, later)
                else:
                    assert lease == candidates.QueueEmpty("nothing-left")
                    stuck.add(who)
                counts(db, overlap)
            assert counts(db, overlap) == {min(overlap, people)}


def counts(db: Database, overlap: int) -> set[int]:
    """How many labels the reviews have, each from another person and never more than asked for."""
    rows = db.execute(
        "SELECT count(c.id) AS given, count(DISTINCT c.annotator_id) AS people FROM reviews r"
        " LEFT JOIN current_labels c ON c.review_id = r.id GROUP BY r.id"
    ).fetchall()
    assert all(row["given"] == row["people"] <= overlap for row in rows)
    return {row["given"] for row in rows}
