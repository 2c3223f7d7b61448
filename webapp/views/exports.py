"""Exports: the labelled data at once, the model as a job that ends in a zip to download."""

import tempfile
from collections.abc import Iterator
from typing import Any

from flask import (
    Blueprint,
    Response,
    current_app,
    request,
    send_file,
    send_from_directory,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlite_utils import Database
from werkzeug.utils import secure_filename

from webapp import labels_export
from webapp.access.auth import admin_required, the_user
from webapp.access.security import attachment
from webapp.clock import now
from webapp.db import get_db
from webapp.forms.form import Form, Reader
from webapp.htmx import redirect_to, render
from webapp.store import audit, consensus, jobs, labelled, model_versions, projects, quality
from webapp.store.connection import open_database
from webapp.store.errors import NotFound
from webapp.store.jobs import Job
from webapp.store.model_versions import ModelVersion
from webapp.store.projects import Project

blueprint = Blueprint("exports", __name__, url_prefix="/projects/<int:project_id>/exports")

MODEL_FORMATS = ("onnx", "onnx-int8", "hf")
TYPES = {"csv": "text/csv", "jsonl": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}
COLUMNS = {"labels": labels_export.COLUMNS, "consensus": labels_export.CONSENSUS_COLUMNS}


@blueprint.get("")
@admin_required
def index(project_id: int) -> ResponseReturnValue:
    """The data's four formats, a form for the model, and the exports that were made; asks again while one runs."""
    project = projects.get(get_db(), project_id)
    return _page(project, Form({"format": "onnx", "version": str(project.model_version_id or "")}))


@blueprint.get("/labels.<any(csv, jsonl, parquet):kind>")
@admin_required
def labels(project_id: int, kind: labels_export.Format) -> Response:
    """The labels of one moment, or each review's `consensus`; `spreadsheet` guards cells that look like formulas."""
    project = projects.get(get_db(), project_id)
    guard, what = "spreadsheet" in request.args, "consensus" if "consensus" in request.args else "labels"
    audit.log_download(
        get_db(), the_user().id, f"{what}.download", f"project:{project_id}", now(), format=kind
    )
    end, count = _snapshot(project, what)
    response = (
        _parquet(project, what, end)
        if kind == "parquet"
        else Response(_pieces(project, what, end, kind, guard), mimetype=TYPES[kind])
    )
    # Whoever keeps the file can tell whether it is whole, and as of when.
    response.headers["Winnow-Snapshot"], response.headers["Winnow-Rows"] = str(end), str(count)
    name = f"{_plain_name(project)}-{what}{'-spreadsheet' if guard else ''}.{kind}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return attachment(response)


@blueprint.post("")
@admin_required
def start(project_id: int) -> ResponseReturnValue:
    """Queue the export of a model version."""
    project = projects.get(get_db(), project_id)
    form = _model_export(project)
    if form.errors:
        return _page(project, form, 422)
    version = form.checked()
    payload = {"format": form.typed["format"], "version": version.id}
    jobs.create(get_db(), project_id, "export", payload, the_user().id, now())
    return redirect_to(url_for("exports.index", project_id=project_id))


@blueprint.post("/<int:job_id>/cancel")
@admin_required
def cancel(project_id: int, job_id: int) -> Response:
    """Ask an export to stop."""
    job = _find(project_id, job_id)
    jobs.cancel(get_db(), job.id, the_user().id, now())
    return redirect_to(url_for("exports.index", project_id=project_id))


@blueprint.get("/<int:job_id>/model.zip")
@admin_required
def download(project_id: int, job_id: int) -> Response:
    """The zip of an export that is done."""
    job = _find(project_id, job_id)
    folder = current_app.config["INSTANCE"].folder / "exports"
    if job.state != "done" or not (folder / job.result["archive"]).is_file():
        raise NotFound(_("This export is not there (any more). Start it again."))
    version = model_versions.get(get_db(), job.payload["version"])
    audit.log_download(get_db(), the_user().id, "model.download", f"model_version:{version.id}", now())
    name = f"{_plain_name(projects.get(get_db(), project_id))}-v{version.number}-{job.payload['format']}.zip"
    return attachment(
        send_from_directory(folder, job.result["archive"], as_attachment=True, download_name=name)
    )


def _snapshot(project: Project, what: str) -> tuple[int, int]:
    """The log's end as of which the rows are, and how many they are."""
    if what == "consensus":
        return consensus.snapshot_of(get_db(), project.id) or 0, consensus.count(get_db(), project.id)
    end = labelled.snapshot(get_db(), project.id)
    return end, labelled.export_count(get_db(), project.id, end)


def _rows(db: Database, project: Project, what: str, end: int) -> Iterator[dict[str, Any]]:
    if what == "consensus":
        return consensus.export_rows(db, project.id)
    return labelled.export_rows(db, project.id, end)


def _pieces(
    project: Project, what: str, end: int, kind: labels_export.Format, guard: bool
) -> Iterator[bytes]:
    """The download piece by piece, on a connection of its own: the request's is closed by then."""
    path = current_app.config["INSTANCE"].database

    def read() -> Iterator[bytes]:
        db = open_database(path)
        try:
            yield from labels_export.iter_bytes(_rows(db, project, what, end), kind, guard, COLUMNS[what])
        finally:
            db.close()

    return read()


def _parquet(project: Project, what: str, end: int) -> Response:
    """Parquet is written from its end, so it takes a file."""
    folder = current_app.config["INSTANCE"].folder / "exports"
    folder.mkdir(exist_ok=True)
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - the answer closes it
    labels_export.write_labels(_rows(get_db(), project, what, end), file, "parquet", columns=COLUMNS[what])
    file.seek(0)
    return send_file(file, TYPES["parquet"])


def _plain_name(project: Project) -> str:
    return secure_filename(project.name) or f"project-{project.id}"


def _model_export(project: Project) -> Form[ModelVersion]:
    read = Reader(request.form)
    wanted = read.choice("format", MODEL_FORMATS)
    versions = {str(version.id): version for version in model_versions.of_project(get_db(), project.id)}
    version = versions.get(read.choice("version", versions))
    if version is None:
        return Form(read.typed, read.errors)
    if wanted == "hf" and version.classifier == "head":
        read.errors["format"] = _("A head version is no single transformer: export it as ONNX.")
    return read.form(version)


def _find(project_id: int, job_id: int) -> Job:
    job = jobs.get(get_db(), job_id, "export")
    if job.project_id != project_id:
        raise NotFound("There is no such export.")
    return job


def _page(project: Project, form: Form[ModelVersion], status: int = 200) -> ResponseReturnValue:
    versions = model_versions.of_project(get_db(), project.id)
    return render(
        "exports/index.html",
        "exports/_jobs.html",
        status,
        project=project,
        form=form,
        labels=labelled.label_count(get_db(), project.id),
        agreed=consensus.count(get_db(), project.id),
        not_agreed_on=quality.labels_since(
            get_db(), project.id, consensus.snapshot_of(get_db(), project.id) or 0
        ),
        versions={version.id: version for version in versions},
        exports=jobs.of_project(get_db(), project.id, "export"),
    )
