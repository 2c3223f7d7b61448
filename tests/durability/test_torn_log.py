"""A power cut tears the tail of the write-ahead log: the database opens to a prefix of its commits (D02)."""

import os
import random
import re
from pathlib import Path

import torn

COPIES = int(os.environ.get("WINNOW_TEST_TORN_COPIES", "200"))
ROOT = Path(__file__).resolve().parents[2]


def test_a_torn_or_damaged_tail_opens_to_a_prefix_of_the_commits(tmp_path: Path, migrated: bytes) -> None:
    original = tmp_path / "winnow.sqlite"
    original.write_bytes(migrated)
    written = torn.write(original)
    assert len(set(written.states)) == len(written.states) == len(written.ends) > 70
    draw = random.Random()
    assert [wrong for copy in range(COPIES) for wrong in torn.tear(written, tmp_path / f"{copy}", draw)] == []


def test_nothing_weakens_what_makes_a_commit_durable() -> None:
    weaker = re.compile(
        r"PRAGMA\s+(synchronous\s*=\s*(?!FULL)|journal_mode\s*=\s*(?!WAL)|locking_mode)", re.I
    )
    code = [path for folder in ("webapp", "migrations") for path in (ROOT / folder).rglob("*.py")]
    assert [path.name for path in code if weaker.search(path.read_text("utf-8"))] == []
