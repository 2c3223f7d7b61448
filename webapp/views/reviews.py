"""Reviews: browse, search, filter; one with its whole history."""

from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from webapp.auth import admin_required
from webapp.db import get_db
from webapp.htmx import render
from webapp.store import annotations, browse, model_versions, projects, reviews
from webapp.store.browse import Filters
from webapp.store.errors import NotFound
from webapp.store.projects import Project

blueprint = Blueprint("reviews", __name__, url_prefix="/projects/<int:project_id>/reviews")

PARTS = ("pool", "holdout", "validation")
# Counting a million matches on every key press would be slow, and nobody reads past some thousand.
COUNT_LIMIT = 10_000
LONGEST_SEARCH = 200
FILTERS = ("text", "part", "state", "label", "predicted", "product", "version")


@blueprint.get("")
@admin_required
def index(project_id: int) -> ResponseReturnValue:
    """The reviews that match, a page at a time."""
    project = projects.get(get_db(), project_id)
    filters = filters_of(request.args, project)
    after = max(0, request.args.get("after", 0, type=int))
    found = browse.find(get_db(), project_id, filters, after, browse.PAGE + 1)
    shown, more = found[: browse.PAGE], len(found) > browse.PAGE
    typed: dict[str, Any] = {name: request.args[name] for name in FILTERS if request.args.get(name)}
    return render(
        "reviews/index.html",
        "reviews/_results.html",
        project=project,
        filters=filters,
        found=shown,
        count=browse.count(get_db(), project_id, filters, COUNT_LIMIT + 1),
        count_limit=COUNT_LIMIT,
        is_filtered=bool(typed),
        first_page=url_for("reviews.index", project_id=project_id, **typed) if after else None,
        next_page=url_for("reviews.index", project_id=project_id, **{**typed, "after": shown[-1].id})
        if more
        else None,
        version=_version(project, filters),
        positions={label.name: label.position for label in project.labels},
    )


@blueprint.get("/<int:review_id>")
@admin_required
def show(project_id: int, review_id: int) -> ResponseReturnValue:
    """One review: its text, where it came from, what the models say, and everything people did with it."""
    project = projects.get(get_db(), project_id)
    review = reviews.get(get_db(), review_id)
    if review["project_id"] != project_id:
        raise NotFound("There is no such review.")
    return render_template(
        "reviews/show.html",
        project=project,
        review=review,
        extra=browse.extra_columns(review),
        history=annotations.of_review(get_db(), review_id),
        predictions=browse.predictions_of(get_db(), review_id),
        origin_words=origin_words,
    )


def origin_words(origin: str) -> str:
    """Why a review was put before somebody."""
    words = {
        "uncertain": _("the model was unsure"),
        "diverse": _("unlike the others"),
        "audit": _("drawn at random"),
        "seed": _("a cross-section to begin with"),
        "holdout": _("holdout"),
        "validation": _("validation"),
        "disagreement": _("stars and model disagree"),
        "import": _("came with the file"),
    }
    return str(words.get(origin, origin))


def filters_of(typed: MultiDict[str, str], project: Project) -> Filters:
    """The filters in an address; what is unknown counts as not set."""
    labels = {label.id for label in project.labels}
    label, predicted = typed.get("label", type=int), typed.get("predicted", type=int)
    part, state = typed.get("part", ""), typed.get("state", "")
    return Filters(
        text=typed.get("text", "").strip()[:LONGEST_SEARCH],
        part=part if part in PARTS else "",
        label_id=label if label in labels else None,
        predicted_id=predicted if predicted in labels else None,
        state=state if state in browse.STATES else "",
        product=typed.get("product", "").strip()[:LONGEST_SEARCH],
        version_id=typed.get("version", type=int),
    )


def _version(project: Project, filters: Filters) -> model_versions.ModelVersion | None:
    """The model version whose predictions are shown; another project's counts as none."""
    if filters.version_id is None:
        return model_versions.serving(get_db(), project.id)
    version = model_versions.get(get_db(), filters.version_id)
    if version.project_id != project.id:
        raise NotFound("There is no such model version.")
    return version
