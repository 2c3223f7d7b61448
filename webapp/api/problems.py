"""Every error under /api/ is a problem document (RFC 9457)."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, json, make_response, request
from werkzeug.exceptions import Forbidden, HTTPException, TooManyRequests, Unauthorized, UnprocessableEntity

MEDIA_TYPE = "application/problem+json"
WORDS = {
    401: "Send a token that is valid: Authorization: Bearer TOKEN. `winnow token create` makes one.",
    404: "There is nothing at this address. The document at /api/v1/openapi.json lists what there is.",
    405: "This address does not take such a request; the header Allow says what it takes.",
    413: "That is too large. docs/api.md names the limits.",
    500: "Something broke on our side. It is in the server's log; nothing you sent was half saved.",
}


class Invalid(UnprocessableEntity):
    """Values that do not fit; `errors` holds a message by the name of each field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {message}" for name, message in errors.items()))
        self.errors = errors


class NoToken(Unauthorized):
    """No token came, or one that opens nothing (any more)."""

    def __init__(self, sent: bool) -> None:
        super().__init__()
        self._sent = sent

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """As RFC 6750 wants it: how to log in, and whether what came was looked at."""
        error = {"error": "invalid_token"} if self._sent else {}
        return [*super().get_headers(*args, **kwargs), _challenge(**error)]


class WrongScope(Forbidden):
    """A token that is good for other things."""

    def __init__(self, scopes: Iterable[str], description: str) -> None:
        super().__init__(description)
        self._scope = " ".join(scopes)

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """As RFC 6750 wants it: which scope would do."""
        challenge = _challenge(error="insufficient_scope", scope=self._scope)
        return [*super().get_headers(*args, **kwargs), challenge]


class Busy(TooManyRequests):
    """More requests at once, or in a minute, than one token or this server takes."""


def wanted() -> bool:
    """Whether the request is a program's: it gets problem documents, in English."""
    return request.path.startswith("/api/")


def answer(status: int, detail: str, errors: Mapping[str, str] | None = None) -> Response:
    """The error as a problem document; `errors` names the fields that did not fit."""
    titles = {each.value: each.phrase for each in HTTPStatus}
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": titles.get(status, "Error"),
        "status": status,
        "detail": detail,
    }
    if errors:
        document["errors"] = [{"field": name, "detail": message} for name, message in errors.items()]
    response = make_response(json.dumps(document), status)
    response.mimetype = MEDIA_TYPE
    return response


def of_http(error: HTTPException) -> Response:
    """An HTTP error with its headers: how to log in, which methods there are, when to come back."""
    status = error.code or 500
    is_usual = error.description == type(error).description
    detail = (WORDS.get(status) if is_usual else None) or error.description or error.name
    response = answer(status, detail, getattr(error, "errors", None))
    for name, value in error.get_headers(request.environ):
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _challenge(**values: str) -> tuple[str, str]:
    quoted = ", ".join(f'{name}="{value}"' for name, value in {"realm": "winnow", **values}.items())
    return "WWW-Authenticate", f"Bearer {quoted}"
