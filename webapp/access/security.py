"""What every request must pass and every answer must carry, whatever the view does."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request
from flask_babel import gettext
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import BadRequest, Forbidden

from webapp.access.auth import current_user
from webapp.assets import htmx_source

View = TypeVar("View", bound=Callable[..., object])

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
READING = ("GET", "HEAD", "OPTIONS")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": over https the form's token is checked together with the referrer.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    """Refuse foreign hosts and foreign pages, limit bodies, ask every form for its token, set the headers."""
    app.before_request(_refuse_unknown_host)
    app.before_request(_refuse_other_sites)
    app.before_request(_limit_body)
    csrf.init_app(app)
    app.after_request(_set_headers)


def large_upload(view: View) -> View:
    """Mark a view that takes files: an admin's body may have MAX_UPLOAD_LENGTH bytes."""
    setattr(view, "large_upload", True)  # noqa: B010 - a function's type has no such attribute
    return view


def attachment(response: Response) -> Response:
    """A download: nothing in it may run, even if a browser opens it in place."""
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    return response


def local_path(target: str | None) -> str | None:
    """The target if it is a path on this site, as `next` must be; None for anything that could lead elsewhere."""
    if not target or not target.startswith("/") or target.startswith("//") or "\\" in target:
        return None
    if not target.isprintable() or any(character.isspace() for character in target):
        return None
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc else None


def _refuse_unknown_host() -> None:
    host = request.host.rpartition(":")[0] if _has_port(request.host) else request.host
    names = current_app.config["HOSTS"]
    names = names.split(",") if isinstance(names, str) else names
    for name in (*LOOPBACK, *(name.strip().lower() for name in names)):
        if host.lower() == name or (name.startswith(".") and host.lower().endswith(name)):
            return
    raise BadRequest("This server does not answer to that name. Its administrator can add it to HOSTS.")


def _has_port(host: str) -> bool:
    return host.rpartition(":")[2].isdigit() and not host.endswith("]")


def _refuse_other_sites() -> None:
    """A second lock beside the token: browsers say which site a request comes from."""
    if request.method in READING:
        return
    origin = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden(gettext("This request came from another site and was refused."))
    # Not by urlsplit: a stranger's "http://[" is no address, and an error of the server's.
    if origin is not None and origin.partition("://")[2] != request.host:
        raise Forbidden(gettext("This request came from another site and was refused."))


def _limit_body() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "large_upload", False):
        user = current_user()
        # A stranger may not fill the disk: the form is read, for its token, before the guard says no.
        if user is not None and user.is_admin:
            request.max_content_length = current_app.config["MAX_UPLOAD_LENGTH"]


def _set_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", _policy())
    if request.endpoint not in ("static", "assets.htmx"):
        response.headers["Cache-Control"] = "no-store"  # also of files, which Flask sends as "no-cache"
        response.vary.add("Cookie")
    if request.is_secure and current_app.config["COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    return response


def _policy() -> str:
    script = htmx_source()
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self'{f' {script}' if script else ''}",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )
