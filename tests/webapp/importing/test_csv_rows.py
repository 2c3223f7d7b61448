import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from webapp.importing.csv_rows import MAX_FIELD, MAX_RECORD, csv_records
from webapp.importing.errors import RowError

Record = tuple[int, list[str]] | RowError


def records(text: str, quoted: bool = True) -> list[Record]:
    return list(csv_records(io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8", newline=""), ",", quoted))


def errors(found: list[Record]) -> list[tuple[int, str]]:
    return [(item.row, item.code) for item in found if isinstance(item, RowError)]


def cells(found: list[Record]) -> list[list[str]]:
    return [item[1] for item in found if not isinstance(item, RowError)]


def test_line_breaks_inside_quotes_stay_as_they_are() -> None:
    assert cells(records('1,"a\r\nb\rc\nd"\r\n2,x\r')) == [["1", "a\r\nb\rc\nd"], ["2", "x"]]


def test_a_blank_line_is_counted_and_left_out() -> None:
    assert records("a\n\nb\n") == [(1, ["a"]), (3, ["b"])]


def test_an_unclosed_quote_costs_one_row_and_is_named() -> None:
    found = records('id,text\n1,fine\n2,"never closed\n3,good\n4,better\n')
    assert errors(found) == [(3, "unclosed_quote")]
    assert cells(found)[1:] == [["1", "fine"], ["3", "good"], ["4", "better"]]


def test_an_unclosed_quote_before_quoted_rows_costs_one_row() -> None:
    found = records('1,"never closed\n2,"good"\n3,"better"\n')
    assert errors(found) == [(1, "bad_quotes")]
    assert cells(found) == [["2", "good"], ["3", "better"]]


def test_an_unclosed_quote_cannot_swallow_a_large_file() -> None:
    found = records('1,"never closed\n' + ("2," + "good " * 40 + "\n") * 10_000)
    assert errors(found) == [(1, "unclosed_quote")]
    assert len(found) == 10_001


def test_text_after_a_closing_quote_is_refused_rather_than_altered() -> None:
    assert errors(records('1,"Great" product\n2,ok\n')) == [(1, "bad_quotes")]


def test_a_quote_inside_a_bare_field_is_a_character() -> None:
    assert cells(records('1,5" screen\n')) == [["1", '5" screen']]


def test_a_long_field_is_an_error_of_its_row() -> None:
    long = "x" * (MAX_FIELD + 1)
    assert errors(records(f"1,{long}\n2,ok\n")) == [(1, "field_too_long")]
    assert len(cells(records("1," + "x" * MAX_FIELD + "\n"))[0][1]) == MAX_FIELD


def test_a_line_over_the_limit_is_left_out_and_the_next_is_read() -> None:
    found = records("1,a\n" + "x" * (3 * MAX_RECORD) + "\n3,b\n")
    assert errors(found) == [(2, "field_too_long")]
    assert cells(found) == [["1", "a"], ["3", "b"]]


def test_a_quote_before_a_line_over_the_limit_loses_neither() -> None:
    found = records('1,"open\n' + "x" * (2 * MAX_RECORD) + "\n3,b\n")
    assert errors(found) == [(1, "unclosed_quote"), (2, "field_too_long")]
    assert cells(found) == [["3", "b"]]


def test_a_file_made_to_be_read_again_and_again_is_read_in_linear_time() -> None:
    # Each line leaves a quote open whichever way it is entered, so every record runs to the limit.
    found = records('x","y\n' * 1_000_000)
    assert errors(found)[0] == (1, "unclosed_quote")
    assert any("left out" in item.message for item in found if isinstance(item, RowError))
    assert len(found) < 20


def test_nul_bytes_are_left_to_the_review() -> None:
    assert cells(records("1,a\0b\n")) == [["1", "a\0b"]]


@given(
    st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=4), max_size=8)
)
def test_what_a_csv_writer_writes_is_read_as_it_was(rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    assert cells(records(text.getvalue())) == rows


@given(st.text(st.sampled_from('",\n\ra'), max_size=60))
def test_no_arrangement_of_quotes_loses_a_line_without_an_error(text: str) -> None:
    found = records(text)
    try:
        expected = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error:
        assert errors(found)
    else:
        assert cells(found) == expected
