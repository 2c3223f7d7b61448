"""winnow erase: take a customer or an annotator out for good."""

from collections.abc import Sequence

import click
from sqlite_utils import Database

from webapp import byte_search, erasing
from webapp.cli.context import pass_database
from webapp.cli.long_work import Failed, see_through
from webapp.cli.output import json_option, print_rows
from webapp.cli.users import named
from webapp.instance import Instance
from webapp.store import compaction, erased_people, erasures, jobs, projects
from webapp.store.connection import utc_now

sure_option = click.option("--yes", is_flag=True, help="Do not ask again.")
verify_option = click.option(
    "--verify", is_flag=True, help="Look for every text in the bytes of every file afterwards."
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would go; change nothing.")


@click.group("erase")
def erase_command() -> None:
    """Erase a customer or an annotator for good, and list what was erased."""


@erase_command.command("customer")
@click.argument("customer", metavar="ID")
@click.option("--project", "project_name", metavar="PROJECT", help="In this project.  [default: in all]")
@dry_run_option
@verify_option
@sure_option
@pass_database
def customer(
    instance: Instance,
    db: Database,
    customer: str,
    project_name: str | None,
    dry_run: bool,
    verify: bool,
    yes: bool,
) -> None:
    """Erase a customer's reviews with everything that hangs on them.

    ID is what the column of authors held when the reviews were imported. What is left: weights of models that
    learned from the texts (they are marked), and backups (see docs/privacy.md). Later imports refuse the customer's
    rows.
    """
    project = projects.named(db, project_name) if project_name else None
    found = erasing.preview_customer(db, instance, customer, project)
    where = ", ".join(f"{name}: {count:,}" for name, count in found.projects.items())
    click.echo(f"{found.reviews:,} reviews{f' ({where})' if where else ''}, {found.annotations:,} answers,")
    click.echo(
        f"{found.predictions:,} predictions. Model versions that learned from them: {len(found.stale)}."
    )
    if dry_run:
        return
    _ask("Erase this customer? It cannot be undone.", yes)
    pieces = erasing.customer_pieces(db, instance, customer, project) if verify else []
    job = erasing.request_customer(db, instance, customer, project, None, utc_now())
    _carry_out(instance, db, job.id, pieces, verify)


@erase_command.command("annotator")
@click.argument("name")
@dry_run_option
@verify_option
@sure_option
@pass_database
def annotator(instance: Instance, db: Database, name: str, dry_run: bool, verify: bool, yes: bool) -> None:
    """Erase an account: name, password, sessions, tokens, keys, notes. The labels stay under a pseudonym."""
    user = named(db, name)
    kept = erased_people.count_annotations(db, user.id)
    click.echo(f"{kept:,} answers stay, under the name {erased_people.tombstone(user.id)}.")
    if dry_run:
        return
    _ask(f"Erase {user.name}? It cannot be undone.", yes)
    pieces = byte_search.pieces_of([], [user.name]) if verify else []
    job = erasing.request_annotator(db, instance, user, None, utc_now())
    _carry_out(instance, db, job.id, pieces, verify)


@erase_command.command("list")
@json_option
@pass_database
def list_(instance: Instance, db: Database, as_json: bool) -> None:
    """List the erasures; they do not say who it was."""
    rows = [
        {
            "id": each.id,
            "kind": each.kind,
            "state": each.state,
            "reviews": each.reviews,
            "answers": each.annotations,
            "versions": len(each.model_versions),
            "at": each.created_at,
        }
        for each in erasures.everything(db)
    ]
    print_rows(rows, as_json, "Nobody was erased yet.")


@erase_command.command("compact")
@pass_database
def compact(instance: Instance, db: Database) -> None:
    """Write the database anew, without what deletions left in its pages; best while nobody works.

    An erasure does this by itself unless the database is larger than 256 MB: others cannot write meanwhile.
    """
    before = compaction.size(db)
    compaction.rewrite(db)
    compaction.empty_log(db)
    click.echo(f"{before / 1e6:,.1f} MB before, {compaction.size(db) / 1e6:,.1f} MB now.")


def _ask(question: str, yes: bool) -> None:
    if not yes:
        click.confirm(question, abort=True)


def _carry_out(instance: Instance, db: Database, job_id: int, pieces: Sequence[str], verify: bool) -> None:
    see_through(instance, db, "jobs", lambda: jobs.get(db, job_id))
    result = jobs.get(db, job_id).result
    click.echo("Erased.")
    if not result["rewritten"]:
        click.echo("The database is large. In a quiet hour run `winnow erase compact` as well.")
    if verify:
        sought = erasing.said_by_nobody_else(db, list(pieces))
        searched = byte_search.search(instance.folder, sought, ("backups",))
        click.echo(
            f"Looked for {len(sought):,} of {len(pieces):,} texts and names in {searched.files:,} files,"
            f" {searched.bytes / 1e6:,.1f} MB; others say the rest as well."
        )
        result = {"found": searched.found}
    if result["found"]:
        raise Failed(f"Something is left in {', '.join(result['found'])}.")
