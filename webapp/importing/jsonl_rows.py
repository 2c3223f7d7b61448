"""JSON lines one by one, in bounded memory: each value as the text it has in the file."""

import json
from collections.abc import Iterator
from typing import Any, NoReturn, TextIO

from webapp.importing.csv_rows import EXCERPT, MAX_FIELD, MAX_RECORD, undecodable
from webapp.importing.encoding import UNDECODABLE
from webapp.importing.errors import RowError

MAX_KEYS = 500
_MAX_DEPTH = 20
_MAX_DIGITS = 1_000


class _Literal(str):
    """A number as it was written: 4.50 stays 4.50."""


class _Refused(ValueError):
    """JSON that the reader does not take; the message says why."""


def jsonl_records(stream: TextIO) -> Iterator[tuple[int, dict[str, str]] | RowError]:
    """(line number, column -> text) of each line, or a RowError. The stream must split at "\\n" only.

    Texts come as they are, numbers as written, true and false as such, null as "", and a nested
    value as its JSON. Duplicate keys, NaN, numbers over 1,000 digits and deep nesting are refused.
    """
    number = 0
    while line := stream.readline(MAX_RECORD):
        number += 1
        if len(line) == MAX_RECORD and line[-1] != "\n":
            while (piece := stream.readline(MAX_RECORD)) and piece[-1] != "\n":
                pass
            message = f"Row {number} is longer than {MAX_RECORD:,} characters."
            yield RowError(number, "field_too_long", message, line[:EXCERPT])
        elif UNDECODABLE in line:
            yield undecodable(number, line)
        elif line.strip():
            yield _parse(number, line)


def _parse(number: int, line: str) -> tuple[int, dict[str, str]] | RowError:
    try:
        value = json.loads(
            line,
            object_pairs_hook=_object,
            parse_int=_number,
            parse_float=_number,
            parse_constant=_refuse_constant,
        )
        if not isinstance(value, dict):
            raise _Refused("it is not an object in braces")
        cells = {key: _as_text(item) for key, item in value.items()}
    except RecursionError:
        return _bad(number, "it is nested too deeply", line)
    except _Refused as error:
        return _bad(number, str(error), line)
    except json.JSONDecodeError as error:
        return _bad(number, f"{error.msg} at character {error.colno}", line)
    if any(len(text) > MAX_FIELD for text in cells.values()):
        message = f"Row {number} has a value over {MAX_FIELD:,} characters."
        return RowError(number, "field_too_long", message, line[:EXCERPT])
    return number, cells


def _bad(number: int, reason: str, line: str) -> RowError:
    return RowError(
        number, "bad_json", f"Row {number} is not a JSON object on one line: {reason}.", line[:EXCERPT]
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Refused("a key occurs twice")
    if len(value) > MAX_KEYS:
        raise _Refused(f"it has more than {MAX_KEYS} keys")
    return value


def _number(literal: str) -> _Literal:
    if len(literal) > _MAX_DIGITS:
        raise _Refused(f"a number has more than {_MAX_DIGITS:,} digits")
    return _Literal(literal)


def _refuse_constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is no JSON number")


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    return "" if value is None else _as_json(value, 0)


def _as_json(value: Any, depth: int) -> str:
    if depth > _MAX_DEPTH:
        raise _Refused("it is nested too deeply")
    if isinstance(value, _Literal):
        return str(value)
    if isinstance(value, dict):
        items = (
            f"{json.dumps(key, ensure_ascii=False)}: {_as_json(v, depth + 1)}" for key, v in value.items()
        )
        return "{" + ", ".join(items) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_as_json(item, depth + 1) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
