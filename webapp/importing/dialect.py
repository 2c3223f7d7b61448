"""Which format a file is in, by its content: CSV and its delimiter, or JSON lines."""

import csv
import io
import json
from dataclasses import dataclass
from typing import Literal

from webapp.importing.encoding import decode_sample, detect_encoding
from webapp.importing.errors import FileError
from webapp.importing.unpacking import GZIP_MAGIC, unpack_head

Kind = Literal["csv", "tsv", "jsonl"]
KINDS: tuple[Kind, ...] = ("csv", "tsv", "jsonl")
DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_ROWS = 100

_OTHER_FORMATS = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"PAR1", "a Parquet file"),
    (b"%PDF", "a PDF document"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"SQLite format 3\x00", "a SQLite database"),
)


@dataclass(frozen=True)
class FileFormat:
    """How a file is laid out."""

    kind: Kind
    delimiter: str  # "" for JSON lines
    gzipped: bool
    quoted: bool = True  # False: a quote is a character like any other, as in many TSV files


def detect_format(name: str, head: bytes) -> FileFormat:
    """The format of a file from its name and its first bytes; the name only settles what they leave open."""
    gzipped = head.startswith(GZIP_MAGIC)
    unpacked = unpack_head(head)
    refuse_other_formats(unpacked)
    return format_of_text(name, decode_sample(unpacked, detect_encoding(unpacked)), gzipped)


def refuse_other_formats(head: bytes) -> None:
    """Raise FileError for the start of a file that holds no lines of text."""
    if head.startswith(GZIP_MAGIC):
        raise FileError(
            "unknown_format", "The file is packed with gzip twice. Unpack it once and import that."
        )
    for magic, what in _OTHER_FORMATS:
        if head.startswith(magic):
            message = f"This is {what}. Save or unpack it as CSV (UTF-8), TSV or JSON lines and import that."
            raise FileError("unknown_format", message)


def named_delimiter(line: str) -> str | None:
    """The delimiter that a first line for Excel names, as `sep=;` does; None where the line is no such line."""
    line = line.removeprefix("\ufeff").rstrip("\r\n").casefold()
    return next((each for each in DELIMITERS if line == f"sep={each}"), None)


def format_of_text(name: str, sample: str, gzipped: bool, kind: Kind | None = None) -> FileFormat:
    """The format of a file with this name and this start; a kind given by hand is kept."""
    name = name.casefold().removesuffix(".gz")
    start, _, rest = sample.partition("\n")
    named = named_delimiter(start)
    if named:
        sample = rest
    first = next((line for line in sample.removeprefix("\ufeff").split("\n") if line.strip()), "")
    if kind == "jsonl" or (kind is None and _is_json_object(first, name)):
        return FileFormat("jsonl", "", gzipped)
    if kind is None and first.lstrip().startswith("[") and name.endswith((".json", ".jsonl", ".ndjson")):
        message = "This is one JSON array. Write one object a line, for instance with: jq -c '.[]' FILE"
        raise FileError("unknown_format", message)
    candidates = sorted(DELIMITERS, key=lambda d: d != "\t") if name.endswith(".tsv") else list(DELIMITERS)
    if named:
        candidates = [named]
    if kind == "tsv":
        candidates = ["\t"]
    delimiter = max(candidates, key=lambda d: _fit(sample, d, quoted=True))
    quoted = _fit(sample, delimiter, quoted=True) >= _fit(sample, delimiter, quoted=False)
    return FileFormat(
        kind or ("tsv" if delimiter == "\t" else "csv"), delimiter, gzipped, quoted or delimiter != "\t"
    )


def is_quoted(sample: str, delimiter: str) -> bool:
    """Whether quotes enclose fields in a file with this start; only a TSV file may do without."""
    return delimiter != "\t" or _fit(sample, delimiter, quoted=True) >= _fit(sample, delimiter, quoted=False)


def _is_json_object(line: str, name: str) -> bool:
    if not line.lstrip().startswith("{"):
        return False
    if name.endswith((".jsonl", ".ndjson", ".json")):
        return True
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _fit(sample: str, delimiter: str, quoted: bool) -> tuple[bool, float, int]:
    """How well a delimiter fits: whether the header has it, the share of rows as wide, the width."""
    lines = io.StringIO(sample.removeprefix("\ufeff"), newline="")
    rows = csv.reader(
        lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=True
    )
    widths: list[int] = []
    while len(widths) < _SAMPLE_ROWS:
        try:
            cells = next(rows)
        except StopIteration:
            break
        except csv.Error:
            cells = []
            widths.append(0)
        if cells:
            widths.append(len(cells))
    if len(widths) > 2:
        del widths[-1]  # the sample may end in the middle of it
    if not widths:
        return False, 0.0, 0
    return widths[0] > 1, round(widths.count(widths[0]) / len(widths), 2), widths[0]
