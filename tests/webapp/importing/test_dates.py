import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.importing import guess_date_order, parse_date


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2016-05-01", "2016-05-01"),
        (" 2016/5/1 ", "2016-05-01"),
        ("2016.5.1", "2016-05-01"),
        ("20160501", "2016-05-01"),
        ("2016年5月1日", "2016-05-01"),
        ("01.05.2016", "2016-05-01"),
        ("2016-05-01T12:30:05", "2016-05-01T12:30:05"),
        ("2016-05-01 12:30", "2016-05-01T12:30:00"),
        ("2016/5/1 9:05", "2016-05-01T09:05:00"),
        ("2016-05-01T12:30:05.123Z", "2016-05-01T12:30:05Z"),
        ("2016-05-01T01:30:00+02:00", "2016-04-30T23:30:00Z"),
        ("5/13/2016", "2016-05-13"),
        ("13/5/2016", "2016-05-13"),
        ("4/4/16", "2016-04-04"),
        ("31-Jul-18", "2018-07-31"),
        ("May 1, 2016", "2016-05-01"),
        ("1 May 2016", "2016-05-01"),
        ("09 13, 2009", "2009-09-13"),
        ("1252800000", "2009-09-13T00:00:00Z"),
        ("1252800000000", "2009-09-13T00:00:00Z"),
    ],
)
def test_common_forms_are_read(text: str, expected: str) -> None:
    assert parse_date(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "5/1/2016",
        "2016-02-31",
        "31.02.2016",
        "0001-01-01",
        "12",
        "2016",
        "99999999999999",
        "１" * 50,
    ],
)
def test_what_cannot_be_told_is_none(text: str) -> None:
    assert parse_date(text) is None


def test_the_order_of_the_column_settles_an_ambiguous_date() -> None:
    assert parse_date("5/1/2016", "mdy") == "2016-05-01"
    assert parse_date("5/1/2016", "dmy") == "2016-01-05"


def test_the_order_of_a_column_is_told_by_its_clear_rows() -> None:
    assert guess_date_order(["5/1/2016", "5/13/2016", ""]) == "mdy"
    assert guess_date_order(["5/1/2016", "13/5/2016"]) == "dmy"
    assert guess_date_order(["5/13/2016", "13/5/2016"]) is None
    assert guess_date_order(["5/1/2016", "2016-05-01"]) is None


@given(
    st.one_of(st.text(max_size=30), st.from_regex(r"\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,4}.{0,6}", fullmatch=True))
)
def test_no_text_crashes_it(text: str) -> None:
    date = parse_date(text)
    assert date is None or "1990" <= date[:4] <= "2100"


@given(st.dates(min_value=datetime.date(1990, 1, 1), max_value=datetime.date(2100, 1, 1)))
def test_iso_dates_stay_as_they_are(date: datetime.date) -> None:
    assert parse_date(str(date)) == str(date)
