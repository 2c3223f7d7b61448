"""The rows that were refused, as a CSV file for people to repair them by."""

import csv
from pathlib import Path
from types import TracebackType

from webapp.importing.errors import RowError
from webapp.labels_export import guard_cell

COLUMNS = ("row", "reason", "message", "excerpt")


class ErrorFile:
    """Writes each refused row as it comes; `count` says how many. Used in a with statement.

    `append` goes on with the file of an import that was interrupted.
    """

    def __init__(self, path: Path, append: bool = False) -> None:
        # The byte-order mark makes spreadsheets read it as UTF-8.
        mode, encoding = ("a", "utf-8") if append else ("w", "utf-8-sig")
        self._file = path.open(mode, encoding=encoding, errors="backslashreplace", newline="")
        self._writer = csv.writer(self._file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        if not append:
            self._writer.writerow(COLUMNS)
        self.count = 0

    def write(self, error: RowError) -> None:
        """Add a row. It is for spreadsheets, so nothing in it can be taken for a formula."""
        self._writer.writerow([error.row, error.code, guard_cell(error.message), guard_cell(error.excerpt)])
        self.count += 1

    def __enter__(self) -> "ErrorFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
