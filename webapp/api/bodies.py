"""What a program sends: a JSON object, its fields read one by one, each with a message where it does not fit."""

import json
from math import isfinite
from typing import Any, NoReturn

from flask import request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from webapp.api.problems import Invalid

JSON = "application/json"


class Fields:
    """The fields of an object; `checked` raises Invalid with all that was wrong, unknown fields included."""

    def __init__(self, values: dict[str, Any], known: tuple[str, ...]) -> None:
        self.values = values
        self.errors = {
            name if is_storable(name) else "?": f"is not a field; known are {', '.join(known)}."
            for name in values
            if name not in known
        }

    def text(self, name: str, limit: int, default: str | None = None) -> str:
        """A string of at most `limit` characters; required where there is no default."""
        value = self.values.get(name, default)
        if not isinstance(value, str):
            self.errors[name] = "must be a string."
            return ""
        if len(value) > limit:
            self.errors[name] = f"has {len(value):,} characters; at most {limit:,} are taken."
        elif not is_storable(value):
            self.errors[name] = "holds a NUL or half a character pair."
        return value

    def texts(self, name: str, most: int, limit: int, default: list[str] | None = None) -> list[str]:
        """One to `most` strings, each of at most `limit` characters and with something in it."""
        value = self.values.get(name, default)
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            self.errors[name] = f"must be a list of 1 to {most:,} strings."
            return []
        for place, each in enumerate(value):
            one = Fields({"text": each}, ("text",))
            if not one.text("text", limit).strip() and not one.errors:
                one.errors["text"] = "is empty."
            if one.errors:
                self.errors[f"{name}[{place}]"] = one.errors["text"]
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        """A number in its range, or None where none was sent."""
        value = self.values.get(name)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not low <= value <= high or not isfinite(value):
            self.errors[name] = f"must be a number from {low:g} to {high:g}."
            return None
        return float(value)

    def checked(self) -> None:
        """Go on only if everything fits."""
        if self.errors:
            raise Invalid(self.errors)


def fields(*known: str) -> Fields:
    """The body's fields; 415 for another media type, 400 for what is no JSON object in UTF-8."""
    if request.mimetype != JSON:
        raise UnsupportedMediaType(f"Send JSON with Content-Type: {JSON}.")
    return Fields(parse(request.get_data()), known)


def optional_fields(*known: str) -> Fields:
    """The same where the body may be left out."""
    return fields(*known) if request.get_data() else Fields({}, known)


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; BadRequest for anything else."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The body is not JSON in UTF-8.") from error
    if not isinstance(value, dict):
        raise BadRequest("The body must be one JSON object.")
    return value


def is_storable(text: str) -> bool:
    """SQLite cuts text at a NUL in places, and UTF-8 has no lone surrogates."""
    try:
        return "\0" not in text and text.encode() is not None
    except UnicodeEncodeError:
        return False


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
