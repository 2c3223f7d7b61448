"""The audit log: who did what, when, to which id; to read, to filter, to take away."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request
from flask.typing import ResponseReturnValue

from webapp import labels_export
from webapp.access.auth import admin_required, the_user
from webapp.access.security import attachment
from webapp.clock import now
from webapp.db import get_db
from webapp.forms.review_filters import LARGEST_ID
from webapp.store import audit, users
from webapp.store.audit import Filters
from webapp.store.connection import open_database

blueprint = Blueprint("audit", __name__)

TYPES = {"csv": "text/csv", "jsonl": "application/x-ndjson"}


@blueprint.get("/audit")
@admin_required
def index() -> ResponseReturnValue:
    """The newest entries that match, a page at a time."""
    filters, before = _filters(), request.args.get("before", type=int)
    found = audit.find(get_db(), filters, before, audit.PAGE + 1)
    return render_template(
        "audit/index.html",
        entries=found[: audit.PAGE],
        older=found[audit.PAGE - 1].id if len(found) > audit.PAGE else None,
        before=before,
        typed=_typed(),
        people=users.everyone(get_db()),
        actions=audit.actions(get_db()),
    )


@blueprint.get("/audit.<any(csv, jsonl):kind>")
@admin_required
def download(kind: labels_export.Format) -> Response:
    """All entries that match, oldest first; cells that look like formulas are guarded in CSV."""
    audit.log_download(get_db(), the_user().id, "audit.download", "audit", now(), format=kind)
    pieces = labels_export.iter_bytes(_rows(_filters()), kind, kind == "csv", audit.COLUMNS)
    response = Response(pieces, mimetype=TYPES[kind])
    response.headers.set("Content-Disposition", "attachment", filename=f"winnow-audit.{kind}")
    return attachment(response)


def _rows(filters: Filters) -> Iterator[dict[str, Any]]:
    """Read on a connection of its own: the request's is closed by then."""
    path = current_app.config["INSTANCE"].database

    def read() -> Iterator[dict[str, Any]]:
        db = open_database(path)
        try:
            for entry in audit.export(db, filters):
                yield entry.row()
        finally:
            db.close()

    return read()


def _typed() -> dict[str, str]:
    """What was asked for, without what is empty."""
    return {
        name: value for name in ("user", "action", "since", "until") if (value := request.args.get(name, ""))
    }


def _filters() -> Filters:
    """What does not parse filters nothing: an address can be typed by anybody."""
    user = request.args.get("user", type=int)
    return Filters(
        user if user is not None and 0 < user <= LARGEST_ID else None,
        request.args.get("action", ""),
        _day("since"),
        _day("until"),
    )


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
