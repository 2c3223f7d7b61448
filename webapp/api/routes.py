"""The API's addresses and what each request passes: whose token, how often, what it may do."""

from flask import Flask, Response
from werkzeug.routing import IntegerConverter

from webapp.access.security import csrf
from webapp.api import (
    access,
    insights,
    labels,
    leases,
    limits,
    openapi,
    predict,
    problems,
    projects,
    reviews,
    rounds,
)

PREFIX = "/api/v1"
BLUEPRINTS = (
    openapi.blueprint,
    projects.blueprint,
    reviews.blueprint,
    leases.blueprint,
    rounds.blueprint,
    labels.blueprint,
    insights.blueprint,
    predict.blueprint,
)


class RowId(IntegerConverter):
    """A row's number. One that SQLite cannot hold is the highest, which no row has."""

    def to_python(self, value: str) -> int:
        """The number, or the highest there can be."""
        return min(int(value), 2**63 - 1)


def init_app(app: Flask) -> None:
    """Add the API. No form posts to it and no cookie opens it, so it needs no form's token."""
    app.url_map.converters["row"] = RowId
    limits.init_app(app)
    for check in (access.identify, limits.count, access.authorize):
        app.before_request(check)
    app.after_request(limits.set_headers)
    app.after_request(_allow_nothing)
    for blueprint in BLUEPRINTS:
        csrf.exempt(blueprint)
        app.register_blueprint(blueprint, url_prefix=PREFIX)


def _allow_nothing(response: Response) -> Response:
    """No answer of the API is a page, so nothing in it may load or run anything."""
    if problems.wanted():
        response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    return response
