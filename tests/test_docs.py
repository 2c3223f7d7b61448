"""What the documents say of the code is true: every fault has its line, and every test that a line names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RELIABILITY = ROOT / "docs" / "reliability.md"
CASES = {"D": 23, "C": 16, "J": 15, "A": 17, "X": 18, "F": 13, "P": 7}
BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.M | re.S)
AS_WINNOW = "sudo -u winnow /opt/winnow/bin/winnow"
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


@pytest.mark.parametrize(
    ("document", "chapter", "set_up", "called"),
    [
        ("README.md", "## Your own reviews", "make .venv/installed", ".venv/bin/winnow "),
        ("docs/operation.md", "# Operation", "python3 -m venv /opt/winnow", f"{AS_WINNOW} --instance "),
    ],
)  # fmt: skip
def test_a_page_calls_winnow_where_its_own_set_up_puts_it(
    document: str, chapter: str, set_up: str, called: str
) -> None:
    """Neither place is on the PATH."""
    text = (ROOT / document).read_text("utf-8").partition(chapter)[2]
    if chapter.startswith("## "):
        text = text.partition("\n## ")[0]
    lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
    calls = [line for line in lines if line.startswith(("winnow ", "sudo ", ".venv/"))]
    assert len(calls) >= 6 and all(line.startswith(called) for line in calls)
    made = next((place for place, line in enumerate(lines) if line.startswith(set_up)), len(lines))
    assert made < lines.index(calls[0])
