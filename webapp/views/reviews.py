"""Reviews: browse, search, filter; one with its whole history."""

from flask import Blueprint, Response, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.access.auth import admin_required, the_user
from webapp.clock import now
from webapp.db import get_db
from webapp.errors import words_of
from webapp.forms import review_filters
from webapp.forms.answer_form import SKIP_REASONS
from webapp.htmx import is_htmx, redirect_to, render
from webapp.store import browse, model_versions, projects, review_history, reviews, saved_views
from webapp.store.errors import InvalidValue, NameTaken, NotFound
from webapp.store.filters import Filters
from webapp.store.projects import Project
from webapp.views import bulk

blueprint = Blueprint("reviews", __name__, url_prefix="/projects/<int:project_id>/reviews")
blueprint.register_blueprint(bulk.blueprint)

# Counting a million matches on every key press would be slow, and nobody reads past some thousand.
COUNT_LIMIT = 10_000


@blueprint.get("")
@admin_required
def index(project_id: int) -> ResponseReturnValue:
    """The reviews that match, a page at a time."""
    project = projects.get(get_db(), project_id)
    filters = review_filters.parse(request.args, project)
    after = max(0, request.args.get("after", 0, type=int))
    found = browse.find(get_db(), project_id, filters, after, browse.PAGE + 1)
    shown, more = found[: browse.PAGE], len(found) > browse.PAGE
    arguments = review_filters.arguments(filters)
    return render(
        "reviews/index.html",
        "reviews/_results.html",
        project=project,
        filters=filters,
        arguments=arguments,
        options={} if is_htmx() else review_filters.options(get_db(), project),  # the form stays as it is
        names=review_filters.names(),
        views=saved_views.of_project(get_db(), project_id),
        query=review_filters.query(filters),
        actions=bulk.action_words(),
        found=shown,
        count=browse.count(get_db(), project_id, filters, COUNT_LIMIT + 1),
        count_limit=COUNT_LIMIT,
        first_page=url_for("reviews.index", project_id=project_id, **arguments) if after else None,
        next_page=url_for("reviews.index", project_id=project_id, after=shown[-1].id, **arguments)
        if more
        else None,
        version=_version(project, filters),
    )


@blueprint.get("/<int:review_id>")
@admin_required
def show(project_id: int, review_id: int) -> ResponseReturnValue:
    """One review: its text, where it came from, what the models say, and everything that happened to it."""
    project = projects.get(get_db(), project_id)
    review = reviews.get(get_db(), review_id)
    if review["project_id"] != project_id:
        raise NotFound("There is no such review.")
    filters = review_filters.parse(request.args, project)
    return render_template(
        "reviews/show.html",
        project=project,
        review=review,
        arguments=review_filters.arguments(filters),
        neighbours=browse.neighbours(get_db(), project_id, filters, review_id),
        extra=browse.extra_columns(review),
        verdict=review_history.verdict(get_db(), review_id),
        events=review_history.events(get_db(), review_id),
        predictions=browse.predictions_of(get_db(), review_id),
        origin_words=origin_words,
        skip_reasons=SKIP_REASONS,
        actions=bulk.action_words(),
    )


@blueprint.post("/views")
@admin_required
def save_view(project_id: int) -> Response:
    """Keep the filters of the list under a name."""
    filters = review_filters.parse(request.form, projects.get(get_db(), project_id))
    name, query = request.form.get("name", ""), review_filters.query(filters)
    try:
        saved_views.save(get_db(), project_id, name, query, the_user().id, now())
        flash(_("The view %(name)s is saved.", name=name.strip()), "success")
    except (NameTaken, InvalidValue) as error:
        flash(words_of(error), "error")
    return redirect_to(url_for("reviews.index", project_id=project_id, **review_filters.arguments(filters)))


@blueprint.post("/views/<int:view_id>/delete")
@admin_required
def delete_view(project_id: int, view_id: int) -> Response:
    """Forget a saved view."""
    saved_views.delete(get_db(), project_id, view_id, the_user().id, now())
    return redirect_to(url_for("reviews.index", project_id=project_id))


def origin_words(origin: str) -> str:
    """Why a review was put before somebody."""
    words = {
        "uncertain": _("the model was unsure"),
        "diverse": _("unlike the others"),
        "audit": _("drawn at random"),
        "seed": _("a cross-section to begin with"),
        "holdout": _("holdout"),
        "validation": _("validation"),
        "disagreement": _("labels, stars or the model disagree"),
        "gold": _("a hidden check"),
        "import": _("came with the file"),
    }
    return str(words.get(origin, origin))


def _version(project: Project, filters: Filters) -> model_versions.ModelVersion | None:
    """The model version whose predictions are shown; another project's counts as none."""
    if filters.version_id is None:
        return model_versions.serving(get_db(), project.id)
    version = model_versions.get(get_db(), filters.version_id)
    if version.project_id != project.id:
        raise NotFound("There is no such model version.")
    return version
