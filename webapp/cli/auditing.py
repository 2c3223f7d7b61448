"""winnow audit: the log of who did what, taken away."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import click
from sqlite_utils import Database

from webapp.cli.context import pass_database
from webapp.cli.users import named
from webapp.cli.whole_file import written_whole
from webapp.instance import Instance
from webapp.labels_export import Format, write_labels
from webapp.store import audit
from webapp.store.audit import COLUMNS, Filters

day_type = click.DateTime(["%Y-%m-%d"])


@click.group("audit")
def audit_command() -> None:
    """Export the log of who did what."""


@audit_command.command("export")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--format", "format_", type=click.Choice(["csv", "jsonl"]), help="[default: by OUT's ending]")
@click.option("--user", "name", metavar="NAME", help="Only what this person did.")
@click.option("--action", default="", help="Only this action, as in user.add.")
@click.option("--since", type=day_type, help="From this day on (UTC).")
@click.option("--until", type=day_type, help="Up to this day (UTC), included.")
@pass_database
def export(
    instance: Instance,
    db: Database,
    out: Path,
    format_: str | None,
    name: str | None,
    action: str,
    since: datetime | None,
    until: datetime | None,
) -> None:
    """Write the log to OUT, oldest entry first. The log itself stays as it is: nothing can be taken out of it."""
    chosen = cast(Format, format_ or ("csv" if out.suffix.lower() == ".csv" else "jsonl"))
    filters = Filters(
        named(db, name).id if name else None,
        action,
        since.date() if since else None,
        until.date() if until else None,
    )
    with written_whole(out) as partial, partial.open("wb") as file:
        count = write_labels(_rows(db, filters), file, chosen, chosen == "csv", COLUMNS)
    click.echo(f"{count:,} entries written to {out} ({chosen}).")


def _rows(db: Database, filters: Filters) -> Iterator[dict[str, Any]]:
    return (entry.row() for entry in audit.export(db, filters))
