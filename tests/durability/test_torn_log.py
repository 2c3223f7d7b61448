"""A power cut tears the tail of the write-ahead log: the database opens to a prefix of its commits (D02)."""

import hashlib
import os
import random
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from invariants import violations
from sqlite_utils import Database

from webapp.store import annotations, projects, queue
from webapp.store.annotations import Answer
from webapp.store.connection import open_database, utc_now
from webapp.store.queue import Lease
from webapp.store.soundness import look_through

COPIES = int(os.environ.get("WINNOW_TEST_TORN_COPIES", "200"))
HEADER, FRAME = 32, 24 + 4096
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Written:
    """A database with its log, the log's length after each commit, and what the tables held then."""

    path: Path
    ends: list[int]
    states: list[str]

    @property
    def log(self) -> Path:
        return log_of(self.path)

    def state_before(self, offset: int) -> str:
        """What the tables held after the last commit whose frames all lie before the offset."""
        return self.states[sum(end <= offset for end in self.ends) - 1]


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def state(db: Database) -> str:
    """A digest of every table that answering writes to."""
    rows = [
        tuple(row)
        for table in ("annotations", "leases", "reviews")
        for row in db.execute(f"SELECT * FROM {table}")
    ]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, migrated: bytes) -> Written:
    """Some dozens of commits, none of them in the file itself yet."""
    from builders import a_project, a_user

    path = tmp_path_factory.mktemp("written") / "winnow.sqlite"
    path.write_bytes(migrated)
    db = open_database(path)
    a_user(db)
    a_project(db, size=40)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.execute("PRAGMA wal_autocheckpoint = 0")
    made = Written(path.with_name("copy.sqlite"), [0], [state(db)])
    label = projects.get(db, 1).labels[0].id

    def note() -> None:
        made.ends.append(log_of(path).stat().st_size)
        made.states.append(state(db))

    for turn in range(36):
        lease = queue.claim(db, 1, 1, utc_now())
        assert isinstance(lease, Lease)
        note()
        stored = annotations.record(db, lease.token, 1, Answer("label", label), utc_now())
        note()
        if turn % 4 == 3:
            annotations.undo(db, stored.id, 1, utc_now())
            note()
    shutil.copyfile(path, made.path)
    shutil.copyfile(log_of(path), made.log)
    db.close()
    return made


def test_a_torn_or_damaged_tail_opens_to_a_prefix_of_the_commits(written: Written, tmp_path: Path) -> None:
    draw = random.Random()
    log = written.log.read_bytes()
    assert len(set(written.states)) == len(written.states) == len(written.ends) > 70
    for copy in range(COPIES):
        offset = draw.randrange(len(log))
        path = tmp_path / f"{copy}.sqlite"
        shutil.copyfile(written.path, path)
        if copy % 2:
            torn, expected = log[:offset], written.state_before(offset)
        else:
            flipped = bytes([log[offset] ^ 1 << draw.randrange(8)])
            torn = log[:offset] + flipped + log[offset + 1 :]
            frame = (offset - HEADER) // FRAME
            expected = written.state_before(HEADER + frame * FRAME if frame >= 0 else 0)
        log_of(path).write_bytes(torn)
        assert look_through(path, 60).faults == ()
        db = open_database(path)
        found, wrong = state(db), violations(db)
        db.close()
        assert (found, wrong) == (expected, []), f"{'cut' if copy % 2 else 'flip'} at {offset}"
        path.unlink()


def test_nothing_weakens_what_makes_a_commit_durable() -> None:
    weaker = re.compile(
        r"PRAGMA\s+(synchronous\s*=\s*(?!FULL)|journal_mode\s*=\s*(?!WAL)|locking_mode)", re.I
    )
    code = [path for folder in ("webapp", "migrations") for path in (ROOT / folder).rglob("*.py")]
    assert [path.name for path in code if weaker.search(path.read_text("utf-8"))] == []
