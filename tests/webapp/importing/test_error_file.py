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
    path, kept = tmp_path / "errors.csv", 0
    for row in (3, 9):
        with ErrorFile(path, kept) as errors:
            errors.write(RowError(row, "empty", f"Row {row} has no text."))
            kept = errors.keep()
            assert f"Row {row}".encode() in path.read_bytes()  # whatever becomes of this process now
            errors.write(RowError(row + 1, "empty", "This comes again, since nobody has counted it."))
    with ErrorFile(path, kept):
        pass
    assert path.read_bytes().decode("utf-8-sig").splitlines() == [
        '"row","reason","message","excerpt"',
        '3,"empty","Row 3 has no text.",""',
        '9,"empty","Row 9 has no text.",""',
    ]


def test_where_an_erasure_has_removed_the_file_a_new_one_begins(tmp_path: Path) -> None:
    path = tmp_path / "errors.csv"
    with ErrorFile(path, kept=100) as errors:
        errors.write(RowError(9, "empty", "Row 9 has no text."))
    assert path.read_bytes().decode("utf-8-sig").startswith('"row","reason","message","excerpt"\n9,')
