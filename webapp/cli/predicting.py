"""winnow predict: label a file of texts with a model."""

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webapp.cli.context import pass_instance
from webapp.cli.output import ProgressLine
from webapp.cli.whole_file import written_whole
from webapp.importing import FileOptions, ReviewFile, RowError, open_file, preview
from webapp.importing.errors import FileError
from webapp.instance import Instance, open_instance
from webapp.store import model_versions, projects
from webapp.store.errors import NotFound

if TYPE_CHECKING:
    from learner.classifiers.interface import TextModel

CHUNK = 1_000


@click.command("predict")
@click.argument("model", metavar="MODEL")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--text", metavar="COL", help="Column of the text.  [default: guessed]")
@click.option("--encoding", help="[default: found out]")
@pass_instance
def predict_command(
    instance: Instance, model: str, file: Path, out: Path, text: str | None, encoding: str | None
) -> None:
    """Label a file of texts with a trained model.

    MODEL is a project, whose serving version is used, or the folder of a checkpoint. OUT is a CSV file: row number,
    text, label, and the probability of each label.
    """
    if out.exists() and out.samefile(file):
        raise click.UsageError("OUT is FILE itself, whose other columns would be lost. Name another file.")
    options = FileOptions(encoding=encoding)
    column = text or preview(file, options).guess.text
    reviews = open_file(file, options)
    if column not in reviews.columns:
        raise FileError(
            "missing_columns", f"There is no column {column}. The file has: {', '.join(reviews.columns)}."
        )
    trained, labels = _model(instance, model)
    progress = ProgressLine()
    with written_whole(out) as partial, partial.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(["row", "text", "label", *labels])
        count = 0
        for chunk in _chunks(reviews, column):
            probabilities = trained.predict_proba([words for _, words in chunk], progress)
            for (row, words), scores in zip(chunk, probabilities.tolist(), strict=True):
                best = labels[scores.index(max(scores))]
                writer.writerow([row, words, best, *(f"{score:.4f}" for score in scores)])
            count += len(chunk)
    progress.end()
    click.echo(f"{count:,} texts labelled in {out}.")


def _chunks(reviews: ReviewFile, column: str) -> Iterator[list[tuple[int, str]]]:
    """Row numbers and texts; rows that cannot be read or hold no text are left out."""
    rows = (row for row in reviews.rows() if not isinstance(row, RowError))
    texts = ((row.number, row.cells[column]) for row in rows if row.cells[column].strip())
    while chunk := list(itertools.islice(texts, CHUNK)):
        yield chunk


def _model(instance: Instance, name: str) -> "tuple[TextModel, list[str]]":
    """The model and its labels in the order of its scores, as the project calls them today."""
    from learner import checkpoint

    if (Path(name) / checkpoint.MANIFEST).is_file():
        trained = checkpoint.load(Path(name), instance.encoders)
        return trained, trained.labels
    db = open_instance(instance)
    try:
        project = projects.named(db, name)
        version = model_versions.serving(db, project.id)
        labels = [label.name for label in model_versions.labels_of(db, version)] if version else []
    except NotFound as error:
        if not Path(name).is_dir():
            raise
        raise NotFound(
            f"{name} is no checkpoint. Name a project, or a folder of the instance's checkpoints; "
            "an exported model runs by itself: see example.py in its folder."
        ) from error
    finally:
        db.close()
    if version is None:
        raise NotFound(
            f'{project.name} has no model yet. Train one with: winnow round start "{project.name}"'
        )
    folder = instance.checkpoints / version.checkpoint
    return checkpoint.load(folder, instance.encoders, instance.features, version.manifest_sha256), labels
