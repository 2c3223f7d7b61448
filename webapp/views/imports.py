"""Imports: upload a file, see how it will be read, check it, follow it."""

from contextlib import suppress
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    render_template,
    request,
    send_from_directory,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import pgettext

from webapp import import_drafts
from webapp.access.auth import admin_required, the_user
from webapp.access.security import attachment, large_upload
from webapp.clock import now
from webapp.db import get_db
from webapp.forms import import_form
from webapp.forms.form import Form
from webapp.htmx import redirect_to, render
from webapp.importing import DELIMITERS, ENCODINGS, KINDS, REVIEW_NOTES, ROW_ERRORS, FileError
from webapp.instance import Instance
from webapp.store import jobs, projects
from webapp.store.errors import InvalidValue, NotFound
from webapp.store.jobs import Job
from webapp.store.projects import Project
from webapp.words.mask_words import rule_words
from webapp.words.sentences import said

blueprint = Blueprint("imports", __name__, url_prefix="/projects/<int:project_id>/imports")

SHOWN_COLUMNS = 12


@blueprint.get("")
@admin_required
def new(project_id: int) -> ResponseReturnValue:
    """The upload form, what was begun, and what was imported before."""
    return _upload_page(projects.get(get_db(), project_id), {})


@blueprint.post("")
@admin_required
@large_upload
def upload(project_id: int) -> ResponseReturnValue:
    """Keep the file and go on to its preview."""
    project = projects.get(get_db(), project_id)
    file = request.files.get("file")
    if file is None or not file.filename:
        return _upload_page(project, {"file": _("Choose a file first.")}, 422)
    try:
        stored = import_drafts.keep_upload(file, _instance().uploads)
    except FileError as error:
        return _upload_page(project, {"file": said(error.message)}, 422)
    draft = import_drafts.begin(get_db(), project, stored, file.filename[-200:], the_user().id, now())
    return redirect_to(url_for("imports.show", project_id=project_id, job_id=draft.id))


@blueprint.get("/<int:job_id>")
@admin_required
def show(project_id: int, job_id: int) -> ResponseReturnValue:
    """An import wherever it stands: preview, check, progress or report."""
    project, job = _find(project_id, job_id)
    if job.state != "draft":
        context: dict[str, Any] = {
            "project": project,
            "job": job,
            "counts": job.result,
            "reason_words": reason_words,
            "rules": rule_words(),
        }
        return render("imports/run.html", "imports/_run.html", **context)
    found, check_job = import_drafts.checked(get_db(), job)
    if "columns" in request.args or (found is None and check_job is None):
        return _preview_page(project, job)
    return _check_page(project, job, found, check_job)


@blueprint.post("/<int:job_id>/reading")
@admin_required
def change_reading(project_id: int, job_id: int) -> ResponseReturnValue:
    """Another encoding, format or column: the preview is drawn again."""
    project, job = _draft(project_id, job_id)
    form = import_drafts.change(get_db(), job, request.form)
    return _preview_page(project, jobs.get(get_db(), job_id), form.errors)


@blueprint.post("/<int:job_id>/check")
@admin_required
def check(project_id: int, job_id: int) -> ResponseReturnValue:
    """A dry run with the columns as they are on the page."""
    project, job = _draft(project_id, job_id)
    form = import_drafts.change(get_db(), job, request.form)
    errors = dict(form.errors)
    if not errors and form.checked().columns.text is None:
        errors["text"] = _("Choose the column that holds the review's text.")
    if errors:
        return _preview_page(project, jobs.get(get_db(), job_id), errors)
    job = jobs.get(get_db(), job_id)
    try:
        import_drafts.check(get_db(), _instance(), project, job, the_user().id, now())
    except FileError as error:
        return _preview_page(project, job, {"file": said(error.message)})
    return redirect_to(url_for("imports.show", project_id=project_id, job_id=job_id))


@blueprint.post("/<int:job_id>/start")
@admin_required
def start(project_id: int, job_id: int) -> ResponseReturnValue:
    """Queue the import as it was checked; a second click finds it started."""
    _project, job = _find(project_id, job_id)
    if job.state == "draft" and not (job.payload.get("columns") or {}).get("text"):
        return redirect_to(url_for("imports.show", project_id=project_id, job_id=job_id, columns=1))
    with suppress(InvalidValue):  # started already: the page shows how far it is
        import_drafts.start(get_db(), job, now())
    return redirect_to(url_for("imports.show", project_id=project_id, job_id=job_id))


@blueprint.post("/<int:job_id>/cancel")
@admin_required
def cancel(project_id: int, job_id: int) -> Response:
    """Drop a draft with its file, or ask a running import to stop."""
    project, job = _find(project_id, job_id)
    if job.state == "draft":
        import_drafts.discard(get_db(), _instance(), job, the_user().id, now())
        return redirect_to(url_for("imports.new", project_id=project.id))
    jobs.cancel(get_db(), job_id, the_user().id, now())
    return redirect_to(url_for("imports.show", project_id=project_id, job_id=job_id))


@blueprint.get("/<int:job_id>/errors.csv")
@admin_required
def errors(project_id: int, job_id: int) -> Response:
    """The refused rows by row number, of an import or of its dry run."""
    _project, job = _find(project_id, job_id)
    found = job.result if job.state != "draft" else import_drafts.checked(get_db(), job)[0]
    name = (found or {}).get("error_file")
    if not name:
        abort(404)
    response = send_from_directory(
        _instance().folder / "imports", name, as_attachment=True, download_name=f"import-{job_id}-errors.csv"
    )
    return attachment(response)


def _instance() -> Instance:
    instance: Instance = current_app.config["INSTANCE"]
    return instance


def _find(project_id: int, job_id: int) -> tuple[Project, Job]:
    project, job = projects.get(get_db(), project_id), jobs.get(get_db(), job_id, "import")
    if job.project_id != project_id:
        raise NotFound("There is no such import.")
    return project, job


def _draft(project_id: int, job_id: int) -> tuple[Project, Job]:
    project, job = _find(project_id, job_id)
    if job.state != "draft":
        raise InvalidValue(_("This import was started already; its columns cannot change any more."))
    return project, job


def _upload_page(project: Project, errors: dict[str, str], status: int = 200) -> ResponseReturnValue:
    earlier = [
        job for job in jobs.of_project(get_db(), project.id, "import") if not job.payload.get("dry_run")
    ]
    page = render_template(
        "imports/new.html",
        project=project,
        errors=errors,
        drafts=jobs.drafts(get_db(), project.id, "import"),
        imports=earlier,
        largest=current_app.config["MAX_UPLOAD_LENGTH"],
    )
    return page, status


def _preview_page(project: Project, job: Job, errors: dict[str, str] | None = None) -> ResponseReturnValue:
    reading = import_drafts.read(_instance(), job)
    form = reading.form
    if errors and reading.preview is not None and "columns" not in request.args:
        form = Form({**form.typed, **request.form}, errors)  # what was typed, beside what is wrong with it
    return render(
        "imports/preview.html",
        "imports/_preview.html",
        422 if errors else 200,
        role_words=_role_words(),
        shown_columns=_shown_columns(reading.preview.columns, form.typed) if reading.preview else [],
        project=project,
        job=job,
        reading=reading,
        preview=reading.preview,
        form=form,
        errors=errors or {},
        roles=import_form.ROLES_OF_COLUMNS,
        encodings=ENCODINGS,
        kinds=KINDS,
        delimiters=DELIMITERS,
        rules=rule_words(),
        masks=_masks(jobs.get(get_db(), job.id), reading),
    )


def _masks(job: Job, reading: import_drafts.Reading) -> import_drafts.MaskPreview | None:
    """What the chosen masks do, once a text column is known."""
    if reading.preview is None or reading.form.value is None or not reading.form.value.columns.text:
        return None
    return import_drafts.preview_masks(_instance(), job, reading.form.value.columns)


def _check_page(
    project: Project, job: Job, found: dict[str, Any] | None, check_job: Job | None
) -> ResponseReturnValue:
    context: dict[str, Any] = {
        "project": project,
        "job": job,
        "counts": found,
        "check_job": check_job,
        "reason_words": reason_words,
        "rules": rule_words(),
    }
    return render("imports/check.html", "imports/_check.html", **context)


def reason_words(code: str) -> str:
    """Why a row was left out, or what of it could not be understood."""
    known = {**ROW_ERRORS, **REVIEW_NOTES, "duplicate_id": "the id belongs to another review"}
    return str(_(known[code])) if code in known else code


def _role_words() -> dict[str, tuple[str, str | None]]:
    """The name of each role a column can play, and a hint."""
    return {
        "text": (_("Text"), _("what people read and label")),
        "id": (_("Id"), _("your own, unique")),
        "rating": (_("Stars"), _("1 to 5")),
        "product": (_("Product"), None),
        "author": (_("Author"), None),
        "date": (_("Date"), None),
        "category": (_("Category"), None),
        "label": (pgettext("noun", "Label"), _("one of the project's labels")),
        "split": (_("Split"), _("train, test or validation")),
        "language": (_("Language"), _("where it differs from review to review")),
    }


def _shown_columns(columns: list[str], typed: dict[str, str]) -> list[tuple[str, str | None]]:
    """Columns for the preview with the role they play: those that play one first, the rest as far as it fits."""
    role_of = {typed[role]: role for role in reversed(import_form.ROLES_OF_COLUMNS) if typed.get(role)}
    order = list(import_form.ROLES_OF_COLUMNS)
    chosen = sorted(
        (column for column in columns if column in role_of), key=lambda column: order.index(role_of[column])
    )
    rest = [column for column in columns if column not in role_of]
    return [(column, role_of.get(column)) for column in [*chosen, *rest][:SHOWN_COLUMNS]]
