"""What a file looks like before anything of it is imported."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from webapp.importing.columns import ColumnMap
from webapp.importing.dates import DateOrder, guess_date_order
from webapp.importing.errors import FileNote, RowError
from webapp.importing.guess import guess_columns
from webapp.importing.review_file import FileOptions, Row, open_file

_GUESS_ROWS = 200


@dataclass(frozen=True)
class Preview:
    """The start of a file as it will be read."""

    encoding: str
    format: str  # csv, tsv or jsonl
    delimiter: str
    gzipped: bool
    columns: list[str]
    rows: list[Row]
    errors: list[RowError]  # among the rows looked at, which are a few more than those shown
    guess: ColumnMap
    date_order: DateOrder | None
    warnings: list[FileNote]


def preview(
    path: Path, options: FileOptions | None = None, rows: int = 20, name: str | None = None
) -> Preview:
    """The first rows of a file and what was found out about it; FileError where it cannot be read."""
    file = open_file(path, options, name)
    items = list(islice(file.rows(), max(rows, _GUESS_ROWS)))
    good = [item for item in items if isinstance(item, Row)]
    guess = guess_columns(file.columns, [row.cells for row in good])
    dates = [row.cells.get(guess.date or "", "") for row in good]
    return Preview(
        encoding=file.encoding,
        format=file.layout.kind,
        delimiter=file.layout.delimiter,
        gzipped=file.layout.gzipped,
        columns=file.columns,
        rows=good[:rows],
        errors=[item for item in items if isinstance(item, RowError)],
        guess=guess,
        date_order=guess_date_order(dates),
        warnings=file.notes,
    )


def choose_columns(
    path: Path, options: FileOptions, named: Mapping[str, str | None], name: str | None = None
) -> ColumnMap:
    """The columns named, the others guessed; a label column is never guessed: labels count as human."""
    guessed = asdict(preview(path, options, name=name).guess) | {"label": None}
    taken = set(filter(None, named.values()))
    free = {role: column for role, column in guessed.items() if column not in taken}
    return ColumnMap(**(free | {role: column for role, column in named.items() if column}))
