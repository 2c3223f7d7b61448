import gzip
from pathlib import Path

import pytest

from webapp.importing import ColumnMap, FileError, FileOptions, preview


def test_a_preview_shows_the_first_rows_as_they_will_be_read(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    rows = "".join(f"{n};ganz gut, Größe passt;5/{n}/2016\n" for n in range(1, 31))
    path.write_bytes(
        gzip.compress(f"id;text;text;date\nbroken\n{rows}".replace(";5/", ";;5/").encode("cp1252"))
    )
    shown = preview(path, rows=5, name="reviews.csv.gz")
    assert (shown.encoding, shown.format, shown.delimiter, shown.gzipped) == ("cp1252", "csv", ";", True)
    assert shown.columns == ["id", "text", "text_2", "date"]
    assert [row.number for row in shown.rows] == [3, 4, 5, 6, 7]
    assert [(error.row, error.code) for error in shown.errors] == [(2, "ragged")]
    assert shown.guess == ColumnMap(text="text", id="id", date="date")
    assert shown.date_order == "mdy"
    assert [note.code for note in shown.warnings] == ["renamed_column"]


def test_choices_by_hand_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "reviews.txt"
    path.write_text("评论|id\n很好|1\n", encoding="gb18030")
    assert preview(path, FileOptions(encoding="gb18030", delimiter="|")).guess == ColumnMap(
        text="评论", id="id"
    )


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text("")
    with pytest.raises(FileError, match="empty"):
        preview(path)


def test_a_shared_file_shows_twenty_rows(shared_data: Path) -> None:
    shown = preview(shared_data / "womens_clothing.csv.gz")
    assert len(shown.rows) == 20
    assert not shown.errors
    assert not shown.warnings
