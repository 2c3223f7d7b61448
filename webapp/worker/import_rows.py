"""Rows of a file as reviews, in batches: read, masked, parsed, and without those of erased customers."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from webapp.importing import (
    ColumnMap,
    FileError,
    FileOptions,
    ParsedReview,
    ReviewFile,
    Row,
    RowError,
    guess_date_order,
    open_file,
    parse_review,
)
from webapp.instance import Instance
from webapp.masking import Masker, Masking
from webapp.store import erasures
from webapp.store.projects import Project
from webapp.subject_keys import SubjectKeys


class Screen:
    """What keeps people out of an import: the masks it was told to use, and the customers who were erased."""

    def __init__(self, instance: Instance, payload: dict[str, Any]) -> None:
        self._instance = instance
        masking = Masking.of(payload)
        self.masker = Masker(masking, SubjectKeys(instance).pseudonym) if masking.rules else None

    def refusals(self, db: Database, project: Project) -> Callable[[ParsedReview], RowError | None]:
        """Says of a review why it stays out, if it is an erased customer's; nobody quotes it."""
        erased = erasures.erased_customers(db, project.id)
        keys = SubjectKeys(self._instance) if erased else None

        def refusal(review: ParsedReview) -> RowError | None:
            if keys is None or not review.author_id or keys.customer(review.author_id) not in erased:
                return None
            message = f"Row {review.row} is by a customer who was erased, so it stays out."
            return RowError(review.row, "erased_customer", message)

        return refusal


def opened(path: Path, options: FileOptions, columns: ColumnMap, name: str | None) -> ReviewFile:
    """The file, with every column that was chosen; FileError where one is missing."""
    file = open_file(path, options, name)
    if not columns.text:
        raise FileError(
            "no_text_column", f"Choose the column that holds the text: {', '.join(file.columns)}."
        )
    chosen = {column for column in asdict(columns).values() if column}
    missing = sorted(chosen - set(file.columns))
    if missing:
        raise FileError(
            "missing_columns",
            f"The file has no column {', '.join(missing)}. It has: {', '.join(file.columns)}.",
        )
    return file


def batches(
    file: ReviewFile,
    project: Project,
    columns: ColumnMap,
    human_labels: bool,
    masker: Masker | None,
    size: int,
) -> Iterator[list[ParsedReview | RowError]]:
    """All rows, as reviews or what is wrong with them, masked before anything else is made of them."""
    labels = [label.name for label in project.labels]
    if not human_labels:
        columns = replace(columns, label=None)
    start = [
        row.cells.get(columns.date or "", "") for row in islice(file.rows(), 200) if isinstance(row, Row)
    ]
    order = guess_date_order(start)

    def parse(row: Row | RowError) -> ParsedReview | RowError:
        if masker is not None:
            return _masked(
                row, columns, masker, lambda row: parse_review(row, columns, labels, date_order=order)
            )
        return row if isinstance(row, RowError) else parse_review(row, columns, labels, date_order=order)

    parsed = map(parse, file.rows())
    while batch := list(islice(parsed, size)):
        yield batch


def _masked(
    row: Row | RowError,
    columns: ColumnMap,
    masker: Masker,
    parse: Callable[[Row], ParsedReview | RowError],
) -> ParsedReview | RowError:
    if isinstance(row, RowError):
        return replace(row, message=masker.text(row.message), excerpt=masker.excerpt(row.excerpt))
    masked = masker.row(row, columns)
    parsed = parse(masked.row)
    if isinstance(parsed, RowError):
        return parsed
    return replace(parsed, original=masked.original, masked=masked.rules)
