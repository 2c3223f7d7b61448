"""Bulk actions on reviews: ticked ones or all that match, shown and confirmed on a page of their own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.datastructures import MultiDict

from webapp import labels_export
from webapp.access.auth import admin_required, the_user
from webapp.access.security import attachment
from webapp.clock import now
from webapp.db import get_db
from webapp.forms import review_filters
from webapp.forms.form import Form, Reader
from webapp.htmx import redirect_to
from webapp.store import assignments, audit, bulk, projects, reviews, second_looks
from webapp.store.bulk import CATEGORY_LIMIT, Selection
from webapp.store.connection import open_database
from webapp.store.errors import InvalidValue
from webapp.store.projects import Project
from webapp.store.second_looks import MOST_LABELS

blueprint = Blueprint("bulk", __name__, url_prefix="/bulk")

EXCERPTS = 5
CHANGES = ("ask_for_labels", "leave_out", "take_back_in", "set_category")


@dataclass(frozen=True)
class Chosen:
    """What an address or a form asks for: an action on a selection; `arguments` bring both back."""

    action: str
    selection: Selection
    arguments: dict[str, Any]


@blueprint.get("")
@admin_required
def confirm(project_id: int) -> ResponseReturnValue:
    """How many reviews it would change, and which; nothing is changed yet."""
    project = projects.get(get_db(), project_id)
    chosen = _chosen(request.args, project)
    if chosen.action == "export":
        return redirect(url_for("reviews.bulk.labels", project_id=project_id, **chosen.arguments), 303)
    return _page(project, chosen, Form({"labels": "1"}))


@blueprint.post("")
@admin_required
def apply(project_id: int) -> ResponseReturnValue:
    """Do what was confirmed, and say how many reviews it changed. Others than were counted are asked about again."""
    project = projects.get(get_db(), project_id)
    if request.form.get("action") not in CHANGES:
        raise InvalidValue("Choose one of the list.")
    chosen = _chosen(request.form, project)
    ids = bulk.chosen(get_db(), project_id, chosen.selection)
    read = Reader(request.form)
    labels = read.whole("labels", 1, MOST_LABELS) if chosen.action == "ask_for_labels" else 0
    category = read.text("category", CATEGORY_LIMIT, required=False)
    if request.form.get("count") != str(len(ids)):
        read.errors["count"] = _("The reviews that match have changed meanwhile. These are they now.")
    if read.errors:
        return _page(project, chosen, Form(read.typed, read.errors), 422)
    changed = _change(project_id, chosen.action, ids, labels, category)
    flash(ngettext("%(num)s review is changed.", "%(num)s reviews are changed.", changed), "success")
    arguments = review_filters.arguments(chosen.selection.filters)
    return redirect_to(url_for("reviews.index", project_id=project_id, **arguments))


@blueprint.get("/labels.csv")
@admin_required
def labels(project_id: int) -> Response:
    """The labels of these reviews, as the export has them."""
    project = projects.get(get_db(), project_id)
    selection = _chosen(request.args, project).selection
    audit.log_download(
        get_db(), the_user().id, "labels.download", f"project:{project_id}", now(), format="csv"
    )
    path = current_app.config["INSTANCE"].database

    def read() -> Iterator[bytes]:
        db = open_database(path)  # the request's own is closed by then
        try:
            yield from labels_export.iter_bytes(bulk.label_rows(db, project_id, selection), "csv")
        finally:
            db.close()

    response = Response(read(), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename=f"project-{project_id}-labels.csv")
    return attachment(response)


def action_words() -> dict[str, str]:
    """What can be done with many reviews at once."""
    return {
        "ask_for_labels": _("Ask for another label"),
        "leave_out": _("Leave out"),
        "take_back_in": _("Take back in"),
        "set_category": _("Set the category"),
        "export": _("Download their labels (CSV)"),
    }


def _change(project_id: int, action: str, ids: list[int], labels: int, category: str) -> int:
    db, by = get_db(), the_user().id
    if action == "ask_for_labels":
        seen = request.form.get("asked", type=int)
        return bulk.ask_for_labels(db, project_id, ids, labels, by, now(), seen)
    if action == "set_category":
        return bulk.set_category(db, project_id, ids, category, by, now())
    return {"leave_out": bulk.leave_out, "take_back_in": bulk.take_back_in}[action](
        db, project_id, ids, by, now()
    )


def _chosen(typed: MultiDict[str, str], project: Project) -> Chosen:
    """Ticked reviews unless all that match are asked for."""
    filters = review_filters.parse(typed, project)
    action = typed.get("action", "")
    action = action if action in action_words() else "ask_for_labels"
    scope = "all" if typed.get("scope") == "all" else "ticked"
    ids = tuple(each for each in typed.getlist("review", type=int) if 0 < each <= review_filters.LARGEST_ID)
    arguments: dict[str, Any] = {
        **review_filters.arguments(filters),
        "action": action,
        "scope": scope,
    }
    if scope == "ticked":
        arguments["review"] = [str(each) for each in ids]
    return Chosen(action, Selection(filters, None if scope == "all" else ids), arguments)


def _page(project: Project, chosen: Chosen, form: Form[None], status: int = 200) -> ResponseReturnValue:
    ids = bulk.chosen(get_db(), project.id, chosen.selection)
    filters = chosen.selection.filters
    page = render_template(
        "bulk/confirm.html",
        project=project,
        chosen=chosen,
        words=action_words()[chosen.action],
        count=len(ids),
        asked=second_looks.newest(get_db(), project.id),
        excerpts=[reviews.get(get_db(), each) for each in ids[:EXCERPTS]],
        filters=review_filters.in_words(get_db(), project, filters),
        list_address=url_for("reviews.index", project_id=project.id, **review_filters.arguments(filters)),
        categories=assignments.choices(get_db(), project.id).categories,
        most_labels=MOST_LABELS,
        category_limit=CATEGORY_LIMIT,
        form=form,
    )
    return page, status
