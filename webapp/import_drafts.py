"""An import before it starts: the uploaded file, how it is to be read, and what a dry run found."""

import os
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlite_utils import Database
from werkzeug.datastructures import FileStorage

from webapp.forms.form import Form
from webapp.forms.import_form import FileReading, file_reading, filled_file_reading
from webapp.importing import (
    ColumnMap,
    FileError,
    FileOptions,
    Preview,
    Row,
    guess_columns,
    open_file,
    preview,
)
from webapp.instance import Instance
from webapp.masking import RULES, Masking
from webapp.store import jobs
from webapp.store.jobs import Job
from webapp.store.projects import Project
from webapp.worker import imports
from webapp.worker.import_rows import Screen

PREVIEW_ROWS = 20
# Enough to see what masks do, within the time of a page.
MASK_ROWS, MASK_EXAMPLES = 2_000, 5
# A file of this size is checked within a request, in seconds; anything larger is a job for the worker.
CHECKED_AT_ONCE = 20_000_000
# Packed reviews are a quarter to a third of their plain size.
PACKED = 4


@dataclass(frozen=True)
class Reading:
    """A file as it will be read; `preview` is None, with the error, where it cannot be."""

    form: Form[FileReading]
    preview: Preview | None
    error: FileError | None


def keep_upload(upload: FileStorage, folder: Path) -> str:
    """Store an uploaded file under a name of our own; returns that name. FileError when it is empty or does not fit."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{secrets.token_hex(16)}.upload"
    path = folder / name
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            upload.save(out)
        if path.stat().st_size == 0:
            raise FileError("empty", "The file is empty. It needs a header line and a row for each review.")
    except OSError as error:
        path.unlink(missing_ok=True)
        raise FileError(
            "not_stored", f"The file could not be stored ({error.strerror}). Nothing was imported."
        ) from error
    except BaseException:  # whoever sent it is gone, or sent too much
        path.unlink(missing_ok=True)
        raise
    return name


def begin(db: Database, project: Project, file: str, name: str, by: int, now: datetime) -> Job:
    """A draft for an uploaded file; `name` is what it was called."""
    payload = {
        "file": file,
        "name": name,
        "options": asdict(FileOptions()),
        "columns": None,
        "human_labels": False,
        # Whoever wants less masked says so; nothing is masked of what they do not see first.
        **Masking(tuple(RULES)).to_payload(),
    }
    return jobs.create(db, project.id, "import", payload, by, now, draft=True)


def discard(db: Database, instance: Instance, job: Job, by: int, now: datetime) -> None:
    """Cancel a draft and remove its file."""
    jobs.cancel(db, job.id, by, now)
    path_of(instance, job).unlink(missing_ok=True)


def path_of(instance: Instance, job: Job) -> Path:
    """Where the uploaded file lies."""
    return instance.uploads / str(job.payload["file"])


def read(instance: Instance, job: Job) -> Reading:
    """The preview of a draft with its columns, guessed where nobody has chosen yet."""
    options, masking = FileOptions(**job.payload["options"]), Masking.of(job.payload)
    try:
        shown = preview(path_of(instance, job), options, PREVIEW_ROWS, job.payload["name"])
    except FileError as error:
        return Reading(filled_file_reading(options, ColumnMap(), False, masking), None, error)
    chosen = job.payload["columns"]
    columns = ColumnMap(**chosen) if chosen else shown.guess
    if not set(filter(None, asdict(columns).values())) <= set(shown.columns):
        columns = guess_columns(shown.columns, [row.cells for row in shown.rows])
    human = bool(job.payload["human_labels"])
    return Reading(filled_file_reading(options, columns, human, masking), shown, None)


@dataclass(frozen=True)
class MaskPreview:
    """What masks do to the first rows of a file: counts by rule, and some rows before and after."""

    rows: int
    any_chosen: bool
    counts: dict[str, int]
    examples: list[tuple[int, str, str]]


def preview_masks(instance: Instance, job: Job, columns: ColumnMap) -> MaskPreview:
    """Mask the first rows of a draft's file, for people to look at; nothing is stored."""
    masker = Screen(instance, job.payload).masker
    options = FileOptions(**job.payload["options"])
    file = open_file(path_of(instance, job), options, job.payload["name"])
    rows = [row for row in islice(file.rows(), MASK_ROWS) if isinstance(row, Row)]
    masked = [masker.row(row, columns) for row in rows] if masker else []
    texts = [
        (row.cells.get(columns.text or "", ""), each.row) for row, each in zip(rows, masked, strict=False)
    ]
    changed = [
        (row.number, before, after)
        for before, row in texts
        if (after := row.cells.get(columns.text or "", "")) != before
    ]
    counts = Counter(rule for each in masked for rule in each.rules)
    return MaskPreview(len(rows), masker is not None, dict(counts), changed[:MASK_EXAMPLES])


def change(db: Database, job: Job, typed: Mapping[str, str]) -> Form[FileReading]:
    """Keep what was chosen on the preview page; another encoding or format has its columns guessed anew."""
    form = file_reading(typed)
    if form.errors:
        return form
    chosen = form.checked()
    same_file = asdict(chosen.options) == job.payload["options"]
    payload = {
        **_plain(job.payload),
        "options": asdict(chosen.options),
        "columns": asdict(chosen.columns) if same_file else None,
        "human_labels": chosen.human_labels,
        **chosen.masking.to_payload(),
    }
    jobs.update_draft(db, job.id, payload)
    return form


def is_checked_at_once(path: Path) -> bool:
    """Whether a dry run of this file is short enough for a request."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return path.stat().st_size * (PACKED if packed else 1) <= CHECKED_AT_ONCE


def check(db: Database, instance: Instance, project: Project, job: Job, by: int, now: datetime) -> None:
    """Find out what the import would do, now or through the worker; FileError when the file cannot be read."""
    path = path_of(instance, job)
    payload = _plain(job.payload)
    if not is_checked_at_once(path):
        check_job = jobs.create(db, project.id, "import", {**payload, "dry_run": True}, by, now)
        jobs.update_draft(db, job.id, {**payload, "check_job": check_job.id})
        return
    options, columns = imports.options_of(payload)
    errors = instance.folder / "imports" / f"check-{job.id}-errors.csv"
    errors.parent.mkdir(exist_ok=True)
    human = bool(payload["human_labels"])
    screen = Screen(instance, payload)
    counts = imports.dry_run(
        db, project, path, options, columns, human, name=payload["name"], errors=errors, screen=screen
    )
    jobs.update_draft(db, job.id, {**payload, "checked": asdict(counts)})


def checked(db: Database, job: Job) -> tuple[dict[str, Any] | None, Job | None]:
    """What the dry run of a draft found, and the job that does or did it where there is one."""
    check_job = jobs.get(db, job.payload["check_job"]) if "check_job" in job.payload else None
    if check_job is not None:
        return (check_job.result if check_job.state == "done" else None), check_job
    return job.payload.get("checked"), None


def start(db: Database, job: Job, now: datetime) -> None:
    """Queue the import; InvalidValue when it was started before."""
    jobs.submit(db, job.id, {**_plain(job.payload), "dry_run": False}, now)


def _plain(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload without what a dry run left."""
    return {name: value for name, value in payload.items() if name not in ("checked", "check_job")}
