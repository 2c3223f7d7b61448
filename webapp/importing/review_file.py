"""A file of reviews, opened: its columns, and its rows as a stream."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from webapp.importing.csv_rows import EXCERPT, csv_records
from webapp.importing.dialect import (
    KINDS,
    FileFormat,
    format_of_text,
    is_quoted,
    named_delimiter,
    refuse_other_formats,
)
from webapp.importing.encoding import (
    HEAD_BYTES,
    MARK_UNDECODABLE,
    UNDECODABLE,
    decode_sample,
    detect_encoding,
    usable_encoding,
)
from webapp.importing.errors import FileError, FileNote, RowError
from webapp.importing.jsonl_rows import jsonl_records
from webapp.importing.unpacking import UnpackedFile
from webapp.labels_export import GUARD_COLUMN, strip_guard

MAX_COLUMNS = 500
_SAMPLE_ROWS = 200
_NEARLY_ALL = 0.9
_BUFFER = 256 * 1024


@dataclass(frozen=True)
class FileOptions:
    """How to read a file; None is found out from its content."""

    encoding: str | None = None
    format: str | None = None  # csv, tsv or jsonl
    delimiter: str | None = None
    max_bytes: int = 4 * 2**30  # unpacked
    max_ratio: int = 200  # unpacked to packed, of gzip


class Row(NamedTuple):
    """One row that could be read. A spreadsheet shows the same number: the header is row 1."""

    number: int  # of JSON lines: the line
    cells: dict[str, str]


class ReviewFile:
    """A file whose encoding, format and columns are known. Made by open_file."""

    def __init__(self, path: Path, encoding: str, layout: FileFormat, options: FileOptions) -> None:
        self.path, self.encoding, self.layout = path, encoding, layout
        self.size = path.stat().st_size  # bytes on disk
        self.bytes_read = 0  # of those, by the latest rows(): for progress
        self.columns: list[str] = []
        self.notes: list[FileNote] = []
        self._options = options
        self._guard: int | None = None  # where a spreadsheet of ours says that its cells are guarded
        self._nameless = ""  # what stands for an empty key of JSON lines

    def rows(self) -> Iterator[Row | RowError]:
        """Each row from the start, in bounded memory; FileError where the file proves damaged or too big."""
        with self._stream() as (raw, text):
            for item in self._read(text):
                self.bytes_read = raw.bytes_read
                yield item
        self.bytes_read = self.size

    @contextmanager
    def _stream(self) -> Iterator[tuple[UnpackedFile, io.TextIOWrapper]]:
        raw = UnpackedFile(self.path, self._options.max_bytes, self._options.max_ratio)
        newline = "\n" if self.layout.kind == "jsonl" else ""
        with io.TextIOWrapper(
            io.BufferedReader(raw, _BUFFER), encoding=self.encoding, errors=MARK_UNDECODABLE, newline=newline
        ) as text:
            try:
                yield raw, text
            except UnicodeError as error:
                message = f"The file cannot be read as {self.encoding} ({error}). Choose another encoding."
                raise FileError("undecodable", message) from error

    def _read(self, text: io.TextIOWrapper) -> Iterator[Row | RowError]:
        return self._read_json(text) if self.layout.kind == "jsonl" else self._read_csv(text)

    def _read_json(self, text: io.TextIOWrapper) -> Iterator[Row | RowError]:
        for record in jsonl_records(text):
            if isinstance(record, RowError):
                yield record
            else:  # a key that a line leaves out is an empty field
                cells = {key or self._nameless: value for key, value in record[1].items()}
                yield Row(record[0], dict.fromkeys(self.columns, "") | cells)

    def _read_csv(self, text: io.TextIOWrapper) -> Iterator[Row | RowError]:
        records = csv_records(text, self.layout.delimiter, self.layout.quoted)
        header = next(records, None)
        if isinstance(header, tuple) and named_delimiter(self.layout.delimiter.join(header[1])):
            header = next(records, None)
        self._set_header(header)
        width = len(self.columns) + (self._guard is not None)
        for record in records:
            if isinstance(record, RowError):
                yield record
            elif len(record[1]) == width:
                yield Row(record[0], dict(zip(self.columns, self._unguarded(record[1]), strict=True)))
            else:
                yield self._ragged(*record, width)

    def _unguarded(self, cells: list[str]) -> list[str]:
        if self._guard is None:
            return cells
        return [strip_guard(cell) for place, cell in enumerate(cells) if place != self._guard]

    def _ragged(self, number: int, cells: list[str], columns: int) -> RowError:
        message = f"Row {number} has {len(cells)} fields, the header has {columns}."
        return RowError(number, "ragged", message, self.layout.delimiter.join(cells[:50])[:EXCERPT])

    def _set_header(self, record: tuple[int, list[str]] | RowError | None) -> None:
        if self.columns:
            return
        if record is None:
            raise FileError("empty", "The file is empty. It needs a header line and a row for each review.")
        if isinstance(record, RowError):
            raise FileError("bad_header", f"The header cannot be read. {record.message}")
        names = record[1]
        if len(names) > MAX_COLUMNS:
            message = f"The header has {len(names):,} columns; at most {MAX_COLUMNS} can be read."
            raise FileError("too_many_columns", message)
        if any("\0" in name for name in names):
            raise FileError(
                "undecodable", f"The header is no text in {self.encoding}. Choose another encoding."
            )
        if GUARD_COLUMN in names and len(names) > 1:
            self._guard = names.index(GUARD_COLUMN)
            names = [name for place, name in enumerate(names) if place != self._guard]
            self.notes.append(
                FileNote("guarded", "A spreadsheet of Winnow's: the guards before formulas are taken off.")
            )
        self.columns = self._unique(names)

    def _unique(self, names: list[str]) -> list[str]:
        taken: set[str] = set(names)
        columns: list[str] = []
        for position, name in enumerate(names, start=1):
            unique, count = name or f"column_{position}", 2
            while unique in columns or (unique != name and unique in taken):
                unique, count = f"{name or f'column_{position}'}_{count}", count + 1
            if unique != name:
                what = f"is called “{name}” as an earlier one is" if name else "has no name"
                message = f"Column {position} {what}; here it is “{unique}”."
                self.notes.append(FileNote("renamed_column", message))
            columns.append(unique)
        return columns

    def check_start(self) -> None:
        """Learn the columns from the first rows; FileError where hardly any of them can be read."""
        with self._stream() as (_, text):
            sample = list(islice(self._read(text), _SAMPLE_ROWS))
        errors = [item for item in sample if isinstance(item, RowError)]
        if not sample:
            raise FileError("no_rows", "The file has a header and no rows below it.")
        if len(sample) >= 3 and sum(e.code == "undecodable" for e in errors) >= _NEARLY_ALL * len(sample):
            message = f"Hardly a row is text in {self.encoding}. Choose another encoding."
            raise FileError("undecodable", message)
        if len(sample) >= 20 and len(errors) == len(sample):
            message = (
                f"None of the first {len(sample)} rows can be read as {self.layout.kind}. {errors[0].message}"
            )
            raise FileError("unreadable_rows", message)
        if self.layout.kind == "jsonl":
            self._learn_keys([item for item in sample if isinstance(item, Row)])

    def _learn_keys(self, rows: list[Row]) -> None:
        keys = list(dict.fromkeys(key for row in rows for key in row.cells))
        if not keys:
            raise FileError("no_rows", "None of the first lines is a JSON object with keys.")
        if len(keys) > MAX_COLUMNS:
            raise FileError(
                "too_many_columns", f"The lines have over {MAX_COLUMNS} different keys between them."
            )
        self.columns = self._unique(keys)
        self._nameless = dict(zip(keys, self.columns, strict=True)).get("", f"column_{len(keys) + 1}")


def open_file(path: Path, options: FileOptions | None = None, name: str | None = None) -> ReviewFile:
    """Find out how a file is to be read, and read its first rows to see that it can be.

    `name` is the name it had before it was uploaded. FileError says what is wrong and what to do.
    """
    options = options or FileOptions()
    with UnpackedFile(path, options.max_bytes, options.max_ratio) as raw:
        head, gzipped = io.BufferedReader(raw, HEAD_BYTES).read(HEAD_BYTES), raw.gzipped
    if not head.strip():
        raise FileError("empty", "The file is empty. It needs a header line and a row for each review.")
    refuse_other_formats(head)
    encoding = usable_encoding(options.encoding) if options.encoding else detect_encoding(head)
    sample = decode_sample(head, encoding)
    if sample.startswith("\ufeff") and encoding not in ("utf-8", "utf-8-sig"):
        # Chosen with its byte order, as utf-16-le: the plain name reads the mark and leaves it out.
        encoding = encoding.removesuffix("-le").removesuffix("-be")
    file = ReviewFile(path, encoding, _layout(name or path.name, sample, gzipped, options), options)
    if UNDECODABLE in sample:
        file.notes.append(
            FileNote("undecodable", f"Some rows are no text in {encoding}: is it the right encoding?")
        )
    file.check_start()
    return file


def _layout(name: str, sample: str, gzipped: bool, options: FileOptions) -> FileFormat:
    kind = next((known for known in KINDS if known == options.format), None)
    if options.format and kind is None:
        raise FileError("unknown_format", f"There is no format “{options.format}”. Choose csv, tsv or jsonl.")
    delimiter = options.delimiter
    if delimiter is None or kind == "jsonl":
        return format_of_text(name, sample, gzipped, kind)
    if len(delimiter) != 1 or delimiter in '"\r\n\0 ' or delimiter == "\ufeff":
        raise FileError("bad_delimiter", "A delimiter is one character such as , or ; or a tab.")
    return FileFormat(
        kind or ("tsv" if delimiter == "\t" else "csv"), delimiter, gzipped, is_quoted(sample, delimiter)
    )
