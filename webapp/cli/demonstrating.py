"""What `winnow demo` prepares before the server starts."""

import tempfile
from pathlib import Path

import click
from sqlite_utils import Database

from webapp import demo
from webapp.cli.importing import import_file
from webapp.cli.playing import play
from webapp.cli.setting_up import add_default_encoder, set_up
from webapp.importing import FileOptions
from webapp.instance import Instance, open_instance
from webapp.store import projects, reviews
from webapp.store.projects import Project, ProjectSettings
from webapp.usual_encoder import with_encoder

SETTINGS = ProjectSettings(holdout_size=demo.HOLDOUT, validation_size=demo.VALIDATION)


def prepare(instance: Instance, players: int = 0) -> None:
    """Make the instance, the default encoder and the demo project, each only where it is missing.

    players: so many of the study's raters label a new demo project through some rounds.
    """
    new = set_up(instance)
    add_default_encoder(instance)
    db = open_instance(instance)
    try:
        project = _project(instance, db)
        if not reviews.counts(db, project.id)["total"]:
            fetched = _fill(instance, db, project)
            if players:
                play(instance, db, project, fetched, players)
        elif players:
            click.echo(
                "The demo project is there already, so nobody plays. Start anew with another --instance."
            )
    finally:
        db.close()
    if not new:
        click.echo("Log in with the name and password of the first start. Lost? winnow user passwd admin")


def _project(instance: Instance, db: Database) -> Project:
    found = [project for project in projects.everything(db) if project.name == demo.PROJECT]
    return (
        found[0]
        if found
        else projects.create(db, demo.PROJECT, settings=with_encoder(SETTINGS, instance, "en"))
    )


def _fill(instance: Instance, db: Database, project: Project) -> list[demo.DemoReview]:
    click.echo("Fetching the demo reviews ...")
    fetched = demo.fetch()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "amazon_reviews.csv"
        demo.write_csv(fetched, file)
        counts = import_file(instance, db, project, file, FileOptions(encoding="utf-8"), demo.COLUMNS)
    click.echo(
        f"{counts.imported:,} reviews, {counts.labelled} of them labelled by 20 people each, to measure with."
        " The rest is yours to label."
    )
    return fetched
