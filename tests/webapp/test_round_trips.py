"""Out and in again: exact files stay exact, guarded ones lose nothing but their guard, and a snapshot stays one."""

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from itertools import count
from pathlib import Path

import pytest
from builders import NOON, a_user
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from learner.progress import silent
from webapp import instance as instances
from webapp import labels_export
from webapp.importing import ColumnMap
from webapp.instance import Instance
from webapp.labels_export import GUARD_COLUMN, guard_cell
from webapp.store import annotations, jobs, label_sets, labelled, projects, work
from webapp.store.annotations import Answer
from webapp.store.connection import open_database
from webapp.store.projects import Project, ProjectSettings
from webapp.worker import imports

# What an import brings in again; the rest of a row says when and by whom it was labelled.
KEPT = ("external_id", "text", "label", "part")
ROLES = ColumnMap(text="text", id="external_id", label="label", split="part")
BARE = ColumnMap(text="text", id="external_id", label="label")
LABELS = ["good", "=HYPERLINK(1)", "-bad", "@so-so", "'quoted"]
PLAIN = ProjectSettings(overlap_share=0.0, holdout_size=0, validation_size=0)
NUMBERS = ("-5", "+3.50", "-1e5", "+7", "-0.5", "1,234.5")
DANGEROUS = st.sampled_from(
    [*"=+-@\t\r\n\uff1d\uff0b\uff0d\uff20'\" ,;", "\ufeff", "\u3000", "1", "a", "好", "\u200b"]
)
STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
TEXT = st.one_of(STORABLE, st.text(DANGEROUS, max_size=8), st.sampled_from(NUMBERS)).filter(
    lambda text: bool(text.strip(" \t\r\n\x0b\x0c\x1c\x1d\x1e\x1f\x85\u3000\ufeff\u200b\xad"))
)
ROWS = st.lists(
    st.tuples(TEXT, STORABLE | st.sampled_from(NUMBERS), st.sampled_from(LABELS)),
    min_size=1,
    max_size=8,
    unique_by=(lambda row: row[0], lambda row: row[1]),
)
NUMBERED = count(1)


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """One instance for all examples; each has projects of its own."""
    instance = instances.locate(tmp_path_factory.mktemp("trips") / "instance")
    instances.create(instance)
    return instance


@pytest.fixture(scope="module")
def db(where: Instance) -> Iterator[Database]:
    database = instances.open_instance(where)
    a_user(database, "root", "admin")
    yield database
    database.close()


def brought_in(db: Database, where: Instance, content: bytes, columns: ColumnMap = BARE) -> Project:
    """A new project with a file that was imported as the worker does it."""
    project = projects.create(db, f"trip {next(NUMBERED)}", LABELS, settings=PLAIN)
    (where.uploads / "trip.csv").write_bytes(content)
    payload = {"file": "trip.csv", "columns": asdict(columns), "human_labels": True}
    job = jobs.create(db, project.id, "import", payload, 1, NOON)
    claim = work.claim_this(db, "jobs", job.id, NOON)
    assert claim is not None
    imports.run(db, where.folder, claim, silent)
    work.finish(db, claim, "done", NOON)
    return project


def taken_out(db: Database, project: Project, guard: bool = False) -> bytes:
    return b"".join(labels_export.iter_bytes(labelled.export_rows(db, project.id), "csv", guard, KEPT))


def as_csv(rows: list[tuple[str, str, str]]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "external_id", "label"), *rows])
    return file.getvalue().encode()


@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(ROWS)
def test_out_and_in_again_gives_the_same_bytes_with_and_without_the_guard(
    db: Database, where: Instance, rows: list[tuple[str, str, str]]
) -> None:
    first = brought_in(db, where, as_csv(rows))
    exact = taken_out(db, first)
    assert len(list(csv.reader(io.StringIO(exact.decode(), newline="")))) == len(rows) + 1
    assert taken_out(db, brought_in(db, where, exact, ROLES)) == exact
    spreadsheet = taken_out(db, first, guard=True)
    assert taken_out(db, brought_in(db, where, spreadsheet, ROLES)) == exact


FORMULAS = (
    "=1+1",
    "+cmd|'/C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    " =1",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "\uff0b1",
)
FORMULAS += ("\uff0d1", "\uff201", "\u3000=1", "\ufeff=1", "'=1", "''-x", "+49 170 1234567")


@pytest.mark.parametrize("cell", FORMULAS)
def test_no_cell_of_a_spreadsheet_begins_as_a_formula(db: Database, where: Instance, cell: str) -> None:
    project = brought_in(db, where, as_csv([(f"{cell} review", cell, LABELS[1]), ("fine", "-5", LABELS[2])]))
    sheet = list(
        csv.DictReader(io.StringIO(taken_out(db, project, guard=True).decode("utf-8-sig"), newline=""))
    )
    assert list(sheet[0]) == [*KEPT, GUARD_COLUMN]
    assert [row["text"] for row in sheet] == [f"'{cell} review", "fine"]
    assert sheet[0]["external_id"] == guard_cell(cell) and sheet[1]["external_id"] == "-5"
    assert [row["label"] for row in sheet] == [f"'{LABELS[1]}", f"'{LABELS[2]}"]
    exact = list(csv.DictReader(io.StringIO(taken_out(db, project).decode(), newline="")))
    assert [row["text"] for row in exact] == [f"{cell} review", "fine"]


def test_only_a_file_that_says_so_loses_its_quotes(db: Database, where: Instance) -> None:
    texts = [("'=1 is what it says", "1", "good"), ("'tis fine", "2", "good")]
    exported = csv.DictReader(io.StringIO(taken_out(db, brought_in(db, where, as_csv(texts))).decode()))
    assert [row["text"] for row in exported] == [text for text, _, _ in texts]


def test_an_export_during_edits_is_one_snapshot(db: Database, where: Instance) -> None:
    """Oracle: the same export while nobody does anything."""
    rows = [(f"review {number}", str(number), LABELS[number % 2]) for number in range(2_500)]
    project = brought_in(db, where, as_csv(rows))
    end = labelled.snapshot(db, project.id)
    frozen = list(labelled.export_rows(db, project.id, end))
    assert len(frozen) == labelled.export_count(db, project.id, end) == len(rows)
    read = []
    for place, row in enumerate(labelled.export_rows(db, project.id, end)):
        read.append(row)
        if place in (10, 1_500):
            disturb(where.database, project, place)
    assert read == frozen
    assert list(labelled.export_rows(db, project.id)) != frozen


def disturb(path: Path, project: Project, place: int) -> None:
    """Labels withdrawn, changed and given, and a label renamed, in front of the reader and behind it."""
    writer = open_database(path)
    first = writer.execute("SELECT min(id) FROM annotations WHERE project_id = ?", [project.id]).fetchone()[0]
    for offset in (1, 900, 1_700, 2_400):
        annotations.change(writer, first + offset + place % 7, 1, Answer("label", project.labels[2].id), NOON)
    label_sets.rename(writer, project.id, project.labels[0].id, f"renamed {place}", 1, NOON)
    writer.close()
