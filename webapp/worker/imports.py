"""Imports: stream a file into a project, batch by batch, so that a killed import goes on where it stopped."""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, fields
from itertools import islice
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from learner.progress import Progress, silent
from webapp.importing import ColumnMap, ErrorFile, FileOptions, ParsedReview, RowError, text_hash
from webapp.instance import Instance
from webapp.store import insertion, jobs, projects, rankings, work
from webapp.store.connection import utc_now, write_transaction
from webapp.store.jobs import Job
from webapp.store.projects import Project
from webapp.worker.import_rows import Screen, batches, opened

BATCH = 1_000
# Categories beyond these are somebody's free text; nobody is assigned to one of thousands.
KINDS_COUNTED = 500


@dataclass
class ImportCounts:
    """What an import did or, as a dry run, would do; `reasons` and `warnings` count rows by code.

    `languages` and `categories` count the reviews imported, those that name none under "": assigning people to
    them then takes no look at a million reviews.
    """

    rows: int = 0
    imported: int = 0
    labelled: int = 0
    duplicates: int = 0
    empty: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)
    languages: dict[str, int] = field(default_factory=dict)
    categories: dict[str, int] = field(default_factory=dict)
    # By rule, what was masked in the rows read; and how many reviews hold a mask.
    masked: dict[str, int] = field(default_factory=dict)
    masked_reviews: int = 0
    error_file: str | None = None
    # Up to where rows and error file stand for what is stored: an interrupted import goes on there.
    rows_done: int = 0
    error_bytes: int = 0
    seconds: float = 0.0

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ImportCounts":
        """Read what `asdict` wrote, as after a restart."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def refuse(self, error: RowError, error_file: ErrorFile | None) -> None:
        """Count and write down a row that does not become a review."""
        if error.code == "empty":
            self.empty += 1
        else:
            self.rejected += 1
        self.reasons[error.code] = self.reasons.get(error.code, 0) + 1
        if error_file is not None:
            error_file.write(error)

    def warn(self, review: ParsedReview) -> None:
        """Count what could not be understood in a row that was read all the same, and what was masked."""
        self.warnings = dict(Counter(self.warnings) + Counter(review.notes))
        self.masked = dict(Counter(self.masked) + Counter(review.masked))
        self.masked_reviews += bool(review.masked)

    def add(self, outcome: insertion.BatchOutcome) -> None:
        """Count a batch that was stored."""
        self.imported += outcome.inserted
        self.labelled += outcome.labelled
        self.duplicates += outcome.duplicates
        self.languages = _with_at_most(KINDS_COUNTED, self.languages, outcome.languages)
        self.categories = _with_at_most(KINDS_COUNTED, self.categories, outcome.categories)


def options_of(payload: dict[str, Any]) -> tuple[FileOptions, ColumnMap]:
    """The file options and the column map of an import job."""
    return FileOptions(**payload.get("options", {})), ColumnMap(**payload.get("columns", {}))


def dry_run(
    db: Database,
    project: Project,
    path: Path,
    options: FileOptions,
    columns: ColumnMap,
    human_labels: bool,
    progress: Progress = silent,
    name: str | None = None,
    errors: Path | None = None,
    screen: Screen | None = None,
) -> ImportCounts:
    """Count what an import would do, without writing a review; FileError when the file cannot be read."""
    started = time.monotonic()
    counts = ImportCounts(error_file=errors.name if errors else None)
    seen_texts: set[bytes] = set()
    seen_ids: set[str | None] = set()
    file = opened(path, options, columns, name)
    refusal = screen.refusals(db, project) if screen else lambda review: None
    masker = screen.masker if screen else None
    with ErrorFile(errors) if errors else nullcontext() as error_file:
        for batch in batches(file, project, columns, human_labels, masker, BATCH):
            parsed = _refuse_errors(batch, counts, error_file)
            hashes = [text_hash(review.text) for review in parsed]
            seen_texts |= insertion.existing_hashes(db, project.id, hashes)
            seen_ids |= insertion.existing_external_ids(
                db, project.id, [r.external_id for r in parsed if r.external_id]
            )
            for review, digest in zip(parsed, hashes, strict=True):
                if refused := refusal(review):
                    counts.refuse(refused, error_file)
                elif digest in seen_texts:
                    counts.duplicates += 1
                elif review.external_id in seen_ids:
                    error = RowError(
                        review.row, "duplicate_id", "This id belongs to another review.", review.text[:200]
                    )
                    counts.refuse(error, error_file)
                else:
                    counts.imported += 1
                    counts.labelled += review.label is not None
                    seen_texts.add(digest)
                    if review.external_id:
                        seen_ids.add(review.external_id)
            progress("import", file.bytes_read, file.size)
    counts.seconds = time.monotonic() - started
    return counts


def run(db: Database, instance: Path, claim: work.Claim, progress: Progress) -> None:
    """Run a claimed import job: rows in batches, then the parts are drawn and the queue opens."""
    remove_finished_uploads(db, instance)
    job = jobs.get(db, claim.id)
    project = projects.get(db, job.project_id)
    errors = instance / "imports" / f"import-{job.id}-errors.csv"
    errors.parent.mkdir(exist_ok=True)
    if job.payload.get("dry_run"):
        options, columns = options_of(job.payload)
        path, human, name = (
            upload_path(instance, job),
            bool(job.payload.get("human_labels")),
            job.payload.get("name"),
        )
        screen = Screen(Instance(instance), job.payload)
        counts = dry_run(db, project, path, options, columns, human, progress, name, errors, screen)
        jobs.save_result(db, claim, asdict(counts))
        return
    _insert(db, instance, claim, job, project, errors, progress)
    insertion.open_import(db, project, job.id)
    _offer(db, project)


def remove_finished_uploads(db: Database, instance: Path) -> None:
    """The files of imports that are over: not in the run itself, which a kill may yet repeat."""
    for name in jobs.finished_uploads(db):
        (instance / "uploads" / name).unlink(missing_ok=True)


def upload_path(instance: Path, job: Job) -> Path:
    """Where the file of an import job lies."""
    return instance / "uploads" / str(job.payload["file"])


def _insert(
    db: Database,
    instance: Path,
    claim: work.Claim,
    job: Job,
    project: Project,
    errors: Path,
    progress: Progress,
) -> None:
    """Insert the file's rows; each batch, its counts and how far it came are one transaction."""
    screen = Screen(Instance(instance), job.payload)
    options, columns = options_of(job.payload)
    human_labels = bool(job.payload.get("human_labels"))
    counts = ImportCounts.from_dict(job.result)
    counts.error_file = errors.name
    started = time.monotonic() - counts.seconds
    file = opened(upload_path(instance, job), options, columns, job.payload.get("name"))
    # The batches a killed attempt committed, the last and shorter one too, are counted already and are read past.
    every = batches(file, project, columns, human_labels, screen.masker, BATCH)
    rest = islice(every, math.ceil(counts.rows_done / BATCH), None)
    with ErrorFile(errors, counts.error_bytes) as error_file:
        for batch in rest:
            parsed = _refuse_errors(batch, counts, error_file)
            hashed = insertion.with_hashes(parsed)  # the slow part, before the lock that annotators wait for
            with write_transaction(db):
                # In the transaction: an erasure that ends this very moment counts.
                hashed = _without_erased(hashed, screen.refusals(db, project), counts, error_file)
                by = job.requested_by if human_labels else None
                outcome = insertion.insert_batch(db, project, job.id, hashed, by, utc_now())
                _add(counts, outcome, parsed, error_file)
                counts.rows_done += len(batch)
                counts.error_bytes = error_file.keep()
                counts.seconds = time.monotonic() - started
                jobs.save_result(db, claim, asdict(counts))
            progress("import", file.bytes_read, file.size)


def _offer(db: Database, project: Project) -> None:
    """Let people label the new reviews at once, and encode them meanwhile."""
    now = utc_now()
    if projects.get(db, project.id).model_version_id is None:
        rankings.publish_random(db, project.id, now)
    if jobs.open_job(db, project.id, "encode") is None:
        encoder = project.settings.learner.get("encoder", "e5-small")
        jobs.create(db, project.id, "encode", {"encoder": encoder}, None, now)


def _refuse_errors(
    batch: list[ParsedReview | RowError], counts: ImportCounts, error_file: ErrorFile | None
) -> list[ParsedReview]:
    counts.rows += len(batch)
    parsed = []
    for row in batch:
        if isinstance(row, RowError):
            counts.refuse(row, error_file)
        else:
            counts.warn(row)
            parsed.append(row)
    return parsed


def _without_erased(
    hashed: list[insertion.NewReview],
    refusal: Callable[[ParsedReview], RowError | None],
    counts: ImportCounts,
    error_file: ErrorFile,
) -> list[insertion.NewReview]:
    kept = []
    for review in hashed:
        if refused := refusal(review.parsed):
            counts.refuse(refused, error_file)
        else:
            kept.append(review)
    return kept


def _add(
    counts: ImportCounts, outcome: insertion.BatchOutcome, parsed: list[ParsedReview], error_file: ErrorFile
) -> None:
    counts.add(outcome)
    texts = {review.row: review.text for review in parsed}
    for row, code, message in outcome.rejected:
        counts.refuse(RowError(row, code, message, texts[row][:200]), error_file)


def _with_at_most(limit: int, counted: dict[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """The counts with more added; a kind that comes when there are so many already is left out."""
    counted = dict(counted)
    for kind, count in more.items():
        if kind in counted or len(counted) < limit:
            counted[kind] = counted.get(kind, 0) + count
    return counted
