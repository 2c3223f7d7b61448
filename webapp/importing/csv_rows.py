"""CSV records one by one, in bounded memory; a record that cannot be read costs only itself."""

import csv
from collections import deque
from collections.abc import Iterator
from typing import TextIO

from webapp.importing.encoding import UNDECODABLE
from webapp.importing.errors import RowError

MAX_FIELD = 1_000_000  # characters; a review may have a tenth of that
MAX_RECORD = 4_000_000
EXCERPT = 200
# What may be read a second time beyond what was read a first time: keeps a hostile file linear.
_REPLAY_ALLOWANCE = 8_000_000


class _TooLong(Exception):
    """A line or a record is over its limit."""


class _Lines:
    """Physical lines for csv.reader, with the current record's lines kept so that they can be read again."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._ahead: deque[str | None] = deque()  # None: a line over the limit, left out
        self._read = self._replayed = self._size = 0
        self.record: list[str | None] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def start_record(self) -> None:
        self.record.clear()
        self._size = 0

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else self._read_line()
        if line == "":
            raise StopIteration
        self.record.append(line)
        if line is None:
            raise _TooLong
        self._size += len(line)
        if self._size > MAX_RECORD:
            raise _TooLong
        return line

    def _read_line(self) -> str | None:
        line = self._stream.readline(MAX_RECORD)
        self._read += len(line)
        if len(line) < MAX_RECORD or line[-1] in "\r\n":
            return line
        while (piece := self._stream.readline(MAX_RECORD)) and piece[-1] not in "\r\n":
            pass
        return None

    def read_again(self) -> int:
        """Give back all lines of the record but its first; the number of lines that are lost instead."""
        rest = self.record[1:]
        cost = sum(len(line or "") for line in rest)
        if self._replayed + cost > self._read + _REPLAY_ALLOWANCE:
            return len(rest)
        self._replayed += cost
        self._ahead.extendleft(reversed(rest))
        return 0


def csv_records(stream: TextIO, delimiter: str, quoted: bool) -> Iterator[tuple[int, list[str]] | RowError]:
    """(row number, fields) of each record, the first being 1; RowError where one cannot be read.

    The stream must keep line ends as they are (newline=""). Blank lines are counted and left out.
    Quotes are read strictly: a lenient reader would alter texts without a word. After an error the
    reader goes on with the next line, so that one stray quote cannot swallow the rest of the file.
    """
    csv.field_size_limit(MAX_FIELD)  # of the whole process; nothing else here reads CSV with larger fields
    lines = _Lines(stream)
    reader = csv.reader(
        lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=True
    )
    number = 0
    while True:
        lines.start_record()
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _TooLong) as error:
            lost = lines.read_again()
            yield _record_error(number, error, lines.record, lost)
            continue
        if any(UNDECODABLE in line for line in lines.record if line):
            yield undecodable(number, "".join(line for line in lines.record if line))
        elif cells:
            yield number, cells


def undecodable(number: int, line: str) -> RowError:
    """The error of a record with bytes that are no text in the chosen encoding."""
    message = f"Row {number} holds bytes that are no text in this encoding. Choose another one or repair it."
    return RowError(number, "undecodable", message, line[:EXCERPT].replace(UNDECODABLE, "\ufffd"))


def _record_error(number: int, error: Exception, record: list[str | None], lost: int) -> RowError:
    excerpt = (record[0] or "")[:EXCERPT].replace(UNDECODABLE, "\ufffd")
    reason = str(error)
    after = f" The {lost} lines after it were left out." if lost else " Reading went on with the next line."
    if len(record) > 1 and ("unexpected end of data" in reason or _over_limit(error)):
        message = f"Row {number} opens a quote that is not closed within {MAX_FIELD:,} characters.{after}"
        if "unexpected end" in reason:
            message = f"Row {number} opens a quote that is never closed.{after}"
        return RowError(number, "unclosed_quote", message, excerpt)
    if "unexpected end of data" in reason:
        return RowError(
            number, "unclosed_quote", f"Row {number} opens a quote that is never closed.", excerpt
        )
    if _over_limit(error):
        message = f"Row {number} has a field over {MAX_FIELD:,} characters, or over {MAX_RECORD:,} in all."
        return RowError(number, "field_too_long", message, excerpt)
    message = f"Row {number}: the quotes do not match. Inside a quoted field a quote is written twice.{after}"
    return RowError(number, "bad_quotes", message, excerpt)


def _over_limit(error: Exception) -> bool:
    return isinstance(error, _TooLong) or "field limit" in str(error)
