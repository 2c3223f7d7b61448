"""Days, weeks, months, quarters or years: which fit a span of time, and what each is called."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from flask_babel import format_date
from flask_babel import gettext as _

Unit = Literal["day", "week", "month", "quarter", "year"]
UNITS: tuple[Unit, ...] = ("day", "week", "month", "quarter", "year")
# The longest span, in days, that is still drawn by each unit: some thirty points.
LONGEST: dict[Unit, int] = {"day": 31, "week": 7 * 26, "month": 366 * 3, "quarter": 366 * 8}
MONTHS: dict[Unit, int] = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, order=True)
class Period:
    """From one day to another, both included."""

    start: date
    end: date


def fitting(first: date, last: date) -> Unit:
    """The unit that gives a chart of that span neither too many points nor too few."""
    days = (last - first).days + 1
    return next((unit for unit in UNITS if days <= LONGEST.get(unit, days)), "year")


def period_of(day: date, unit: Unit) -> Period:
    """The period that a day lies in; weeks begin on Mondays."""
    if unit == "day":
        return Period(day, day)
    if unit == "week":
        monday = day - timedelta(days=day.weekday())
        return Period(monday, monday + timedelta(days=6))
    months = MONTHS[unit]
    start = day.replace(month=(day.month - 1) // months * months + 1, day=1)
    return Period(start, _months_on(start, months) - timedelta(days=1))


def between(first: date, last: date, unit: Unit) -> Iterator[Period]:
    """Every period from the one of the first day to the one of the last."""
    period = period_of(first, unit)
    while period.start <= last:
        yield period
        period = period_of(period.end + timedelta(days=1), unit)


def period_words(period: Period, unit: Unit) -> str:
    """What a period is called: 3 Mar 2026 (a day, or the week from then on), Mar 2026, Q1 2026, 2026."""
    # The patterns are messages too: each language has its own order of day, month and year.
    patterns = {
        "month": _("MMM yyyy"),
        "quarter": _("QQQ yyyy"),
        "year": "yyyy",
    }
    return str(format_date(period.start, patterns.get(unit, _("d MMM yyyy"))))


def _months_on(start: date, months: int) -> date:
    count = start.month - 1 + months
    return start.replace(year=start.year + count // 12, month=count % 12 + 1)
