import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from sqlite_utils import Database

from webapp.instance import Instance

Winnow = Callable[..., Result]


@pytest.fixture
def phones(winnow: Winnow, db: Database) -> dict[str, int]:
    assert winnow("project", "create", "Phones").exit_code == 0
    return project_row(winnow)


def project_row(winnow: Winnow) -> dict[str, int]:
    (row,) = json.loads(winnow("project", "list", "--json").stdout)
    counts: dict[str, int] = row
    return counts


def test_columns_are_guessed_and_labels_left_out(winnow: Winnow, phones: object, reviews_file: Path) -> None:
    result = winnow("import", "Phones", reviews_file)
    assert result.exit_code == 0, result.output
    assert "text: text" in result.stdout and "rating: stars" in result.stdout
    assert "label: label" not in result.stdout
    assert (project_row(winnow)["reviews"], project_row(winnow)["labelled"]) == (60, 0)


def test_a_named_label_column_is_human(winnow: Winnow, phones: object, reviews_file: Path) -> None:
    winnow("import", "Phones", reviews_file, "--label", "label")
    assert project_row(winnow)["labelled"] == 60


def test_a_dry_run_counts_and_changes_nothing(winnow: Winnow, phones: object, reviews_file: Path) -> None:
    result = winnow("import", "Phones", reviews_file, "--dry-run")
    assert "60 reviews would come in" in result.stdout
    assert project_row(winnow)["reviews"] == 0


def test_a_second_import_finds_only_duplicates(winnow: Winnow, phones: object, reviews_file: Path) -> None:
    winnow("import", "Phones", reviews_file)
    assert "60 duplicates" in winnow("import", "Phones", reviews_file).stdout


def test_bad_rows_are_counted_by_reason_and_written_down(
    winnow: Winnow, phones: object, tmp_path: Path, instance: object
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("text,stars\ngood phone,5\n,1\nbad phone,1,extra\n", "utf-8")
    result = winnow("import", "Phones", file)
    assert "1 empty, 1 rejected" in result.stdout
    errors = Path(result.stdout.split("Refused rows by number: ")[1].strip())
    assert "ragged" in errors.read_text("utf-8-sig")


def test_a_missing_column_is_said(winnow: Winnow, phones: object, reviews_file: Path) -> None:
    result = winnow("import", "Phones", reviews_file, "--text", "body")
    assert result.exit_code == 1
    assert "no column body" in result.stderr


def test_an_empty_file_is_said(winnow: Winnow, phones: object, tmp_path: Path) -> None:
    file = tmp_path / "empty.csv"
    file.touch()
    result = winnow("import", "Phones", file)
    assert result.exit_code == 1
    assert "empty" in result.stderr


def test_a_missing_file_is_wrong_usage(winnow: Winnow, phones: object) -> None:
    assert winnow("import", "Phones", "no-such-file.csv").exit_code == 2


def test_an_import_that_cannot_begin_leaves_no_copy_of_the_file(
    winnow: Winnow, phones: object, db: Database, instance: Instance, reviews_file: Path
) -> None:
    db.execute("UPDATE users SET disabled_at = '2026'")
    db.conn.commit()
    result = winnow("import", "Phones", reviews_file)
    assert result.exit_code == 1 and "no active admin" in result.stderr
    assert list(instance.uploads.iterdir()) == []
