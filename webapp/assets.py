"""Static files by the hash of their content, and htmx from its CDN or from a local copy."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Flask, Response, current_app, request, url_for

HTMX_ADDRESS = "https://cdn.jsdelivr.net/npm/htmx.org@2.0.11/dist/htmx.min.js"
HTMX_INTEGRITY = "sha384-2OatzQy1H+Zd/IIrjr1TcuDGqLXeHhbooAyJY1KdQMKnr4LZ22k31GBLdYKHmVjg"
HTMX_FILE = "htmx.min.js"
A_YEAR = 31_536_000
HTMX_CONFIG = {
    "allowEval": False,
    "allowScriptTags": False,
    "includeIndicatorStyles": False,
    "selfRequestsOnly": True,
    # Nothing of a page stays in the browser's storage; going back asks the server.
    "historyCacheSize": 0,
    "refreshOnHistoryMiss": True,
    "timeout": 30_000,
    "scrollIntoViewOnBoost": False,
    "attributesToSettle": [],  # copying a style attribute is inline style to the content security policy
    # 409 and 422 are answers of our views: the card or form with what was typed. page.js lets other
    # errors in when they are notices of ours (errors.py), and keeps out what a proxy says.
    "responseHandling": [
        {"code": "204", "swap": False},
        {"code": "[23]..", "swap": True},
        {"code": "409|422", "swap": True},
        {"code": "[45]..", "swap": False, "error": True},
    ],
}


@dataclass(frozen=True)
class Script:
    address: str
    integrity: str


def init_app(app: Flask) -> None:
    """Give templates `asset`, `htmx_script` and `htmx_config`."""
    app.jinja_env.globals["asset"] = asset
    app.jinja_env.globals["htmx_config"] = lambda: json.dumps(HTMX_CONFIG)
    app.context_processor(
        lambda: {"htmx_script": Script(htmx_source() or url_for("assets.htmx"), HTMX_INTEGRITY)}
    )
    app.after_request(_keep_static)


def asset(name: str) -> str:
    """The address of a file in static/; it changes with the content, so that browsers may keep it for ever."""
    folder = Path(current_app.static_folder or "")
    return url_for("static", filename=name, v=_digest(folder / name, (folder / name).stat().st_mtime_ns))


def htmx_source() -> str | None:
    """The CDN's address of htmx; None when a local copy is served."""
    return None if current_app.config["ASSETS"] else HTMX_ADDRESS


@cache
def _digest(path: Path, _changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _keep_static(response: Response) -> Response:
    if request.endpoint == "static" and "v" in request.args and response.status_code == 200:
        response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
    return response
