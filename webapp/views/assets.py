"""The local copy of htmx, for networks that cannot reach the CDN."""

from flask import Blueprint, Response, abort, current_app, send_from_directory

from webapp.access.auth import public
from webapp.assets import A_YEAR, HTMX_FILE

blueprint = Blueprint("assets", __name__)


@blueprint.get("/assets/htmx.min.js")
@public
def htmx() -> Response:
    """htmx from the folder that ASSETS names, relative to the instance folder."""
    if not current_app.config["ASSETS"]:
        abort(404)
    folder = current_app.config["INSTANCE"].folder / current_app.config["ASSETS"]
    return send_from_directory(folder, HTMX_FILE, max_age=A_YEAR)
