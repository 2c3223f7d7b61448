"""The rows that were refused, as a CSV file for people to repair them by."""

import csv
import os
from pathlib import Path
from types import TracebackType

from webapp.importing.errors import RowError
from webapp.labels_export import guard_cell

COLUMNS = ("row", "reason", "message", "excerpt")


class ErrorFile:
    """Writes each refused row as it comes; `count` says how many. Used in a with statement.

    `kept`: how much of the file of an import that was interrupted counts, as `keep` said. What it wrote beyond comes
    again; where an erasure has removed the file, a new one begins.
    """

    def __init__(self, path: Path, kept: int = 0) -> None:
        goes_on = kept > 0 and path.is_file() and path.stat().st_size >= kept
        if goes_on:
            os.truncate(path, kept)
        # The byte-order mark makes spreadsheets read it as UTF-8.
        mode, encoding = ("a", "utf-8") if goes_on else ("w", "utf-8-sig")
        self._file = path.open(mode, encoding=encoding, errors="backslashreplace", newline="")
        self._writer = csv.writer(self._file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        if not goes_on:
            self._writer.writerow(COLUMNS)
        self.count = 0

    def write(self, error: RowError) -> None:
        """Add a row. It is for spreadsheets, so nothing in it can be taken for a formula."""
        self._writer.writerow([error.row, error.code, guard_cell(error.message), guard_cell(error.excerpt)])
        self.count += 1

    def keep(self) -> int:
        """Let a kill take nothing of what was written so far; the size of the file."""
        self._file.flush()
        return os.fstat(self._file.fileno()).st_size

    def __enter__(self) -> "ErrorFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
