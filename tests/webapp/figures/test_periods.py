"""Periods: which fit a span of time, where they begin and end, what they are called."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from flask import Flask
from flask_babel import force_locale

from webapp.figures.periods import Period, Unit, between, fitting, period_of, period_words

DAY = date(2026, 2, 18)


@pytest.mark.parametrize(
    ("days", "unit"),
    [
        (1, "day"), (31, "day"), (32, "week"), (182, "week"), (183, "month"), (1098, "month"), (1099, "quarter"),
        (2928, "quarter"), (2929, "year"), (30_000, "year"),
    ],
)  # fmt: skip
def test_the_longer_the_span_the_longer_the_unit(days: int, unit: Unit) -> None:
    assert fitting(DAY, DAY + timedelta(days=days - 1)) == unit


@pytest.mark.parametrize(
    ("unit", "start", "end"),
    [
        ("day", DAY, DAY),
        ("week", date(2026, 2, 16), date(2026, 2, 22)),
        ("month", date(2026, 2, 1), date(2026, 2, 28)),
        ("quarter", date(2026, 1, 1), date(2026, 3, 31)),
        ("year", date(2026, 1, 1), date(2026, 12, 31)),
    ],
)
def test_a_period_has_its_first_and_its_last_day(unit: Unit, start: date, end: date) -> None:
    assert period_of(DAY, unit) == Period(start, end)
    assert period_of(end, unit) == period_of(start, unit) == Period(start, end)


@pytest.mark.parametrize("unit", ["day", "week", "month", "quarter", "year"])
def test_periods_follow_each_other_without_a_gap(unit: Unit) -> None:
    last = date(2029, 11, 30)
    found = list(between(DAY, last, unit))
    assert found[0].start <= DAY <= found[0].end and found[-1].start <= last <= found[-1].end
    assert all(b.start - a.end == timedelta(days=1) for a, b in pairwise(found))


def test_they_are_called_as_the_reader_calls_them(app: Flask) -> None:
    words = {
        "day": "18 Feb 2026",
        "week": "16 Feb 2026",
        "month": "Feb 2026",
        "quarter": "Q1 2026",
        "year": "2026",
    }
    with app.test_request_context():
        assert {unit: period_words(period_of(DAY, unit), unit) for unit in words} == words  # type: ignore[arg-type]
        with force_locale("zh"):
            assert period_words(period_of(DAY, "month"), "month") == "2026年2月"
