"""Imports: counted before, done once, gone on with after a kill."""

import csv
import itertools
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest
from builders import NOON
from sqlite_utils import Database

from learner.errors import Cancelled
from webapp import instance as instances
from webapp.importing import ColumnMap
from webapp.store import jobs, labelled, reviews, work
from webapp.store.connection import utc_now
from webapp.store.insertion import BatchOutcome
from webapp.store.jobs import Job
from webapp.store.projects import Project
from webapp.worker import imports, loop
from webapp.worker.loop import run_next

MESSY = 'text,label\ngood,positive\n"  ",positive\ngood,negative\nbad,negative\nragged,row,here\nfine,dunno\n'
ImportBuilder = Callable[..., Job]


def test_an_import_and_its_dry_run_count_alike(
    db: Database, instance: Path, project: Project, an_import: ImportBuilder
) -> None:
    results = []
    for dry_run in (True, False):
        job = an_import(text=MESSY, dry_run=dry_run)
        assert run_next(db, instance, utc_now())
        done = jobs.get(db, job.id)
        assert done.state == "done", done.error
        results.append(
            {name: done.result[name] for name in ("rows", "imported", "duplicates", "empty", "reasons")}
        )
        assert reviews.counts(db, project.id)["total"] == (0 if dry_run else 3)
    assert results[0] == results[1] == {
        "rows": 6, "imported": 3, "duplicates": 1, "empty": 1, "reasons": {"empty": 1, "ragged": 1},
    }  # fmt: skip


def test_refused_rows_are_written_down_by_number(
    db: Database, instance: Path, an_import: ImportBuilder
) -> None:
    job = an_import(text=MESSY)
    run_next(db, instance, utc_now())
    with (instance / "imports" / jobs.get(db, job.id).result["error_file"]).open(
        encoding="utf-8-sig"
    ) as file:
        assert [(row["row"], row["reason"]) for row in csv.DictReader(file)] == [
            ("3", "empty"),
            ("6", "ragged"),
        ]


def test_labels_are_gold_only_when_the_admin_says_so(
    db: Database, instance: Path, project: Project, an_import: ImportBuilder
) -> None:
    an_import(size=20, human_labels=False)
    run_next(db, instance, utc_now())
    assert labelled.label_count(db, project.id) == 0


def test_an_import_killed_half_way_goes_on_where_it_stopped(
    db: Database, instance: Path, project: Project, an_import: ImportBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 10)
    job = an_import(size=55)
    claim = work.claim_next(db, "jobs", utc_now())
    assert claim is not None
    calls = iter(range(100))

    def killed_after_three(phase: str, done: int, total: int) -> None:
        if next(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        imports.run(db, instance, claim, killed_after_three)
    assert reviews.counts(db, project.id)["total"] == 30
    work.put_back(db, claim, utc_now())
    run_next(db, instance, utc_now())
    result = jobs.get(db, job.id).result
    assert (result["rows"], result["imported"], result["duplicates"]) == (55, 55, 0)
    assert reviews.counts(db, project.id)["total"] == 55


@pytest.mark.parametrize("after", [1, 2, 3])
def test_an_import_killed_after_any_batch_counts_and_refuses_each_row_once(
    db: Database, instance: Path, an_import: ImportBuilder, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(imports, "BATCH", 10)
    lines = [f"number {number},positive" if number % 2 else "one,field,more" for number in range(25)]
    job = an_import(text="\n".join(["text,label", *lines]))

    def import_and_die() -> None:
        with closing(instances.open_instance(instances.locate(instance))) as own:
            claim = work.claim_next(own, "jobs", utc_now())
            assert claim is not None
            calls = itertools.count(1)
            imports.run(own, instance, claim, lambda *_: os._exit(9) if next(calls) == after else None)

    process = multiprocessing.get_context("fork").Process(target=import_and_die)
    process.start()
    process.join()
    db.execute("UPDATE jobs SET state = 'queued'")
    db.conn.commit()
    run_next(db, instance, utc_now())
    result = jobs.get(db, job.id).result
    counted = {name: result[name] for name in ("rows", "imported", "duplicates", "rejected")}
    assert counted == {"rows": 25, "imported": 12, "duplicates": 0, "rejected": 13}
    with (instance / "imports" / result["error_file"]).open(encoding="utf-8-sig") as file:
        assert [int(row["row"]) for row in csv.DictReader(file)] == list(range(2, 27, 2))


def test_a_cancelled_import_ends_as_cancelled_and_the_next_brings_in_what_it_had(
    db: Database, instance: Path, project: Project, an_import: ImportBuilder
) -> None:
    job = an_import(size=20, human_labels=False)
    claim = work.claim_next(db, "jobs", utc_now())
    assert claim is not None

    def cancelled(phase: str, done: int, total: int) -> None:
        raise Cancelled("Cancelled.")

    loop._run(db, instance, claim, imports.run, None, progress=cancelled)
    assert jobs.get(db, job.id).state == "cancelled"
    assert reviews.random_pool(db, project.id, 100) == []
    an_import(size=20, human_labels=False)
    run_next(db, instance, utc_now())
    assert len(reviews.random_pool(db, project.id, 100)) > 0


@pytest.mark.parametrize(
    ("text", "words"), [("", "empty"), ("a,b\n1,2\n", "text"), ("text,label\n", "no rows")]
)
def test_a_file_that_cannot_be_read_fails_with_what_to_do(
    db: Database, instance: Path, an_import: ImportBuilder, text: str, words: str
) -> None:
    job = an_import(text=text)
    run_next(db, instance, utc_now())
    failed = jobs.get(db, job.id)
    assert failed.state == "failed" and failed.error is not None and words in failed.error


def test_the_file_of_an_import_that_is_over_is_removed(
    db: Database, instance: Path, an_import: ImportBuilder
) -> None:
    an_import(size=5)
    run_next(db, instance, utc_now())
    uploads = instance / "uploads"
    assert list(uploads.iterdir()) == []
    # What a kill at the very end leaves is removed by the next.
    (uploads / "old.csv").write_text("text\nfine\n", "utf-8")
    db.execute("UPDATE jobs SET payload = json_set(payload, '$.file', 'old.csv') WHERE kind = 'import'")
    db.conn.commit()
    an_import(size=5)
    run_next(db, instance, utc_now())
    assert list(uploads.iterdir()) == []


def test_a_language_column_is_each_review_s_language_and_kinds_are_counted_once(
    db: Database, instance: Path, project: Project
) -> None:
    rows = ["good,en-US,shoes", "好,zh_CN,shoes", "bon,fr,", "hm,?,bags", "good,de,bags"]
    (instance / "uploads" / "languages.csv").write_text("\n".join(["text,lang,kind", *rows]), "utf-8")
    columns = asdict(ColumnMap(text="text", language="lang", category="kind"))
    job = jobs.create(db, project.id, "import", {"file": "languages.csv", "columns": columns}, 1, NOON)
    run_next(db, instance, utc_now())
    stored = {row["text"]: row["language"] for row in db["reviews"].rows}
    assert stored == {"good": "en", "好": "zh", "bon": "fr", "hm": None}
    result = jobs.get(db, job.id).result
    assert result["warnings"] == {"bad_language": 1}
    assert result["languages"] == {"en": 1, "zh": 1, "fr": 1, "": 1}
    assert result["categories"] == {"shoes": 2, "bags": 1, "": 1}


def test_thousands_of_categories_are_not_counted_one_by_one() -> None:
    counts = imports.ImportCounts()
    for start in (0, 300, 600):
        names = Counter({f"kind {number}": 1 for number in range(start, start + 300)})
        counts.add(BatchOutcome(inserted=300, categories=names))
    counts.add(BatchOutcome(inserted=1, categories=Counter({"kind 0": 1})))
    assert counts.imported == 901
    assert len(counts.categories) == imports.KINDS_COUNTED and counts.categories["kind 0"] == 2
