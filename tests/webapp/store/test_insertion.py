"""Reviews: no text twice, parts drawn at random, near-duplicates on one side, and found again."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database

from webapp.store import chunks, insertion, jobs, projects, queue, reviews
from webapp.store.connection import open_database
from webapp.store.projects import Project, ProjectSettings

from .conftest import NOON, a_parsed_review, add_reviews

ProjectBuilder = Callable[..., Project]


def test_a_text_is_imported_once(db: Database, people: list[int], a_project: ProjectBuilder) -> None:
    project = a_project(0)
    assert add_reviews(db, project, ["good", "good", "bad"]).inserted == 2
    assert add_reviews(db, project, ["bad", "new"]).duplicates == 1


def test_an_id_belongs_to_one_review(db: Database, a_project: ProjectBuilder) -> None:
    project = a_project(0)
    job = jobs.create(db, project.id, "import", {}, None, NOON)
    batch = [a_parsed_review(row, f"text {row}", external_id="same") for row in (1, 2)]
    outcome = insertion.insert_batch(db, project, job.id, insertion.with_hashes(batch), None, NOON)
    assert outcome.inserted == 1
    assert [(row, code) for row, code, _ in outcome.rejected] == [(2, "duplicate_id")]


def test_reviews_wait_until_their_import_is_complete(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(0)
    job = jobs.create(db, project.id, "import", {}, None, NOON)
    insertion.insert_batch(
        db, project, job.id, insertion.with_hashes([a_parsed_review(1, "text")]), None, NOON
    )
    assert isinstance(queue.claim(db, project.id, people[0], NOON), queue.QueueEmpty)
    insertion.open_import(db, project, job.id)
    assert isinstance(queue.claim(db, project.id, people[0], NOON), queue.Lease)


def test_what_a_failed_import_brought_is_opened_by_the_next(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(0)
    job = jobs.create(db, project.id, "import", {}, None, NOON)
    insertion.insert_batch(
        db, project, job.id, insertion.with_hashes([a_parsed_review(1, "text")]), None, NOON
    )
    jobs.cancel(db, job.id, None, NOON)
    assert add_reviews(db, project, ["text"]).duplicates == 1
    assert isinstance(queue.claim(db, project.id, people[0], NOON), queue.Lease)


def test_parts_have_their_sizes_and_never_more_than_their_share(db: Database, people: list[int]) -> None:
    project = projects.create(db, "p", settings=ProjectSettings(holdout_size=20, validation_size=10))
    add_reviews(db, project, [f"review {number}" for number in range(50)])
    assert reviews.counts(db, project.id) == {
        "pool": 35, "holdout": 10, "validation": 5, "total": 50, "labelled": 0,
    }  # fmt: skip
    add_reviews(db, project, [f"another {number}" for number in range(950)])
    assert reviews.counts(db, project.id)["holdout"] == 20


def test_near_duplicates_stay_on_one_side_and_out_of_the_queue(db: Database, people: list[int]) -> None:
    project = projects.create(db, "p", settings=ProjectSettings(holdout_size=10, validation_size=5))
    add_reviews(
        db, project, [f"Good phone {number}{mark}" for number in range(50) for mark in ("", "!", "!!")]
    )
    mixed = db.execute(
        "SELECT count(*) FROM reviews a JOIN reviews b ON b.near_duplicate_of = a.id WHERE a.part <> b.part"
    ).fetchone()[0]
    twins = db.execute(
        "SELECT count(*), sum(needed) FROM reviews WHERE near_duplicate_of IS NOT NULL"
    ).fetchone()
    assert (mixed, tuple(twins)) == (0, (100, 0))


def test_a_split_from_the_file_is_kept(db: Database, a_project: ProjectBuilder) -> None:
    project = a_project(0)
    job = jobs.create(db, project.id, "import", {}, None, NOON)
    parts = ["pool", "holdout", "validation", "holdout"]
    batch = [a_parsed_review(row, f"text {row}", part=part) for row, part in enumerate(parts)]
    insertion.insert_batch(db, project, job.id, insertion.with_hashes(batch), None, NOON)
    insertion.open_import(db, project, job.id)
    assert [row[0] for row in db.execute("SELECT part FROM reviews ORDER BY id")] == parts


def test_new_overlap_settings_reach_the_reviews_there_are_but_no_unfinished_import(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(3)
    job = jobs.create(db, project.id, "import", {}, None, NOON)
    insertion.insert_batch(
        db, project, job.id, insertion.with_hashes([a_parsed_review(1, "late")]), None, NOON
    )
    project = projects.update_settings(db, project.id, overlap_share=1.0, overlap_labels=3)
    insertion.reset_wanted(db, project)
    assert [row[0] for row in db.execute("SELECT needed FROM reviews ORDER BY id")] == [3, 3, 3, 0]


def test_settings_that_say_nothing_of_overlap_touch_no_review(
    db: Database, a_project: ProjectBuilder
) -> None:
    project = a_project(3)
    project = projects.update_settings(db, project.id, leaderboard=True, goal_labels=5, overlap_share=0.0)
    before = db.conn.total_changes
    insertion.reset_wanted(db, project)
    assert db.conn.total_changes == before


def wanted(db: Database) -> list[int]:
    return [row[0] for row in db.execute("SELECT wanted FROM reviews ORDER BY id")]


def test_new_overlap_settings_are_applied_in_steps_and_finished_by_others_where_one_was_killed(
    db: Database, db_path: Path, a_project: ProjectBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(insertion, "OPENING_CHUNK", 2)
    project = a_project(6)
    child = os.fork()
    if child == 0:
        try:
            change_and_die(db_path, project.id)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert wanted(db) == [3, 3, 1, 1, 1, 1]
    assert projects.get(db, project.id).settings.overlap_labels == 3
    insertion.finish_resets(db)
    assert wanted(db) == [3] * 6
    before = db.conn.total_changes
    insertion.finish_resets(db)
    assert db.conn.total_changes == before, "nothing is left to do"


def change_and_die(path: Path, project_id: int) -> None:
    """New settings, and a kill -9 in the second step."""
    db, seen = open_database(path), 0

    def count(statement: str) -> None:
        nonlocal seen
        seen += statement.startswith("UPDATE reviews SET wanted")
        if seen == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    db.conn.set_trace_callback(count)
    project = projects.update_settings(db, project_id, overlap_share=1.0, overlap_labels=3)
    insertion.reset_wanted(db, project)


def test_of_two_admins_who_change_the_overlap_at_once_the_later_is_obeyed(
    db: Database, db_path: Path, a_project: ProjectBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(insertion, "OPENING_CHUNK", 2)
    project = a_project(6)
    other = open_database(db_path)
    saved: list[Project] = []

    def rest(_seconds: float) -> None:
        if not saved:  # while the first admin's loop rests after its first step
            saved.append(projects.update_settings(other, project.id, overlap_labels=4))
            insertion.reset_wanted(other, saved[0])

    monkeypatch.setattr(chunks.time, "sleep", rest)
    project = projects.update_settings(db, project.id, overlap_share=1.0, overlap_labels=3)
    insertion.reset_wanted(db, project)
    assert saved and wanted(db) == [4] * 6
    assert db.execute("SELECT overlap_from FROM projects").fetchone()[0] is None
    other.close()


def test_an_import_that_ends_after_new_overlap_settings_goes_by_them(
    db: Database, people: list[int], a_project: ProjectBuilder
) -> None:
    project = a_project(1)
    job = jobs.create(db, project.id, "import", {}, None, NOON)
    batch = insertion.with_hashes([a_parsed_review(1, "late")])
    insertion.insert_batch(db, project, job.id, batch, None, NOON)
    insertion.reset_wanted(db, projects.update_settings(db, project.id, overlap_share=1.0, overlap_labels=3))
    insertion.open_import(db, project, job.id)
    assert wanted(db) == [3, 3]
