"""What is remembered of every request: its number, a line in the log if wished, and its time in the figures."""

import logging
import re
import secrets
import time

from flask import Flask, Response, current_app, g, request

from webapp import metrics
from webapp.logs import request_id

log = logging.getLogger(__name__)
NUMBER = re.compile(r"<(?:int|row):(\w+)>")
GIVEN = re.compile(r"[A-Za-z0-9-]{8,64}")


def init_app(app: Flask) -> None:
    """Number every request, and note how it went."""
    metrics.init_app(app)
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.began = time.perf_counter()
    given = request.headers.get("X-Request-ID", "")
    # A visitor's own number could be made to look like somebody else's; a proxy of ours has the right to give one.
    trusted = current_app.config["PROXY_COUNT"] and GIVEN.fullmatch(given)
    g.request_id = given if trusted else secrets.token_hex(8)
    request_id.set(g.request_id)


def _end(response: Response) -> Response:
    seconds = time.perf_counter() - g.began if "began" in g else 0.0
    route = request.url_rule.rule if request.url_rule else "none"
    metrics.observe(current_app, route, request.method, response.status_code, seconds)
    if "request_id" in g:
        response.headers["X-Request-ID"] = g.request_id
    if current_app.config["ACCESS_LOG"]:
        _log(response.status_code, round(1000 * seconds, 1))
    request_id.set("")
    return response


def _log(status: int, milliseconds: float) -> None:
    """Who by number; the address that ProxyFix lets through."""
    user = g.get("user")
    facts = {
        "method": request.method,
        "path": _path(),
        "status": status,
        "milliseconds": milliseconds,
        "address": request.remote_addr,
        "user_id": user.id if user else None,
    }
    log.info(
        "%(method)s %(path)s %(status)s %(milliseconds)s ms %(address)s user %(user_id)s", facts, extra=facts
    )


def _path() -> str:
    """The path without its query and its tokens: `/projects/3/reviews`, `/leases/<token>/answer`."""
    if request.url_rule is None:
        return request.path
    numbers = request.view_args or {}
    return NUMBER.sub(lambda part: str(numbers.get(part[1], part[0])), request.url_rule.rule)
