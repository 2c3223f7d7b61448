"""A database whose last commits lie in its write-ahead log, and copies of it with the log torn or damaged."""

import hashlib
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

from builders import a_project, a_user
from invariants import violations
from sqlite_utils import Database

from webapp.store import annotations, projects, queue
from webapp.store.annotations import Answer
from webapp.store.connection import open_database, utc_now
from webapp.store.queue import Lease
from webapp.store.soundness import look_through

HEADER, FRAME = 32, 24 + 4096


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


def write(path: Path) -> Written:
    """Answer until there are some dozens of commits, none of them in the file itself yet; `path` is migrated."""
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


def tear(written: Written, path: Path, draw: random.Random) -> list[str]:
    """Cut the log or flip a bit of it, open the copy at `path`; what is not as after a whole number of commits."""
    log = written.log.read_bytes()
    offset, cuts = draw.randrange(len(log)), draw.random() < 0.5
    if cuts:
        torn, expected = log[:offset], written.state_before(offset)
    else:
        torn = log[:offset] + bytes([log[offset] ^ 1 << draw.randrange(8)]) + log[offset + 1 :]
        frame = (offset - HEADER) // FRAME
        expected = written.state_before(HEADER + frame * FRAME if frame >= 0 else 0)
    shutil.copyfile(written.path, path)
    log_of(path).write_bytes(torn)
    wrong = list(look_through(path, 60).faults)
    db = open_database(path)
    wrong += violations(db) + ([] if state(db) == expected else ["no prefix of the commits"])
    db.close()
    path.unlink()
    return [f"{'cut' if cuts else 'flip'} at {offset}: {each}" for each in wrong]
