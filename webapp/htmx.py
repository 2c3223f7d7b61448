"""Page or fragment: htmx gets the part it asked for, everybody else the page around it."""

from typing import Any

from flask import Flask, Response, make_response, redirect, render_template, request


def init_app(app: Flask) -> None:
    """An address may answer a page or a fragment: caches must tell them apart."""
    app.after_request(_vary)


def is_htmx() -> bool:
    """Whether a fragment is wanted. A history restore wants the page."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


def render(page: str, fragment: str, status: int = 200, **context: Any) -> Response:
    """The fragment for htmx, the page that includes it otherwise; both from the same context."""
    return make_response(render_template(fragment if is_htmx() else page, **context), status)


def redirect_to(address: str) -> Response:
    """Go to another page after a POST; htmx is told to load it whole."""
    if is_htmx():
        response = make_response("", 204)
        response.headers["HX-Redirect"] = address
        return response
    return make_response(redirect(address, 303))


def _vary(response: Response) -> Response:
    response.vary.add("HX-Request")
    return response
