"""What the documents say of the code is true: every fault has its line, and every test that a line names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RELIABILITY = ROOT / "docs" / "reliability.md"
CASES = {"D": 23, "C": 16, "J": 15, "A": 17, "X": 18, "F": 13, "P": 7}
ROW = re.compile(r"^\| ([A-Z]\d\d) \| (P0)? *\| (.+?) \| (.+?) \| (.*?) *\|$", re.M)
NAMED = re.compile(r"(tests/[\w/]+\.py)?(?:::((?:test_|Test)\w+))?")


def rows() -> list[tuple[str, str, str, str, str]]:
    return ROW.findall(RELIABILITY.read_text("utf-8"))


def test_every_fault_has_its_line() -> None:
    wanted = [f"{letter}{number:02}" for letter, count in CASES.items() for number in range(1, count + 1)]
    assert list(dict.fromkeys(case for case, *_ in rows())) == wanted


def test_every_release_blocker_has_a_test() -> None:
    assert [case for case, blocker, _, test, _ in rows() if blocker and "tests/" not in test] == []


@pytest.mark.parametrize("document", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_every_test_that_a_document_names_exists(document: str) -> None:
    missing, file = [], ""
    for named, test in filter(any, NAMED.findall((ROOT / "docs" / document).read_text("utf-8"))):
        file = named or file  # "::name" alone is a further test of the file before it
        path = ROOT / file
        text = path.read_text("utf-8") if path.is_file() else ""
        if not text or (test and not re.search(rf"^\s*def {test}\b|^class {test}\b|^{test} = ", text, re.M)):
            missing.append(f"{file}::{test}")
    assert missing == []
