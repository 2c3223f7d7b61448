"""One row of a file, as a review of a project."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from webapp.importing.columns import ColumnMap
from webapp.importing.dates import DateOrder, parse_date
from webapp.importing.errors import RowError
from webapp.importing.languages import parse_language
from webapp.importing.review_file import Row

Value = TypeVar("Value")

MAX_TEXT = 100_000  # characters
# What a split column may say, and the part of the project it means.
PARTS = {
    **dict.fromkeys(("train", "training", "pool", "训练", "训练集"), "pool"),
    **dict.fromkeys(("test", "testing", "holdout", "hold-out", "测试", "测试集"), "holdout"),
    **dict.fromkeys(("dev", "val", "valid", "validation", "development", "验证", "验证集"), "validation"),
}
# Notes on a review that was read all the same; what could not be understood stays in `extra`.
REVIEW_NOTES = {
    "bad_rating": "the rating is no number from 1 to 5",
    "bad_date": "the date cannot be told",
    "unknown_label": "the label is none of the project's",
    "bad_language": "the language cannot be told",
}

_RATING = re.compile(
    r"(\d(?:[.,]\d+)?)\s*(?:stars?|星|分|/\s*5(?:\.0)?|(?:out )?of 5(?:\.0)?(?: stars?)?)?", re.I
)
_STARS = re.compile(r"(★{1,5})☆*|(⭐{1,5})")
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
_BLANK = re.compile(rf"[\s{_INVISIBLE}]*")
_EXCERPT = 200


@dataclass(frozen=True, slots=True)
class ParsedReview:
    """A row that can be stored. The text is exactly that of the file, but for masks."""

    row: int
    external_id: str | None
    text: str
    rating: float | None  # 1 to 5
    product_id: str | None
    author_id: str | None
    reviewed_at: str | None  # ISO 8601, see parse_date
    category: str | None
    label: str | None  # one of the project's
    part: str | None  # pool, holdout, validation; None: the project draws it
    extra: dict[str, str]  # every other column
    notes: tuple[str, ...]  # keys of REVIEW_NOTES
    language: str | None = None  # a code such as en; None: the project's
    original: str | None = None  # the text before masking, where it is to be kept
    masked: tuple[str, ...] = ()  # the rule of each mask


def parse_review(
    row: Row, columns: ColumnMap, labels: Sequence[str], *, date_order: DateOrder | None = None
) -> ParsedReview | RowError:
    """The review in a row, or why there is none. `labels` are the project's; case does not matter."""
    cells = row.cells
    text = cells.get(columns.text or "", "")
    if error := _refusal(row, text):
        return error
    part_name = cells.get(columns.split or "", "").strip()
    if part_name and part_name.casefold() not in PARTS:
        message = f"Row {row.number}: the split “{part_name[:40]}” is none of train, test, validation."
        return RowError(row.number, "bad_split", message, text[:_EXCERPT])
    read = _Cells(cells)
    return ParsedReview(
        row=row.number,
        external_id=read.exact(columns.id),
        text=read.exact(columns.text) or "",
        rating=read.understood(columns.rating, parse_rating, "bad_rating"),
        product_id=read.exact(columns.product),
        author_id=read.exact(columns.author),
        reviewed_at=read.understood(columns.date, lambda value: parse_date(value, date_order), "bad_date"),
        category=read.exact(columns.category),
        label=read.understood(columns.label, _by_name(tuple(labels)), "unknown_label"),
        language=read.understood(columns.language, parse_language, "bad_language"),
        part=PARTS.get((read.exact(columns.split) or "").strip().casefold()),
        extra=read.others(),
        notes=tuple(read.notes),
    )


@lru_cache(maxsize=4096)
def parse_rating(text: str) -> float | None:
    """Stars from 1 to 5, from "4", "4,5", "4.0 out of 5 stars", "4星" or "★★★★☆"; None for anything else."""
    text = unicodedata.normalize("NFKC", text).strip()
    if match := _STARS.fullmatch(text):
        return float(len(match[1] or match[2]))
    if not (match := _RATING.fullmatch(text)):
        return None
    stars = float(match[1].replace(",", "."))
    return stars if 1 <= stars <= 5 else None


class _Cells:
    """The cells of a row, and which of them have found their place in the review."""

    def __init__(self, cells: Mapping[str, str]) -> None:
        self._cells = cells
        self._placed: set[str] = set()
        self.notes: list[str] = []

    def exact(self, column: str | None) -> str | None:
        """A cell as it is; None where it is empty."""
        if column is None:
            return None
        self._placed.add(column)
        return self._cells.get(column) or None

    def understood(self, column: str | None, parse: Callable[[str], Value | None], note: str) -> Value | None:
        """What a cell means; one that means nothing is noted and stays among the others."""
        raw = self._cells.get(column or "", "").strip()
        value = parse(raw) if raw else None
        if value is not None or not raw:
            self._placed.add(column or "")
        else:
            self.notes.append(note)
        return value

    def others(self) -> dict[str, str]:
        return {column: value for column, value in self._cells.items() if column not in self._placed}


@lru_cache(maxsize=64)
def _by_name(labels: tuple[str, ...]) -> Callable[[str], str | None]:
    known = {label.strip().casefold(): label for label in labels}
    return lambda name: known.get(name.casefold())


def _refusal(row: Row, text: str) -> RowError | None:
    if _BLANK.fullmatch(text):
        return RowError(row.number, "empty", f"Row {row.number} has no text.")
    if len(text) > MAX_TEXT:
        message = f"Row {row.number} has a text of {len(text):,} characters; a review may have {MAX_TEXT:,}."
        return RowError(row.number, "too_long", message, text[:_EXCERPT])
    for column, value in row.cells.items():
        if not _storable(value) or not _storable(column):
            message = f"Row {row.number} holds a NUL or half a character pair in column {column[:40]!a}."
            return RowError(row.number, "bad_text", message, text[:_EXCERPT])
    return None


def _storable(value: str) -> bool:
    """SQLite cuts text at a NUL in places, and UTF-8 has no lone surrogates."""
    if "\0" in value:
        return False
    try:
        return value.isascii() or bool(value.encode("utf-8"))
    except UnicodeEncodeError:
        return False
