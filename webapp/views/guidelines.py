"""Guidelines: read by everybody, written by admins with a preview, every version kept and compared."""

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.access.auth import admin_required, login_required, the_user
from webapp.clock import now
from webapp.db import get_db
from webapp.errors import words_of
from webapp.guidelines_text import rendered, starter
from webapp.htmx import is_htmx, redirect_to
from webapp.store import guidelines, projects
from webapp.store.errors import ChangedMeanwhile, InvalidValue
from webapp.text_comparison import compare

blueprint = Blueprint("guidelines", __name__, url_prefix="/projects/<int:project_id>/guidelines")


@blueprint.get("")
@login_required
def show(project_id: int) -> str:
    """The guidelines in force."""
    project = projects.get(get_db(), project_id)
    current = guidelines.current(get_db(), project_id)
    return render_template(
        "guidelines/show.html",
        project=project,
        shown=current,
        current=current,
        html=rendered(current.text) if current else None,
    )


@blueprint.get("/versions/<int:number>")
@login_required
def version(project_id: int, number: int) -> str:
    """An earlier version, as it was."""
    project = projects.get(get_db(), project_id)
    shown = guidelines.version(get_db(), project_id, number)
    current = guidelines.current(get_db(), project_id)
    return render_template(
        "guidelines/show.html", project=project, shown=shown, current=current, html=rendered(shown.text)
    )


@blueprint.route("/edit", methods=["GET", "POST"])
@admin_required
def edit(project_id: int) -> ResponseReturnValue:
    """Write the next version; where there is none, from a text made of the labels."""
    project = projects.get(get_db(), project_id)
    current = guidelines.current(get_db(), project_id)
    if request.method == "GET":
        text = current.text if current else starter(project)
        return _form(project, text, current.number if current else 0, html=rendered(text))
    text, based_on = request.form.get("text", ""), request.form.get("based_on", 0, type=int)
    try:
        saved = guidelines.save(get_db(), project_id, text, the_user().id, now(), based_on)
    except InvalidValue as error:
        return _form(project, text, based_on, words_of(error))
    except ChangedMeanwhile as error:
        return _form(project, text, current.number if current else 0, words_of(error))
    if current is None or saved.number > current.number:
        flash(_("Version %(number)s of the guidelines is in force.", number=saved.number), "success")
    else:
        flash(_("Nothing was changed, so there is no new version."), "info")
    return redirect_to(url_for("guidelines.show", project_id=project_id))


@blueprint.post("/preview")
@admin_required
def preview(project_id: int) -> ResponseReturnValue:
    """How the typed text will read; nothing is stored."""
    project = projects.get(get_db(), project_id)
    text, error = request.form.get("text", ""), None
    try:
        html = rendered(guidelines.checked(text))
    except InvalidValue as problem:
        html, error = None, words_of(problem)
    if is_htmx():
        return render_template("guidelines/_preview.html", html=html, error=error)
    return _form(project, text, request.form.get("based_on", 0, type=int), error, html)


@blueprint.get("/history")
@admin_required
def history(project_id: int) -> str:
    """Every version, with the labels given under it; two of them compared."""
    project = projects.get(get_db(), project_id)
    versions = guidelines.history(get_db(), project_id)
    newest = versions[0].number if versions else 0
    old = request.args.get("old", max(1, newest - 1), type=int)
    new = request.args.get("new", newest, type=int)
    by_number = {each.number: each for each in versions}
    compared = None
    if old in by_number and new in by_number and old != new:
        compared = compare(by_number[old].text, by_number[new].text)
    return render_template(
        "guidelines/history.html",
        project=project,
        versions=versions,
        labels=guidelines.labels_under(get_db(), project_id),
        numbers=[(number, number) for number in by_number],
        old=old,
        new=new,
        compared=compared,
    )


@blueprint.post("/versions/<int:number>/restore")
@admin_required
def restore(project_id: int, number: int) -> ResponseReturnValue:
    """Put an earlier text in force again, as a new version."""
    old = guidelines.version(get_db(), project_id, number)
    saved = guidelines.save(get_db(), project_id, old.text, the_user().id, now())
    flash(
        _(
            "Version %(number)s is in force, with the text of version %(old)s.",
            number=saved.number,
            old=number,
        ),
        "success",
    )
    return redirect_to(url_for("guidelines.show", project_id=project_id))


def _form(
    project: projects.Project, text: str, based_on: int, error: str | None = None, html: str | None = None
) -> ResponseReturnValue:
    page = render_template(
        "guidelines/edit.html",
        project=project,
        text=text,
        based_on=based_on,
        html=html,
        error=error,
        errors={"text": error} if error else {},
        limit=guidelines.TEXT_LIMIT,
    )
    return page, 422 if error else 200
