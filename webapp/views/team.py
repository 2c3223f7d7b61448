"""The team of a project: who labels which languages and categories, and what they hold."""

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp.access.auth import admin_required, the_user
from webapp.clock import now
from webapp.db import get_db
from webapp.errors import words_of
from webapp.forms.assignment_form import AssignmentTyped, assignment
from webapp.forms.form import Form
from webapp.htmx import redirect_to
from webapp.store import assignments, projects, team, users
from webapp.store.errors import InvalidValue
from webapp.words.amounts import language_name

blueprint = Blueprint("team", __name__, url_prefix="/projects/<int:project_id>/team")


@blueprint.get("")
@admin_required
def index(project_id: int) -> ResponseReturnValue:
    """Everybody, with what they get."""
    return _page(project_id, Form())


@blueprint.post("/assignments")
@admin_required
def assign(project_id: int) -> ResponseReturnValue:
    """Limit somebody to a language, a category or both; a second one adds to the first."""
    form = assignment(request.form)
    if not form.errors:
        typed = form.checked()
        try:
            assignments.add(
                get_db(),
                project_id,
                typed.user_id,
                typed.language,
                typed.category,
                the_user().id,
                now(),
            )
            name = users.by_id(get_db(), typed.user_id).name
            flash(_("%(name)s gets only what is listed from now on.", name=name), "success")
            return redirect_to(url_for("team.index", project_id=project_id))
        except InvalidValue as error:
            form.errors["language"] = words_of(error)
    return _page(project_id, form)


@blueprint.post("/assignments/<int:assignment_id>/remove")
@admin_required
def unassign(project_id: int, assignment_id: int) -> ResponseReturnValue:
    """Take one away again."""
    assignments.remove(get_db(), project_id, assignment_id, the_user().id, now())
    flash(_("It is taken away."), "success")
    return redirect_to(url_for("team.index", project_id=project_id))


@blueprint.post("/<int:user_id>/release")
@admin_required
def release(project_id: int, user_id: int) -> ResponseReturnValue:
    """Give the reviews that somebody holds back to the queue."""
    projects.get(get_db(), project_id)
    users.by_id(get_db(), user_id)
    count = team.release_all(get_db(), project_id, user_id, the_user().id, now())
    words = ngettext("%(num)s review is back in the queue.", "%(num)s reviews are back in the queue.", count)
    flash(words, "success")
    return redirect_to(url_for("team.index", project_id=project_id))


def _page(project_id: int, form: Form[AssignmentTyped]) -> ResponseReturnValue:
    project = projects.get(get_db(), project_id)
    members = team.members(get_db(), project_id, now())
    given = assignments.of_project(get_db(), project_id)
    choices = assignments.choices(get_db(), project_id)
    languages, categories = assignments.uncovered(choices, [given.get(each.user_id, []) for each in members])
    page = render_template(
        "team/index.html",
        project=project,
        members=members,
        given=given,
        choices=choices,
        uncovered=[*map(language_name, languages), *categories],
        form=form,
    )
    return page, 422 if form.errors else 200
