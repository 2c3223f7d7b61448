import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.importing.csv_rows import MAX_FIELD, MAX_RECORD
from webapp.importing.errors import RowError
from webapp.importing.jsonl_rows import jsonl_records


def records(text: str) -> list[tuple[int, dict[str, str]] | RowError]:
    stream = io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8", newline="\n")
    return list(jsonl_records(stream))


def only_error(text: str) -> RowError:
    (found,) = records(text)
    assert isinstance(found, RowError)
    return found


def test_values_are_the_text_they_have_in_the_file() -> None:
    line = r'{"text": " two\nlines ", "zip": "01234", "stars": 4.50, "big": 12345678901234567890123, '
    line += '"ok": true, "no": null}'
    assert records(line) == [
        (
            1,
            {
                "text": " two\nlines ",
                "zip": "01234",
                "stars": "4.50",
                "big": "12345678901234567890123",
                "ok": "true",
                "no": "",
            },
        )
    ]


def test_a_nested_value_is_its_json() -> None:
    assert records('{"a": {"b": [1, 2.50, "é", null]}}') == [(1, {"a": '{"b": [1, 2.50, "é", null]}'})]


def test_lines_end_at_line_feeds_only() -> None:
    assert records('{"a": "x\u2028y"}\r\n\n{"a": "z"}') == [(1, {"a": "x\u2028y"}), (3, {"a": "z"})]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[" * 100_000, "nested"),
        ('{"a": ' + "[" * 5_000 + "]" * 5_000 + "}", "nested"),
        ('{"a": ' + "[" * 30 + "]" * 30 + "}", "nested"),
        ('{"a": ' + "9" * 5_000 + "}", "digits"),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "Infinity"),
        ('{"a": 1, "a": 2}', "twice"),
        ('{"a": {"b": 1, "b": 2}}', "twice"),
        ("[1, 2]", "not an object"),
        ('"text"', "not an object"),
        ("null", "not an object"),
        ('{"a": "cut off', "Unterminated"),
        ("not json", "character 1"),
        (json.dumps({f"k{n}": 1 for n in range(501)}), "500 keys"),
    ],
)
def test_json_that_could_do_harm_is_an_error_of_its_row(line: str, reason: str) -> None:
    error = only_error(line)
    assert error.code == "bad_json"
    assert reason in error.message


def test_a_value_over_the_limit_is_an_error_of_its_row() -> None:
    assert only_error(json.dumps({"a": "x" * (MAX_FIELD + 1)})).code == "field_too_long"


def test_a_line_over_the_limit_is_left_out_and_the_next_is_read() -> None:
    found = records('{"a": "' + "x" * (3 * MAX_RECORD) + '"}\n{"a": "b"}\n')
    assert isinstance(found[0], RowError)
    assert found[1:] == [(2, {"a": "b"})]


@given(st.dictionaries(st.text(), st.text(), max_size=5), st.booleans())
def test_strings_come_back_as_they_were(value: dict[str, str], ascii_only: bool) -> None:
    assert records(json.dumps(value, ensure_ascii=ascii_only) + "\n") == [(1, value)]


@given(st.text(st.sampled_from('{}[]":,\\u0d8e1 -\n'), max_size=80))
def test_no_line_crashes_the_reader(text: str) -> None:
    assert len(records(text)) <= text.count("\n") + 1
