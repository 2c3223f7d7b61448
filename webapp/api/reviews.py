"""Reviews come in: a CSV or JSON lines body, streamed to a file, then the same import job as everywhere."""

import csv
import hashlib
import time
from contextlib import suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, json, request
from sqlite_utils import Database
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import UnsupportedMediaType

from learner.progress import silent
from webapp import import_drafts
from webapp.access.auth import the_user
from webapp.api import replay
from webapp.api.access import scope
from webapp.api.problems import Invalid, answer
from webapp.clock import now
from webapp.db import get_db
from webapp.forms.import_form import ROLES_OF_COLUMNS
from webapp.importing import ColumnMap, FileError, FileOptions, choose_columns, open_file
from webapp.instance import Instance
from webapp.masking import Masking, rules_named
from webapp.store import jobs, projects, work
from webapp.store.connection import utc_now, write_transaction
from webapp.store.errors import InvalidValue, StaleToken
from webapp.store.idempotency import Kept
from webapp.store.jobs import Job
from webapp.worker.loop import run_now

blueprint = Blueprint("api_reviews", __name__)

# None is found out from the content, as with a file.
FORMATS = {
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/jsonlines": "jsonl",
    "application/x-jsonlines": "jsonl",
    "text/plain": None,
    "application/gzip": None,
    "application/octet-stream": None,
}
# Enough to see what is wrong; the import's page has them all.
MOST_REJECTED = 1_000
LOOK_SECONDS = 0.2
RETRY_SECONDS = 5


@blueprint.post("/projects/<row:project_id>/reviews")
@scope("admin")
def create(project_id: int) -> Response:
    """Import the body. Query: a column a role, as in text=body&id=review_id; label=COL says that labels are human.

    mask=email,phone or mask=all, and keep_original=true, are as on the command line.
    """
    projects.get(get_db(), project_id)
    options, named, masking, sent = _options(), _named_columns(), _masking(), replay.key()
    request.max_content_length = current_app.config["MAX_UPLOAD_LENGTH"]
    try:
        file = import_drafts.keep_upload(FileStorage(request.stream), _instance().uploads)
        path = _instance().uploads / file
        try:
            columns = _checked_columns(path, options, named)
            job, is_new = _job(project_id, file, options, columns, masking, sent)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    except FileError as error:
        if error.code == "not_stored":
            return answer(507, error.message)
        raise Invalid({"body": error.message}) from error
    if not is_new:
        path.unlink()
    return _outcome(_brought_in(job))


def _options() -> FileOptions:
    if request.mimetype and request.mimetype not in FORMATS:
        raise UnsupportedMediaType(f"Send one of {', '.join(FORMATS)}, plain or gzipped.")
    return FileOptions(
        encoding=request.args.get("encoding") or request.mimetype_params.get("charset"),
        format=request.args.get("format") or FORMATS.get(request.mimetype),
    )


def _named_columns() -> dict[str, str]:
    known = (*ROLES_OF_COLUMNS, "encoding", "format", "mask", "keep_original")
    unknown = {
        name: f"is not known; known are {', '.join(known)}." for name in request.args if name not in known
    }
    if unknown:
        raise Invalid(unknown)
    return {role: request.args[role] for role in ROLES_OF_COLUMNS if request.args.get(role)}


def _masking() -> Masking:
    keep = request.args.get("keep_original", "false")
    if keep not in ("true", "false"):
        raise Invalid({"keep_original": "is true or false."})
    try:
        return Masking(rules_named(request.args.get("mask", "none")), keep == "true")
    except InvalidValue as error:
        raise Invalid({"mask": str(error)}) from error


def _checked_columns(path: Path, options: FileOptions, named: dict[str, str]) -> ColumnMap:
    columns = choose_columns(path, options, named)
    found = open_file(path, options).columns
    missing = {role: f"There is no column {name}." for role, name in named.items() if name not in found}
    if columns.text is None:
        missing["text"] = f"Name the column of the text; the body has {', '.join(found[:50])}."
    if missing:
        raise Invalid(missing)
    return columns


def _job(
    project_id: int,
    file: str,
    options: FileOptions,
    columns: ColumnMap,
    masking: Masking,
    key: str | None,
) -> tuple[Job, bool]:
    """The job for this body, and whether it is new: under a key that came before, the job of that time."""
    payload = {
        "file": file,
        "name": file,
        "options": asdict(options),
        "columns": asdict(columns),
        "human_labels": columns.label is not None,
        "dry_run": False,
        **masking.to_payload(),
    }
    digest = replay.request_hash(_digest(_instance().uploads / file)) if key else b""
    with write_transaction(get_db()):
        earlier = replay.find(key, digest) if key else None
        if earlier is not None:
            return jobs.get(get_db(), json.loads(earlier.body)["job"]), False
        job = jobs.create(get_db(), project_id, "import", payload, the_user().id, now())
        if key:
            replay.keep(key, digest, Kept(None, json.dumps({"job": job.id})))
    return job, True


def _brought_in(job: Job) -> Job:
    """The job at its end: a short one is run here and now, a long one by a worker where one is alive."""
    db, deadline = get_db(), time.monotonic() + current_app.config["API_IMPORT_WAIT_SECONDS"]
    path = import_drafts.path_of(_instance(), job)
    short = path.exists() and import_drafts.is_checked_at_once(path)
    while (seen := jobs.get(db, job.id)).is_open and time.monotonic() < deadline:
        if seen.state == "queued" and (short or not work.live_workers(db, utc_now())):
            _run_here(db, job)
        else:
            time.sleep(LOOK_SECONDS)
    return seen


def _run_here(db: Database, job: Job) -> None:
    with suppress(StaleToken):  # a worker was faster
        run_now(db, _instance().folder, "jobs", job.id, silent)


def _outcome(job: Job) -> Response:
    if job.is_open:
        response = answer(
            503, "The import goes on. Send the same again, with the same Idempotency-Key, for its result."
        )
        response.headers["Retry-After"] = str(RETRY_SECONDS)
        return response
    if job.state != "done":
        return answer(422 if job.state == "failed" else 409, job.error or "This import was cancelled.")
    counts = job.result
    body: dict[str, Any] = {
        "job": job.id,
        "rows": counts["rows"],
        "imported": counts["imported"],
        "labelled": counts["labelled"],
        "duplicates": counts["duplicates"],
        "rejected_count": counts["rejected"] + counts["empty"],
        "rejected": _rejected(_instance().folder / "imports" / counts["error_file"]),
        "warnings": counts["warnings"],
    }
    return replay.answer(Kept(200, json.dumps(body)))


def _rejected(path: Path) -> list[dict[str, Any]]:
    """The first refused rows: number, reason, and words."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(islice(csv.DictReader(file), MOST_REJECTED))
    return [{"row": int(row["row"]), "reason": row["reason"], "message": row["message"]} for row in rows]


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _instance() -> Instance:
    instance: Instance = current_app.config["INSTANCE"]
    return instance
