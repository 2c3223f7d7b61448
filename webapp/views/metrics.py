"""The figures for Prometheus."""

import hmac

from flask import Blueprint, Response, current_app, request
from flask_babel import gettext
from werkzeug.exceptions import Forbidden

from webapp import metrics
from webapp.access.auth import public
from webapp.clock import now
from webapp.db import get_db

blueprint = Blueprint("metrics", __name__)

LOOPBACK = ("127.0.0.1", "::1")
# Whoever sends one of these came by way of a proxy, and only seems to be this machine.
FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via")


@blueprint.get("/metrics")
@public
def show() -> Response:
    """For whoever has the token of the settings; without one, for this machine alone."""
    if not _may_read():
        raise Forbidden(gettext("The figures are for this server's own monitoring."))
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    text = metrics.exposition(app, get_db(), current_app.config["INSTANCE"], now())
    return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def _may_read() -> bool:
    token = str(current_app.config["METRICS_TOKEN"])
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), token.encode())
    return request.remote_addr in LOOPBACK and not any(name in request.headers for name in FORWARDED)
