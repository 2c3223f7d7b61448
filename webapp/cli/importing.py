"""winnow import: a file of reviews into a project."""

import secrets
import shutil
from dataclasses import asdict
from pathlib import Path

import click
from sqlite_utils import Database

from webapp.cli.context import pass_database
from webapp.cli.long_work import see_through
from webapp.cli.output import ProgressLine
from webapp.importing import ROW_ERRORS, ColumnMap, FileOptions, choose_columns
from webapp.instance import Instance
from webapp.masking import RULES, Masking, rules_named
from webapp.store import jobs, projects, users
from webapp.store.connection import utc_now
from webapp.store.errors import InvalidValue
from webapp.store.projects import Project
from webapp.worker.import_rows import Screen
from webapp.worker.imports import ImportCounts, dry_run

NO_MASKS = Masking()
ROLES = ("text", "id", "rating", "product", "author", "date", "category", "label", "split", "language")


def column_options(function: click.decorators.FC) -> click.decorators.FC:
    """One option per role that a column can play."""
    for role in reversed(ROLES):
        note = "  The labels are human and count as such." if role == "label" else ""
        option = click.option(f"--{role}", metavar="COL", help=f"Column of the {role}.{note}")
        function = option(function)
    return function


@click.command("import")
@click.argument("project_name", metavar="PROJECT")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@column_options
@click.option("--encoding", help="As in utf-8, utf-16, gb18030, latin-1.  [default: found out]")
@click.option("--format", "format_", type=click.Choice(["csv", "tsv", "jsonl"]), help="[default: found out]")
@click.option(
    "--mask",
    default="none",
    show_default=True,
    metavar="RULES",
    help=f"What to mask, best effort: all, none, or some of {', '.join(RULES)}.",
)
@click.option("--keep-original", is_flag=True, help="Keep masked texts as they were too, for admins to see.")
@click.option("--dry-run", is_flag=True, help="Count what would come in; change nothing.")
@pass_database
def import_command(
    instance: Instance,
    db: Database,
    project_name: str,
    file: Path,
    encoding: str | None,
    format_: str | None,
    mask: str,
    keep_original: bool,
    dry_run: bool,
    **columns: str | None,
) -> None:
    """Import a file of reviews into a project.

    The file is CSV, TSV or JSON lines, plain or gzipped. Columns that are not named are guessed from their names and
    contents, except the label column: labels count as human only when it is named. Without a split column, holdout
    and validation reviews are drawn at random.
    """
    project = projects.named(db, project_name)
    options = FileOptions(encoding=encoding, format=format_)
    masking = Masking(rules_named(mask), keep_original)
    chosen = choose_columns(file, options, columns)
    click.echo(", ".join(f"{role}: {column}" for role, column in asdict(chosen).items() if column))
    if dry_run:
        counts = _dry_run(instance, db, project, file, options, chosen, masking)
    else:
        counts = import_file(instance, db, project, file, options, chosen, masking)
    _report(instance, counts, dry_run)


def import_file(
    instance: Instance,
    db: Database,
    project: Project,
    file: Path,
    options: FileOptions,
    columns: ColumnMap,
    masking: Masking = NO_MASKS,
) -> ImportCounts:
    """Import in this process, or let a live worker run it; Failed says why it did not end well."""
    kept = instance.uploads / f"{secrets.token_hex(16)}.upload"
    payload = {
        "file": kept.name,
        "name": file.name,
        "options": asdict(options),
        "columns": asdict(columns),
        "human_labels": columns.label is not None,
        "dry_run": False,
        **masking.to_payload(),
    }
    try:
        shutil.copyfile(file, kept)
        job = jobs.create(db, project.id, "import", payload, gold_author(db), utc_now())
    except BaseException:  # a full disk, Ctrl-C: nothing would ever remove what no import names
        kept.unlink(missing_ok=True)
        raise
    see_through(instance, db, "jobs", lambda: jobs.get(db, job.id))
    return ImportCounts.from_dict(jobs.get(db, job.id).result)


def gold_author(db: Database) -> int:
    """Whose name the labels of an imported file bear: the first active admin's."""
    admins = [user for user in users.everyone(db) if user.is_admin and user.disabled_at is None]
    if not admins:
        raise InvalidValue("There is no active admin. Add one with: winnow user add NAME --role admin")
    return min(user.id for user in admins)


def _dry_run(
    instance: Instance,
    db: Database,
    project: Project,
    file: Path,
    options: FileOptions,
    columns: ColumnMap,
    masking: Masking,
) -> ImportCounts:
    progress, screen = ProgressLine(), Screen(instance, masking.to_payload())
    human = columns.label is not None
    counts = dry_run(db, project, file, options, columns, human, progress, file.name, screen=screen)
    progress.end()
    return counts


def _report(instance: Instance, counts: ImportCounts, dry: bool) -> None:
    would = "would come" if dry else "came"
    pace = f" ({counts.rows / counts.seconds:,.0f} rows/s)" if counts.seconds else ""
    click.echo(
        f"{counts.rows:,} rows read in {counts.seconds:.1f} s{pace}: {counts.imported:,} reviews {would} in,"
    )
    click.echo(
        f"{counts.labelled:,} with a human label; {counts.duplicates:,} duplicates, {counts.empty:,} empty,"
        f" {counts.rejected:,} rejected."
    )
    if counts.masked:
        found = ", ".join(f"{number:,} {RULES[rule].words}" for rule, number in counts.masked.items())
        click.echo(f"Masked in {counts.masked_reviews:,} rows: {found}.")
    for code, number in counts.reasons.items():
        click.echo(f"  {number:,}: {ROW_ERRORS.get(code, code.replace('_', ' '))}")
    for code, number in counts.warnings.items():
        click.echo(f"  {number:,} read with a remark: {code.replace('_', ' ')}")
    if counts.error_file and counts.reasons:
        click.echo(f"Refused rows by number: {instance.folder / 'imports' / counts.error_file}")
