"""winnow backup, winnow restore, winnow doctor: an instance is kept safe."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from webapp import instance_lock
from webapp.backups.backup_file import Manifest
from webapp.cli.context import pass_database, pass_instance
from webapp.cli.output import json_option, print_rows
from webapp.instance import Instance
from webapp.store.connection import utc_now

if TYPE_CHECKING:
    from sqlite_utils import Database

COUNTED = ("projects", "reviews", "annotations", "users")


@click.command("backup")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--with-encoders", is_flag=True, help="Put the encoders in too; they can be fetched again.")
@click.option("--verify", is_flag=True, help="Make none; check FILE from its first byte to its last.")
@pass_instance
def backup_command(instance: Instance, file: Path | None, with_encoders: bool, verify: bool) -> None:
    """Back up the instance into one file, while it is at work.

    The file holds the database, the secret key, config.py, the checkpoints and the journal of erasures; whoever has
    it can read every review, so keep it as safe as the instance. Encoders are left out. FILE may be a folder; without
    FILE the backup goes to the instance's folder backups, where old ones are removed as new ones come.
    """
    from webapp.backups import making

    if verify:
        if file is None:
            raise click.UsageError("Name the FILE to verify.")
        click.echo(f"{file} is whole: {_contents(making.verify(file))}.")
        return
    if not instance.database.exists():
        raise click.ClickException(f"There is no Winnow instance in {instance.folder}.")
    with instance_lock.shared(instance):
        made = making.make(instance, file, "command", with_encoders)
    click.echo(f"{made.path} ({made.bytes / 1e6:,.1f} MB), verified: {_contents(made.manifest)}.")
    for name in made.manifest.missing:
        click.echo(f"The checkpoint {name} is missing or damaged, so it is not in it.", err=True)
    for name in made.left_out:
        click.echo(
            f"{name!r} is not in it: no backup has a file of such a name. Rename or remove it.", err=True
        )


@click.command("restore")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--finish", is_flag=True, help="Finish a restore that was cut off.")
@pass_instance
def restore_command(instance: Instance, file: Path | None, finish: bool) -> None:
    """Put a backup in the place of the instance.

    Stop Winnow first. The whole file is checked before anything is touched; an older one is brought up to date.
    Everybody has to log in again, API tokens are revoked, and who was erased meanwhile stays erased. What was there
    before is moved into a folder beside, not removed.
    """
    from webapp.backups import restoring

    if finish == (file is not None):
        raise click.UsageError("Name the FILE to restore, or say --finish.")
    if file is None:
        with instance_lock.alone(instance):
            done = restoring.finish(instance)
        click.echo("The restore is finished." if done else "There was no restore to finish.")
        return
    restored = restoring.restore(instance, file, utc_now())
    click.echo(f"Restored from {file}, made {restored.manifest.created_at}: {_contents(restored.manifest)}.")
    if restored.migrated:
        click.echo(f"Brought up to date: {', '.join(restored.migrated)}.")
    click.echo(f"Ended {restored.sessions} sessions, revoked {restored.tokens} API tokens.")
    if restored.erased:
        click.echo(f"Erased again, as the journal says: {restored.erased}.")
    if not restored.has_admin:
        click.echo("No admin is left. Add one with: winnow user add NAME --role admin", err=True)
    if restored.config_aside:
        click.echo(
            f"The configuration in the backup is a program, so it was put beside as {restoring.CONFIG_ASIDE}."
            " Read it, then rename it to config.py.",
            err=True,
        )
    for name in restored.manifest.missing:
        click.echo(f"The checkpoint {name} was not in the backup; rounds will make new ones.", err=True)
    if restored.former:
        click.echo(f"What was here before lies in {restored.former}. Remove it when all is well.")


def _contents(manifest: Manifest) -> str:
    counts = ", ".join(f"{manifest.rows.get(table, 0):,} {table}" for table in COUNTED)
    folders = {name.split("/")[1] for name in manifest.members if name.startswith("checkpoints/")}
    return f"{counts}, {len(folders)} checkpoints"


@click.command("doctor")
@click.option("--clean", is_flag=True, help="Remove files that nothing names.")
@json_option
@pass_database
def doctor_command(instance: Instance, db: "Database", clean: bool, as_json: bool) -> None:
    """Look for everything that can be wrong with the instance, and say what to do.

    Every page of the database and every file of every checkpoint is read, so it may take minutes. The exit code is 0
    when all is well, else 1.
    """
    from webapp import configuration, diagnosis, orphans

    now = utc_now()
    if clean:
        for path in (found := orphans.find(db, instance, now)):
            click.echo(f"Removed {path.relative_to(instance.folder)}.", err=True)
        orphans.remove(found)
    findings = diagnosis.quick(db, instance, configuration.read(instance), now)
    findings += diagnosis.thorough(db, instance, now)
    rows = [
        {"check": each.name, "ok": each.ok, "found": each.english, "advice": "" if each.ok else each.advice}
        for each in findings
    ]
    if as_json:
        print_rows(rows, True, "")
    else:
        shown = [
            {"ok": "ok" if row["ok"] else "NO", "check": row["check"], "found": row["found"]} for row in rows
        ]
        print_rows(shown, False, "")
        for row in rows:
            if not row["ok"]:
                click.echo(f"\n{row['check']}: {row['advice']}")
    if not all(each.ok for each in findings):
        raise SystemExit(1)
