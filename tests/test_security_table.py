"""docs/security.md: every requirement of ASVS 5.0 at levels 1 and 2 has its line, and every pointer leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([^|]+) \| ([^|]+) \| (.+) \|$", re.M)
ROWS = ROW.findall(PAGE)
POINTER = re.compile(r"`((?:[\w.-]+/)+[\w.-]+|constraints\.txt|pyproject\.toml|\w[\w-]*\.py)(?:::(\w+))?`")
# How many requirements each section has at these levels, from 1 on but where the others are named.
SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1, "3.2": 2, "3.3": 4,
    "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4, "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5,
    "7.5": 2, "7.6": 2, "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4,
    "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3, "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5, "14.1": 2, "14.2": 4, "14.3": 3,
    "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3, "17.1": 1, "17.2": 4,
    "17.3": 2,
}  # fmt: skip


def test_every_requirement_has_one_line_in_order() -> None:
    wanted = [f"{section}.{number}" for section, count in SECTIONS.items() for number in range(1, count + 1)]
    assert len(wanted) == 253
    assert [row[0] for row in ROWS] == wanted


def test_every_line_is_met_not_applicable_or_open_and_says_where_or_why() -> None:
    assert {row[2] for row in ROWS} == {"met", "not applicable", "open"}
    assert [row[0] for row in ROWS if row[2] == "met" and not POINTER.search(row[3])] == []
    assert [row[0] for row in ROWS if len(row[3]) < 4] == []


@pytest.mark.parametrize(("path", "name"), sorted({*POINTER.findall(PAGE)}))
def test_a_pointer_leads_somewhere(path: str, name: str) -> None:
    assert (ROOT / path).is_file()
    assert not name or f"def {name}(" in (ROOT / path).read_text("utf-8")
