"""winnow export: the labelled data and the model, to take away."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import click
from sqlite_utils import Database

from learner.settings import TUNED
from webapp.cli.context import pass_database
from webapp.cli.output import ProgressLine
from webapp.cli.whole_file import written_whole
from webapp.instance import Instance
from webapp.labels_export import COLUMNS, CONSENSUS_COLUMNS, FORMATS, Format, write_labels
from webapp.store import consensus as consensuses
from webapp.store import labelled, model_versions, projects
from webapp.store.errors import InvalidValue, NotFound
from webapp.store.model_versions import ModelVersion
from webapp.store.projects import Project

MODEL_FORMATS = ("hf", "onnx", "onnx-int8")
# What each classifier is at its best as: a head is one graph with its encoder, a tuned encoder is a plain folder.
USUAL_FORMAT = {"head": "onnx", **dict.fromkeys(TUNED, "hf")}


@click.group("export")
def export_command() -> None:
    """Export the labelled data or the model."""


@export_command.command("labels")
@click.argument("project_name", metavar="PROJECT")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--format", "format_", type=click.Choice(FORMATS), help="[default: by the ending of OUT, else csv]"
)
@click.option("--spreadsheet", is_flag=True, help="CSV in which no cell can run as a formula.")
@click.option(
    "--consensus", is_flag=True, help="One row a review, with the label agreed on and how sure it is."
)
@pass_database
def labels(
    instance: Instance,
    db: Database,
    project_name: str,
    out: Path,
    format_: str | None,
    spreadsheet: bool,
    consensus: bool,
) -> None:
    """Write every current label with where it came from to the file OUT, or each review's consensus."""
    project = projects.named(db, project_name)
    end = labelled.snapshot(db, project.id)
    rows, columns = (
        _consensus_rows(db, project, end)
        if consensus
        else (labelled.export_rows(db, project.id, end), COLUMNS)
    )
    ending = out.suffix.lstrip(".").lower()
    chosen = format_ or (ending if ending in FORMATS else "csv")
    with written_whole(out) as partial, partial.open("wb") as file:
        count = write_labels(rows, file, cast(Format, chosen), spreadsheet, columns)
    what = "reviews" if consensus else "labels"
    click.echo(f"{count:,} {what} written to {out} ({chosen}), as of annotation {end}.")


@export_command.command("model")
@click.argument("project_name", metavar="PROJECT")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_",
    type=click.Choice(MODEL_FORMATS),
    help="[default: onnx for a head, hf for a tuned encoder]",
)
@click.option(
    "--version", "number", type=int, metavar="N", help="A model version.  [default: the one that serves]"
)
@pass_database
def model(
    instance: Instance, db: Database, project_name: str, out: Path, format_: str | None, number: int | None
) -> None:
    """Write the model with its card and an example to the folder OUT.

    hf is a Hugging Face folder for transformers alone; onnx and onnx-int8 need onnxruntime and tokenizers alone.
    """
    from webapp.worker.exports import write

    project = projects.named(db, project_name)
    version = _version(db, project, number)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InvalidValue(f"{out} is there already. Name a new place, or an empty folder.")
    chosen = format_ or USUAL_FORMAT[version.classifier]
    progress = ProgressLine()
    out.parent.mkdir(parents=True, exist_ok=True)
    # Beside the place where it will be, then renamed: OUT is never half written.
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as partial:
        written = Path(partial) / "model"
        write(db, instance.folder, project, version, chosen, written, progress)
        written.replace(out)
    progress.end()
    click.echo(
        f"Model version {version.number} written to {out} ({chosen}). See its README.md and example.py."
    )


def _consensus_rows(
    db: Database, project: Project, end: int
) -> tuple[Iterator[dict[str, Any]], tuple[str, ...]]:
    """The consensus of the snapshot's labels, found here and now."""
    from webapp.worker.consensus import settle

    settle(db, project, end)
    return consensuses.export_rows(db, project.id), CONSENSUS_COLUMNS


def _version(db: Database, project: Project, number: int | None) -> ModelVersion:
    if number is None:
        serving = model_versions.serving(db, project.id)
        if serving is None:
            raise NotFound(
                f'{project.name} has no model yet. Train one with: winnow round start "{project.name}"'
            )
        return serving
    for version in model_versions.of_project(db, project.id):
        if version.number == number:
            return version
    raise NotFound(f"{project.name} has no model version {number}. See: winnow round list")
