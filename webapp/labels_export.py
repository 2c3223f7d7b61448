"""The labelled data as CSV, JSON lines or Parquet, written as it comes."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, BinaryIO, Literal

Format = Literal["csv", "jsonl", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "jsonl", "parquet")
COLUMNS = (
    "id",
    "external_id",
    "text",
    "label",
    "annotator",
    "created_at",
    "seconds",
    "round",
    "model_version",
    "origin",
    "probability",
    "part",
)
# One row a review, its label agreed on.
CONSENSUS_COLUMNS = ("id", "external_id", "text", "label", "method", "confidence", "votes", "part")
# The last column of a CSV for spreadsheets, always empty: an import that finds it takes the guards off again.
GUARD_COLUMN = "winnow_guard"
# Without it spreadsheets read UTF-8 as something else.
BYTE_ORDER_MARK = "\ufeff"
_INTEGERS = frozenset({"id", "round", "model_version", "votes"})
_NUMBERS = frozenset({"seconds", "probability", "confidence"})
_CHUNK_ROWS = 1_000
_ROW_GROUP = 20_000

# What makes a spreadsheet take a cell for a formula, also behind spaces, invisible signs and quotes of ours.
_FORMULA = re.compile(r"[\s\0\ufeff\u200b]*[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]")
_GUARDED = re.compile(r"'+" + _FORMULA.pattern)
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?", re.ASCII)


def guard_cell(text: str) -> str:
    """The text so that no spreadsheet runs it as a formula: a ' before what looks like one; numbers stay.

    A text that looks guarded already gets one more ', so that strip_guard gives every text back.
    """
    dangerous = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if dangerous or _GUARDED.match(text) else text


def strip_guard(text: str) -> str:
    """The text as it was before guard_cell."""
    return text[1:] if _GUARDED.match(text) else text


def write_labels(
    rows: Iterable[Mapping[str, Any]],
    out: BinaryIO,
    format: Format,
    guard: bool = False,
    columns: Sequence[str] = COLUMNS,
) -> int:
    """Write rows with the keys of `columns`; the number written. `guard` makes a CSV for spreadsheets.

    CSV is UTF-8 with "\\n" line ends and quotes round every text, so that reading it gives the same strings.
    """
    counted = _Counted(rows)
    if format == "parquet":
        _write_parquet(counted, out, columns)
    else:
        for chunk in iter_bytes(counted, format, guard, columns):
            out.write(chunk)
    return counted.count


def iter_bytes(
    rows: Iterable[Mapping[str, Any]], format: Format, guard: bool = False, columns: Sequence[str] = COLUMNS
) -> Iterator[bytes]:
    """The CSV or JSON lines of write_labels in pieces, for a download.

    ValueError for Parquet: its index comes last, so it goes through a file.
    """
    if format not in ("csv", "jsonl"):
        raise ValueError(f"{format} cannot be sent in pieces: write it to a file and send that")
    rows = iter(rows)
    encode = _csv_encoder(guard, columns) if format == "csv" else partial(_jsonl, columns)
    if format == "csv":
        header = f"{BYTE_ORDER_MARK}{','.join((*columns, GUARD_COLUMN))}" if guard else ",".join(columns)
        yield f"{header}\n".encode()
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        yield encode(chunk).encode("utf-8")


class _Counted:
    """Rows in their column order and types, counted as they pass."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for row in self._rows:
            self.count += 1
            yield row


def _typed(row: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """The row in column order, each value of its column's type in all three formats."""
    return {column: _value(column, row[column]) for column in columns}


def _value(column: str, value: Any) -> int | float | str | None:
    if value is None:
        return None
    if column in _INTEGERS:
        return int(value)
    return float(value) if column in _NUMBERS else str(value)


def _csv_encoder(guard: bool, columns: Sequence[str]) -> Callable[[list[Mapping[str, Any]]], str]:
    def encode(rows: list[Mapping[str, Any]]) -> str:
        text = io.StringIO(newline="")
        # All texts quoted: Python 3.11's writer leaves a lone carriage return bare, and readers split there.
        writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        for row in rows:
            values = [*_typed(row, columns).values()]
            if guard:
                values = [*(guard_cell(each) if isinstance(each, str) else each for each in values), ""]
            writer.writerow(values)
        return text.getvalue()

    return encode


def _jsonl(columns: Sequence[str], rows: list[Mapping[str, Any]]) -> str:
    return "".join(
        json.dumps(_typed(row, columns), ensure_ascii=False, allow_nan=False) + "\n" for row in rows
    )


def _write_parquet(rows: Iterable[Mapping[str, Any]], out: BinaryIO, columns: Sequence[str]) -> None:
    import pyarrow  # here, since it is heavy and only this format needs it
    import pyarrow.parquet

    types = {
        column: pyarrow.int64()
        if column in _INTEGERS
        else pyarrow.float64()
        if column in _NUMBERS
        else pyarrow.string()
        for column in columns
    }
    schema = pyarrow.schema(list(types.items()))
    rows = iter(rows)
    with pyarrow.parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        while group := [_typed(row, columns) for row in islice(rows, _ROW_GROUP)]:
            writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))
