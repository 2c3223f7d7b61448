"""Dates of reviews, as people and shops write them."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Literal

DateOrder = Literal["dmy", "mdy"]

_FIRST_YEAR, _LAST_YEAR = 1990, 2100
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: n for n, name in enumerate(_MONTH_NAMES, start=1)}
_YEAR_FIRST = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})日?(?!\d)\s*(.*)", re.DOTALL)
_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})(?!\d)")
_SLASHED = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4}|\d{2})(?!\d)")
_AMAZON = re.compile(r"(\d{1,2}) (\d{1,2}), (\d{4})")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[ -]([A-Za-z]{3,9})\.?,?[ -](\d{4}|\d{2})(?!\d)")
_SECONDS = re.compile(r"\d{10}|\d{13}")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s|$)")


@lru_cache(maxsize=4096)
def parse_date(text: str, order: DateOrder | None = None) -> str | None:
    """The date as ISO 8601: YYYY-MM-DD, with THH:MM:SS where there is a time, then Z where a zone is known.

    None where it is no date from 1990 on, or where 5/1/2016 may be May or January and `order` is not given.
    01.05.2016 is always the first of May; ten or thirteen digits are seconds or milliseconds since 1970.
    """
    text = unicodedata.normalize("NFKC", text).strip()
    if not text or len(text) > 64 or not any(c.isdigit() for c in text):
        return None
    try:
        return _iso(text) or _with_year_first(text) or _spelled(text) or _slashed(text, order)
    except (ValueError, OverflowError):  # 31 February, hour 25, year 20160
        return None


def guess_date_order(values: Iterable[str]) -> DateOrder | None:
    """Whether day or month comes first in a column of 5/13/2016; None where rows tell nothing or disagree."""
    seen: set[DateOrder] = set()
    for value in values:
        if match := _SLASHED.match(value.strip()):
            first, second = int(match[1]), int(match[2])
            if first > 12 >= second:
                seen.add("dmy")
            elif second > 12 >= first:
                seen.add("mdy")
    return seen.pop() if len(seen) == 1 else None


def _iso(text: str) -> str | None:
    if _SECONDS.fullmatch(text):
        seconds = int(text) if len(text) == 10 else int(text) // 1000
        return _written(datetime.fromtimestamp(seconds, UTC))
    if not re.match(r"\d{4}-?\d\d-?\d\d(?:[T ]|$)", text, re.ASCII):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _written(moment if len(text) > 10 else moment.date())


def _with_year_first(text: str) -> str | None:
    if not (match := _YEAR_FIRST.fullmatch(text)):
        return None
    day = date(int(match[1]), int(match[2]), int(match[3]))
    if time := _TIME.match(match[4]):
        # The file does not tell the zone of such a time, so none is made up.
        clock = (int(time[1]), int(time[2]), int(time[3] or 0))
        return _written(datetime(day.year, day.month, day.day, *clock))  # noqa: DTZ001
    return _written(day)


def _spelled(text: str) -> str | None:
    if match := _DOTTED.match(text):
        return _written(date(int(match[3]), int(match[2]), int(match[1])))
    if match := _AMAZON.fullmatch(text):
        return _written(date(int(match[3]), int(match[1]), int(match[2])))
    if (match := _MONTH_FIRST.match(text)) and (month := _MONTHS.get(match[1][:3].casefold())):
        return _written(date(int(match[3]), month, int(match[2])))
    if (match := _DAY_FIRST.match(text)) and (month := _MONTHS.get(match[2][:3].casefold())):
        return _written(date(_year(match[3]), month, int(match[1])))
    return None


def _slashed(text: str, order: DateOrder | None) -> str | None:
    if not (match := _SLASHED.match(text)):
        return None
    first, second, year = int(match[1]), int(match[2]), _year(match[3])
    if first > 12 or second > 12:
        order = "dmy" if first > 12 else "mdy"
    if order is None and first != second:
        return None
    day, month = (second, first) if order == "mdy" else (first, second)
    return _written(date(year, month, day))


def _year(digits: str) -> int:
    return int(digits) if len(digits) == 4 else 2000 + int(digits)


def _written(moment: date | datetime) -> str | None:
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        return None
    if not isinstance(moment, datetime):
        return moment.isoformat()
    if moment.tzinfo is None:
        return moment.isoformat(timespec="seconds")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
