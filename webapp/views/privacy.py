"""Privacy: what imports masked, and the erasure of a customer or an annotator."""

from flask import Blueprint, current_app, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp import erasing
from webapp.access.auth import admin_required, confirm_first, is_confirmed, the_user
from webapp.clock import now
from webapp.db import get_db
from webapp.forms import customer_form
from webapp.forms.form import Form
from webapp.htmx import redirect_to, render
from webapp.instance import Instance
from webapp.store import erased_people, erasures, jobs, model_versions, projects, users
from webapp.store.errors import InvalidValue, LastAdmin
from webapp.store.jobs import Job
from webapp.store.users import User
from webapp.words.mask_words import rule_words
from webapp.words.sentences import said

blueprint = Blueprint("privacy", __name__, url_prefix="/privacy")

IMPORTS_SHOWN = 10


@blueprint.get("")
@admin_required
def index() -> ResponseReturnValue:
    """Masks, the forms for an erasure, and the erasures so far; asks again while one runs."""
    return _page(Form())


# The id of a customer goes in the body of a request: an address would be written to the logs.
@blueprint.post("/customer")
@admin_required
def preview_customer() -> ResponseReturnValue:
    """What would go with a customer, before anything goes."""
    form = customer_form.customer(request.form, {project.id for project in projects.everything(get_db())})
    if form.errors:
        return _page(form, 422)
    asked = form.checked()
    project = projects.get(get_db(), asked.project_id) if asked.project_id else None
    return render_template(
        "privacy/customer.html",
        asked=asked,
        project=project,
        found=erasing.preview_customer(get_db(), _instance(), asked.customer, project),
        names={each.id: each.name for each in projects.everything(get_db())},
    )


@blueprint.post("/customer/erase")
@admin_required
def erase_customer() -> ResponseReturnValue:
    """Queue the erasure of a customer; the worker carries it out."""
    if not is_confirmed():
        return confirm_first(url_for("privacy.index"))
    form = customer_form.customer(request.form, {project.id for project in projects.everything(get_db())})
    if form.errors:
        return _page(form, 422)
    asked = form.checked()
    project = projects.get(get_db(), asked.project_id) if asked.project_id else None
    try:
        erasing.request_customer(get_db(), _instance(), asked.customer, project, the_user().id, now())
    except InvalidValue as error:
        form.errors["customer"] = said(str(error))
        return _page(form, 422)
    return redirect_to(url_for("privacy.index"))


@blueprint.post("/annotator")
@admin_required
def preview_annotator() -> ResponseReturnValue:
    """What would become of an account, before anything goes."""
    person = _person(request.form.get("user", ""))
    if person is None:
        return _page(Form(dict(request.form), {"user": _("Choose one of the list.")}), 422)
    kept = erased_people.count_annotations(get_db(), person.id)
    name = erased_people.tombstone(person.id)
    return render_template("privacy/annotator.html", person=person, kept=kept, tombstone=name)


@blueprint.post("/annotator/erase")
@admin_required
def erase_annotator() -> ResponseReturnValue:
    """Queue the erasure of an account."""
    if not is_confirmed():
        return confirm_first(url_for("privacy.index"))
    person = _person(request.form.get("user", ""))
    if person is None:
        return _page(Form(dict(request.form), {"user": _("Choose one of the list.")}), 422)
    try:
        erasing.request_annotator(get_db(), _instance(), person, the_user().id, now())
    except (LastAdmin, InvalidValue) as error:
        return _page(Form(dict(request.form), {"user": said(str(error))}), 422)
    return redirect_to(url_for("privacy.index"))


@blueprint.post("/erasures/<int:erasure_id>/again")
@admin_required
def go_on(erasure_id: int) -> ResponseReturnValue:
    """Queue an erasure again that failed or was cancelled half way."""
    erasure = erasures.get(get_db(), erasure_id)
    if erasure.state == "running":
        erasing.queue_again(get_db(), erasure, the_user().id, now())
        flash(_("The erasure goes on where it stopped."), "success")
    return redirect_to(url_for("privacy.index"))


def _page(form: Form[customer_form.CustomerTyped], status: int = 200) -> ResponseReturnValue:
    db = get_db()
    every = erasures.everything(db)
    done = {job.payload["erasure"]: job for job in reversed(jobs.latest(db, "erase", 1_000))}
    return render(
        "privacy/index.html",
        "privacy/_erasures.html",
        status,
        form=form,
        projects=projects.everything(db),
        people=[person for person in users.everyone(db) if not _is_erased(person)],
        imports=[job for job in jobs.latest(db, "import", 100) if job.payload.get("mask")][:IMPORTS_SHOWN],
        names={each.id: each.name for each in projects.everything(db)},
        rules=rule_words(),
        erasures=every,
        open_jobs=_open_jobs(),
        results={erasure_id: job.result for erasure_id, job in done.items()},
        versions={each: model_versions.get(db, each) for erasure in every for each in erasure.model_versions},
    )


def _open_jobs() -> dict[int, Job]:
    """By erasure: the job that waits or runs."""
    return {job.payload["erasure"]: job for job in jobs.open_of_kind(get_db(), "erase")}


def _person(typed: str) -> User | None:
    people = {str(person.id): person for person in users.everyone(get_db()) if not _is_erased(person)}
    return people.get(typed)


def _is_erased(person: User) -> bool:
    return person.name == erased_people.tombstone(person.id)


def _instance() -> Instance:
    instance: Instance = current_app.config["INSTANCE"]
    return instance
