import csv
from pathlib import Path

from webapp.importing import ErrorFile, RowError


def test_refused_rows_can_be_read_back_and_are_no_formulas(tmp_path: Path) -> None:
    path = tmp_path / "errors.csv"
    with ErrorFile(path) as errors:
        errors.write(RowError(3, "ragged", "Row 3 has 1 fields.", "=HYPERLINK(1)"))
        errors.write(RowError(9, "bad_text", "Row 9, too.", 'half \ud83d, a "quote"\r\nand 好'))
        assert errors.count == 2
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["row", "reason", "message", "excerpt"],
            ["3", "ragged", "Row 3 has 1 fields.", "'=HYPERLINK(1)"],
            ["9", "bad_text", "Row 9, too.", 'half \\ud83d, a "quote"\r\nand 好'],
        ]


def test_an_import_taken_up_again_goes_on_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "errors.csv"
    for row in (3, 9):
        with ErrorFile(path, append=row == 9) as errors:
            errors.write(RowError(row, "empty", f"Row {row} has no text."))
    assert path.read_bytes().decode("utf-8-sig").splitlines() == [
        '"row","reason","message","excerpt"',
        '3,"empty","Row 3 has no text.",""',
        '9,"empty","Row 9 has no text.",""',
    ]
