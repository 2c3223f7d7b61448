"""Files that may quote an erased customer: uploads, lists of refused rows, archives of models."""

from collections.abc import Iterator
from pathlib import Path

from sqlite_utils import Database

from learner.progress import Progress
from webapp.importing import FileError, Row, open_file, preview, text_hash
from webapp.instance import Instance
from webapp.store import jobs
from webapp.store.connection import utc_now
from webapp.store.erasures import Erasure
from webapp.store.jobs import Job
from webapp.subject_keys import SubjectKeys
from webapp.worker import imports


def drop_uploads(
    db: Database,
    instance: Instance,
    erasure: Erasure,
    keys: SubjectKeys,
    hashes: set[bytes],
    progress: Progress,
) -> None:
    """Remove the files of imports that are over, and those of open ones that hold a row of the customer's.

    Their drafts and waiting imports are cancelled; one that runs has its file open and goes on to its end, without
    the customer's rows.
    """
    imports.remove_finished_uploads(db, instance.folder)
    for job in jobs.open_of_kind(db, "import"):
        if erasure.project_id not in (None, job.project_id):
            continue
        progress("uploads", 0, 1)
        path = imports.upload_path(instance.folder, job)
        if path.is_file() and _holds(path, job, erasure, keys, hashes):
            jobs.cancel_waiting(db, job.id, utc_now())
            path.unlink(missing_ok=True)


def drop_error_files(db: Database, instance: Instance, project_id: int | None) -> None:
    """Remove the lists of refused rows: they quote rows without saying whose."""
    folder = instance.folder / "imports"
    for path in list(folder.glob("*.csv")) if folder.is_dir() else []:
        if project_id is None or _job_of(path) in jobs.ids_of_project(db, project_id):
            path.unlink(missing_ok=True)


def drop_model_archives(db: Database, instance: Instance, versions: list[int]) -> None:
    """Remove the archives of model versions that saw the texts: made anew, their card says so."""
    for version in versions:
        for path in (instance.folder / "exports").glob(f"winnow-model-{version}-*.zip"):
            path.unlink(missing_ok=True)


def _holds(path: Path, job: Job, erasure: Erasure, keys: SubjectKeys, hashes: set[bytes]) -> bool:
    """Whether a row is the customer's, by author or by text; a file that cannot be read may be anybody's."""
    try:
        return any(
            (author and keys.customer(author) == erasure.subject_key) or text_hash(text) in hashes
            for author, text in _rows(path, job)
        )
    except (FileError, UnicodeEncodeError):
        return True


def _rows(path: Path, job: Job) -> Iterator[tuple[str, str]]:
    options, columns = imports.options_of({**job.payload, "columns": job.payload.get("columns") or {}})
    if columns.text is None:
        columns = preview(path, options, name=job.payload.get("name")).guess
    for row in open_file(path, options, job.payload.get("name")).rows():
        if isinstance(row, Row):
            yield row.cells.get(columns.author or "", ""), row.cells.get(columns.text or "", "")


def _job_of(path: Path) -> int | None:
    """The import or the draft that a list of refused rows is of: import-7-errors.csv."""
    number = path.name.split("-")[1] if "-" in path.name else ""
    return int(number) if number.isdecimal() else None
