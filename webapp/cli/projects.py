"""winnow project: projects."""

import click
from sqlite_utils import Database

from webapp.cli.context import pass_database
from webapp.cli.output import json_option, print_rows
from webapp.instance import Instance
from webapp.store import projects, reviews, stopping
from webapp.store.projects import DEFAULT_LABELS, LANGUAGES, ProjectSettings
from webapp.usual_encoder import with_encoder


@click.group("project")
def project_command() -> None:
    """Create and list projects."""


@project_command.command("create")
@click.argument("name")
@click.option(
    "--labels",
    default=",".join(DEFAULT_LABELS),
    show_default=True,
    help="In the order of their keys 1, 2, 3 ...",
)
@click.option(
    "--language", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Of the reviews."
)
@pass_database
def create(instance: Instance, db: Database, name: str, labels: str, language: str) -> None:
    """Create a project: one label set and its reviews."""
    settings = with_encoder(ProjectSettings(), instance, language)
    project = projects.create(db, name, labels.split(","), language, settings)
    click.echo(
        f"Created project {project.id}: {project.name} ({', '.join(label.name for label in project.labels)})."
    )
    click.echo(f'Bring in reviews with: winnow import "{project.name}" FILE')


@project_command.command("list")
@json_option
@pass_database
def list_(instance: Instance, db: Database, as_json: bool) -> None:
    """List all projects with their size."""
    rows = []
    for project in projects.everything(db):
        counts = reviews.counts(db, project.id)
        row = {"id": project.id, "name": project.name, "language": project.language}
        row |= {"labels": ",".join(label.name for label in project.labels)}
        row |= {"reviews": counts["total"], "labelled": counts["labelled"], "holdout": counts["holdout"]}
        advice = stopping.advice(db, project.id)
        rows.append(row | {"advice": advice["sentence"] if advice else None})
    print_rows(rows, as_json, "There is no project yet. Create one with: winnow project create NAME")
