"""Files that no shop exports, imported as the worker does it: ours to refuse, row by row, and never half."""

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from webapp.importing import REVIEW_NOTES, ROW_ERRORS, ColumnMap
from webapp.store import jobs, reviews, work
from webapp.store.connection import utc_now
from webapp.store.jobs import Job
from webapp.store.projects import Project
from webapp.worker.loop import run_next

ImportBuilder = Callable[..., Job]
ROOT = Path(__file__).parents[3]
MEGABYTE = 1_000_000
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "gb18030", "cp1252")
ROW = st.lists(st.text(max_size=12), min_size=0, max_size=4)
PIECES = st.one_of(
    st.binary(max_size=40),
    st.tuples(ROW, st.sampled_from(ENCODINGS)).map(
        lambda row: ",".join(row[0]).encode(row[1], "xmlcharrefreplace")
    ),
    st.sampled_from(
        [b"\n", b"\r\n", b"\r", b'"', b'""', b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1f\x8b", b"text,text"]
    ),
    st.sampled_from(
        [
            b'{"text": "\\ud800"}\n',
            b'{"text": NaN}\n',
            b'{"text": 1e999}\n',
            b"[" * 300,
            b'{"text": "a\\u0000"}\n',
        ]
    ),
)
FILES = st.lists(PIECES, max_size=12).map(b"".join)


def queue(db: Database, instance: Path, project: Project, content: bytes, name: str = "reviews.csv") -> Job:
    """An import of this file, its text in the first column that is called so."""
    (instance / "uploads" / "hostile.upload").write_bytes(content)
    payload = {"file": "hostile.upload", "name": name, "columns": asdict(ColumnMap(text="text"))}
    return jobs.create(db, project.id, "import", payload, 1, utc_now())


@settings(deadline=None, max_examples=120, suppress_health_check=list(HealthCheck))
@given(FILES, st.sampled_from(["a.csv", "a.tsv", "a.jsonl"]), st.booleans(), st.booleans())
def test_any_bytes_are_imported_or_refused_row_by_row_or_whole(
    db: Database, instance: Path, project: Project, content: bytes, name: str, header: bool, pack: bool
) -> None:
    before = reviews.counts(db, project.id)["total"]
    content = (b"text,more\n" if header else b"") + content
    job = queue(db, instance, project, gzip.compress(content) if pack else content, name)
    run_next(db, instance, utc_now())
    ended, stored = jobs.get(db, job.id), reviews.counts(db, project.id)["total"] - before
    if ended.state == "failed":
        assert ended.error and "Unexpected" not in ended.error and stored == 0
        return
    found = ended.result
    assert ended.state == "done"
    assert found["rows"] == found["imported"] + found["duplicates"] + found["empty"] + found["rejected"]
    assert found["imported"] == stored
    assert set(found["reasons"]) <= set(ROW_ERRORS) and set(found["warnings"]) <= set(REVIEW_NOTES)
    assert (
        db.execute("SELECT count(*) FROM reviews WHERE wanted = 0 AND near_duplicate_of IS NULL").fetchone()[
            0
        ]
        == 0
    )


def test_columns_by_the_thousand_and_rows_by_the_megabyte_are_refused_by_number(
    db: Database, instance: Path, project: Project
) -> None:
    job = queue(db, instance, project, ",".join(["text", *map(str, range(9_999))]).encode() + b"\nx\n")
    run_next(db, instance, utc_now())
    failed = jobs.get(db, job.id)
    assert failed.state == "failed" and failed.error is not None and "10,000 columns" in failed.error
    wide = b"text,b\nfine,1\n" + b"x" * 50 * MEGABYTE + b",2\nfine too,3\n"
    job = queue(db, instance, project, wide)
    before = psutil.Process().memory_info().rss
    run_next(db, instance, utc_now())
    assert psutil.Process().memory_info().rss - before < 60 * MEGABYTE
    result = jobs.get(db, job.id).result
    assert (result["imported"], result["reasons"]) == (2, {"field_too_long": 1})
    with (instance / "imports" / result["error_file"]).open(encoding="utf-8-sig") as file:
        assert [row["row"] for row in csv.DictReader(file)] == ["3"]


def test_a_bomb_of_ten_gigabytes_is_refused_at_once_and_brings_nothing(
    db: Database, instance: Path, project: Project
) -> None:
    """Ten times a gigabyte of zeros as gzip members one after the other: 10 MB on disk."""
    member = gzip.compress(b"a" * 100 * MEGABYTE, 9)
    job = queue(db, instance, project, gzip.compress(b"text\n") + member * 100)
    process = psutil.Process()
    before, read = process.memory_info().rss, process.io_counters().read_chars
    run_next(db, instance, utc_now())
    assert process.io_counters().read_chars - read < MEGABYTE  # of some ten that the file has
    assert process.memory_info().rss - before < 60 * MEGABYTE
    failed = jobs.get(db, job.id)
    assert failed.state == "failed" and failed.error is not None and "times its size" in failed.error
    assert reviews.counts(db, project.id)["total"] == 0


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04" + b"\0" * 99, b"PK\x05\x06" + b"\0" * 18, b"BZh9", b"\xfd7zXZ\0"]
)
def test_archives_are_not_unpacked_at_all(
    db: Database, instance: Path, project: Project, content: bytes
) -> None:
    job = queue(db, instance, project, content)
    run_next(db, instance, utc_now())
    assert jobs.get(db, job.id).state == "failed"
    assert list((instance / "uploads").iterdir()) == []


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000, '{"text": ' + "[" * 100_000, '{"text": ' + '{"a":' * 100_000, '{"text": ' + "9" * 100_000 + "}",
        '{"text": NaN}', '{"text": -Infinity}', '{"text": "a", "text": "b"}', '{"text": "a", "b": {"c": 1, "c": 2}}',
    ],
)  # fmt: skip
def test_a_line_of_json_that_could_do_harm_costs_itself_alone(
    db: Database, instance: Path, project: Project, line: str
) -> None:
    sound = [json.dumps({"text": f"review {number}"}) for number in range(3)]
    job = queue(db, instance, project, "\n".join([*sound[:2], line, sound[2]]).encode(), "a.jsonl")
    run_next(db, instance, utc_now())
    found = jobs.get(db, job.id)
    assert found.state == "done", found.error
    assert (found.result["imported"], found.result["reasons"]) == (3, {"bad_json": 1})


WORK = """
import sys
from pathlib import Path
from webapp import instance as instances
from webapp.store.connection import utc_now
from webapp.worker import imports, loop
imports.BATCH = 50
db = instances.open_instance(instances.locate(Path(sys.argv[1])))
print("ready", flush=True)
loop.run_next(db, Path(sys.argv[1]), utc_now())
"""


def test_an_import_killed_again_and_again_brings_each_review_once_and_the_file_a_second_time_none(
    db: Database, instance: Path, project: Project
) -> None:
    rows = 20_000
    content = b"text\n" + b"".join(b"review number %d of many\n" % number for number in range(rows))
    job = queue(db, instance, project, content)
    for attempt in range(work.MAX_ATTEMPTS - 1):  # a job that kills its worker once more is given up
        done = reviews.counts(db, project.id)["total"]
        worker = start_worker(instance)
        while reviews.counts(db, project.id)["total"] < done + 400 + 37 * attempt:
            assert worker.poll() is None, "it was done before it was killed"
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        give_back(db, job)
    assert 800 < reviews.counts(db, project.id)["total"] < rows
    assert start_worker(instance).wait() == 0
    found = jobs.get(db, job.id)
    assert found.state == "done", found.error
    assert (found.result["rows"], found.result["imported"], found.result["duplicates"]) == (rows, rows, 0)
    assert reviews.counts(db, project.id)["total"] == rows
    assert db.execute("SELECT count(DISTINCT text) FROM reviews").fetchone()[0] == rows
    again = queue(db, instance, project, content)
    run_next(db, instance, utc_now())
    assert jobs.get(db, again.id).result["duplicates"] == rows
    assert reviews.counts(db, project.id)["total"] == rows


def start_worker(instance: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WORK, str(instance)]
    worker = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
    return worker


def give_back(db: Database, job: Job) -> None:
    """As if its heartbeat had run out, for which a test does not wait."""
    db.execute("UPDATE jobs SET heartbeat_at = '2020-01-01T00:00:00.000+00:00' WHERE id = ?", [job.id])
