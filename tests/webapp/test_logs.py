import json
import logging
import sys

import pytest

from webapp import logs


def a_record(
    message: str, *arguments: object, name: str = "webapp.worker", trace: bool = False
) -> logging.LogRecord:
    error = None
    if trace:
        try:
            raise ValueError("first\nERROR forged: second\x1b[31m")
        except ValueError:
            error = sys.exc_info()
    record = logging.LogRecord(name, logging.ERROR, "file.py", 1, message, arguments, error)
    logs.note_request(record)
    return record


HOSTILE = "one\r\n2026-01-01 ERROR forged: two\x1b[2K\x9b31m\u2028three\u202efour"


def test_a_line_of_text_cannot_become_two_nor_colour_the_terminal() -> None:
    line = logs.TextLines().format(a_record("told %s", HOSTILE))
    assert line.splitlines() == [line]
    assert line.isprintable()
    assert "one\\x0d\\x0a2026" in line


def test_a_traceback_is_set_in_so_that_no_line_of_it_looks_like_an_event() -> None:
    [first, *rest] = logs.TextLines().format(a_record("failed", trace=True)).splitlines()
    assert " ERROR webapp.worker: failed" in first
    assert rest and all(line.startswith("    ") and line.isprintable() for line in rest)


def test_json_is_one_object_a_line_in_ascii() -> None:
    line = logs.JsonLines().format(a_record("told %s", HOSTILE, trace=True))
    assert line.isascii() and line.isprintable()
    event = json.loads(line)
    assert event["level"] == "ERROR" and event["logger"] == "webapp.worker"
    assert "\n" not in event["message"] and "\x1b" not in event["message"]
    assert "Traceback" in event["exc_info"]


def test_a_line_says_which_request_it_belongs_to() -> None:
    token = logs.request_id.set("abc123")
    assert json.loads(logs.JsonLines().format(a_record("told")))["request_id"] == "abc123"
    assert " [abc123]: told" in logs.TextLines().format(a_record("told"))
    logs.request_id.reset(token)
    assert "request_id" not in json.loads(logs.JsonLines().format(a_record("told")))


def test_what_people_search_for_stays_out_of_gunicorns_lines() -> None:
    record = a_record("Error handling request %s", "/projects/1/reviews?q=secret", name="gunicorn.error")
    assert "secret" not in logs.TextLines().format(record)


@pytest.mark.parametrize(
    ("wish", "kind"), [("json", logs.JsonLines), ("JSON", logs.JsonLines), ("", logs.TextLines)]
)
def test_the_environment_chooses_the_format(wish: str, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.FORMAT, wish)
    assert isinstance(logs.formatter(), kind)
