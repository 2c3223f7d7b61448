"""Labels of a project: rename, reorder, add, and retire by moving or withdrawing what was said with one."""

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.access.auth import admin_required, the_user
from webapp.clock import now
from webapp.db import get_db
from webapp.errors import words_of
from webapp.forms import label_forms
from webapp.forms.form import Form
from webapp.htmx import is_htmx, redirect_to
from webapp.store import label_sets, projects
from webapp.store.errors import InvalidValue, NameTaken, NotFound, StillWorking
from webapp.store.projects import Label, Project

blueprint = Blueprint("labels", __name__, url_prefix="/projects/<int:project_id>/labels")
REFUSALS = (InvalidValue, NameTaken, StillWorking)


@blueprint.get("")
@admin_required
def index(project_id: int) -> ResponseReturnValue:
    """The labels in the order of their keys, and those of earlier."""
    return _list_page(projects.get(get_db(), project_id), Form())


@blueprint.post("")
@admin_required
def add(project_id: int) -> ResponseReturnValue:
    """A further label, or one of earlier again."""
    project = projects.get(get_db(), project_id)
    form = label_forms.label_name(request.form)
    if not form.errors:
        try:
            added = label_sets.add(get_db(), project_id, form.checked(), the_user().id, now())
            flash(_("%(name)s is a label now.", name=added.name), "success")
            return redirect_to(url_for("labels.index", project_id=project_id))
        except REFUSALS as error:
            form.errors["name"] = words_of(error)
    return _list_page(project, form)


@blueprint.post("/<int:label_id>/move")
@admin_required
def move(project_id: int, label_id: int) -> ResponseReturnValue:
    """One key up or down."""
    steps = -1 if request.form.get("direction") == "up" else 1
    label_sets.move(get_db(), project_id, label_id, steps, the_user().id, now())
    if is_htmx():
        return render_template("labels/_list.html", **_list(projects.get(get_db(), project_id)))
    return redirect_to(url_for("labels.index", project_id=project_id))


@blueprint.get("/<int:label_id>")
@admin_required
def show(project_id: int, label_id: int) -> ResponseReturnValue:
    """One label: its name, and what taking it out of the set would touch."""
    project, label = _found(project_id, label_id)
    return _label_page(project, label, Form({"name": label.name}), Form())


@blueprint.post("/<int:label_id>/rename")
@admin_required
def rename(project_id: int, label_id: int) -> ResponseReturnValue:
    """Another name for the same label."""
    project, label = _found(project_id, label_id)
    form = label_forms.label_name(request.form)
    if not form.errors:
        try:
            label_sets.rename(get_db(), project_id, label_id, form.checked(), the_user().id, now())
            flash(_("The label is called %(name)s now.", name=form.checked()), "success")
            return redirect_to(url_for("labels.index", project_id=project_id))
        except REFUSALS as error:
            form.errors["name"] = words_of(error)
    return _label_page(project, label, form, Form())


@blueprint.post("/<int:label_id>/retire")
@admin_required
def retire(project_id: int, label_id: int) -> ResponseReturnValue:
    """Take the label out of the set; what was said with it moves to another label or is withdrawn."""
    project, label = _found(project_id, label_id)
    form = label_forms.retirement(request.form, [each.id for each in project.labels if each.id != label_id])
    if not form.errors:
        into = form.checked().into
        try:
            touched = label_sets.retire(get_db(), project_id, label_id, into, the_user().id, now())
            flash(_retired_words(project, label, into, touched), "success")
            return redirect_to(url_for("labels.index", project_id=project_id))
        except REFUSALS as error:
            form.errors["fate"] = words_of(error)
    return _label_page(project, label, Form({"name": label.name}), form)


def _retired_words(project: Project, label: Label, into: int | None, touched: label_sets.Impact) -> str:
    if into is None:
        return str(
            _(
                "%(name)s is no label any more; %(labels)s labels and %(decisions)s decisions are withdrawn.",
                name=label.name, labels=touched.labels, decisions=touched.decisions,
            )
        )  # fmt: skip
    target = next(each.name for each in project.labels if each.id == into)
    return str(
        _(
            "%(name)s is no label any more; %(labels)s labels and %(decisions)s decisions are %(target)s now.",
            name=label.name, labels=touched.labels, decisions=touched.decisions, target=target,
        )
    )  # fmt: skip


def _found(project_id: int, label_id: int) -> tuple[Project, Label]:
    project = projects.get(get_db(), project_id)
    label = next((each for each in project.labels if each.id == label_id), None)
    if label is None:
        raise NotFound("This label is not in the project any more.")
    return project, label


def _why_fixed(project: Project) -> str | None:
    """Why nothing can be changed right now."""
    try:
        label_sets.refuse_while_working(get_db(), project.id)
    except StillWorking as error:
        return words_of(error)
    return None


def _list(project: Project) -> dict[str, object]:
    return {
        "project": project,
        "counts": label_sets.label_counts(get_db(), project.id),
        "fixed": _why_fixed(project),
    }


def _list_page(project: Project, form: Form[str]) -> ResponseReturnValue:
    page = render_template(
        "labels/index.html",
        form=form,
        retired=label_sets.retired(get_db(), project.id),
        most=label_sets.MOST,
        **_list(project),
    )
    return page, 422 if form.errors else 200


def _label_page(
    project: Project, label: Label, form: Form[str], retirement: Form[label_forms.Retirement]
) -> ResponseReturnValue:
    page = render_template(
        "labels/show.html",
        project=project,
        label=label,
        form=form,
        retirement=retirement,
        impact=label_sets.impact(get_db(), project.id, label.id),
        fixed=_why_fixed(project),
        fewest=label_sets.FEWEST,
    )
    return page, 422 if form.errors or retirement.errors else 200
