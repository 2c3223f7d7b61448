"""winnow audit export."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import NOON
from click.testing import Result
from sqlite_utils import Database

from webapp.store import audit

Winnow = Callable[..., Result]


@pytest.mark.parametrize(
    ("options", "subjects"),
    [
        ((), ["user:1", "test:1", "test:2"]),
        (("--action", "test.two"), ["test:2"]),
        (("--user", "root"), ["test:1"]),
        (("--since", "2026-03-02", "--until", "2030-01-01", "--action", "test.two"), []),
        (("--until", "9999-12-31", "--action", "test.two"), ["test:2"]),
    ],
)
def test_the_log_is_written_whole_or_filtered(
    winnow: Winnow, db: Database, tmp_path: Path, options: tuple[str, ...], subjects: list[str]
) -> None:
    audit.log(db, 1, "test.one", "test:1", NOON)
    audit.log(db, None, "test.two", "test:2", NOON)
    out = tmp_path / "audit.jsonl"
    result = winnow("audit", "export", out, *options)
    assert result.exit_code == 0, result.output
    assert [json.loads(line)["subject"] for line in out.read_text("utf-8").splitlines()] == subjects
    assert f"{len(subjects)} entries" in result.stdout


def test_csv_by_its_ending(winnow: Winnow, db: Database, tmp_path: Path) -> None:
    winnow("audit", "export", tmp_path / "audit.csv")
    written = (tmp_path / "audit.csv").read_text("utf-8-sig")
    assert written.startswith("id,at,user,action,subject,detail,winnow_guard\n1,")


def test_an_unknown_person_is_an_error(winnow: Winnow, tmp_path: Path) -> None:
    result = winnow("audit", "export", tmp_path / "audit.csv", "--user", "nobody")
    assert result.exit_code == 1 and list(tmp_path.glob("*audit*")) == []
