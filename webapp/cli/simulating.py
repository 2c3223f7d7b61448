"""winnow simulate: replay a labelled file, to see what each strategy would have cost in labels."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webapp.charts import Point, Series, learning_curve_svg
from webapp.cli.context import pass_instance
from webapp.cli.output import ProgressLine, print_rows
from webapp.importing import PARTS, FileOptions, RowError, open_file
from webapp.importing.errors import FileError
from webapp.instance import Instance

if TYPE_CHECKING:
    from learner.simulation import ArmResult, SimulationResult

SCORES = {"accuracy": "accuracy", "macro_f1": "macro-F1"}


@click.command("simulate")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--text", required=True, metavar="COL", help="Column of the text.")
@click.option("--label", required=True, metavar="COL", help="Column of the true label.")
@click.option(
    "--split", metavar="COL", help="Column with train and test.  [default: a fifth is drawn to test on]"
)
@click.option("--strategies", default="margin-diverse,random", show_default=True, metavar="A,B")
@click.option("--classifiers", default="head", show_default=True, metavar="A,B")
@click.option(
    "--encoder", default="e5-small", show_default=True, metavar="NAME", help="An added one, or a folder."
)
@click.option("--seeds", type=click.IntRange(1, 100), default=5, show_default=True, help="Runs per strategy.")
@click.option(
    "--start", type=click.IntRange(2), default=20, show_default=True, help="Labels before the first round."
)
@click.option("--batch", type=click.IntRange(1), default=20, show_default=True, help="Labels per round.")
@click.option("--budget", type=click.IntRange(2), default=300, show_default=True, help="Labels in all.")
@click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the results."
)
@pass_instance
def simulate_command(
    instance: Instance,
    file: Path,
    text: str,
    label: str,
    split: str | None,
    strategies: str,
    classifiers: str,
    encoder: str,
    seeds: int,
    start: int,
    batch: int,
    budget: int,
    out: Path,
) -> None:
    """Replay a labelled file: what each strategy would have needed.

    Runs the code of live rounds, with the file in the annotators' place. Writes simulation.json and a learning curve
    of each score as SVG; bands are 95 % intervals over the seeds.
    """
    import numpy as np

    from learner import encoders, simulation
    from learner.settings import RoundSettings

    arms = [simulation.Arm(c, s) for c in classifiers.split(",") for s in strategies.split(",")]
    for arm in arms:
        RoundSettings.from_dict(
            {"classifier": arm.classifier, "strategy": arm.strategy}
        )  # says which name is unknown
    texts, labels, parts = read_labelled(file, text, label, split)
    names = sorted(set(labels))
    progress = ProgressLine()
    result = simulation.simulate(
        texts,
        np.array([names.index(each) for each in labels]),
        names,
        encoders.resolve(instance.encoders, encoder),
        instance.features,
        arms,
        range(seeds),
        start,
        batch,
        budget,
        progress,
        test=np.array([part == "holdout" for part in parts]) if split else None,
    )
    progress.end()
    write(result, out)
    print_rows([_row(arm) for arm in result.arms], False, "")
    click.echo(f"Tested on {result.test_reviews:,} reviews, {seeds} seeds. Curves and figures: {out}")


def read_labelled(
    file: Path, text: str, label: str, split: str | None
) -> tuple[list[str], list[str], list[str]]:
    """Texts, labels and parts of the rows that have both; FileError when a column is missing."""
    reviews = open_file(file, FileOptions())
    missing = [column for column in (text, label, split) if column and column not in reviews.columns]
    if missing:
        known = ", ".join(reviews.columns)
        raise FileError("missing_columns", f"The file has no column {', '.join(missing)}. It has: {known}.")
    rows = [row.cells for row in reviews.rows() if not isinstance(row, RowError)]
    kept = [cells for cells in rows if cells[text].strip() and cells[label].strip()]
    parts = [PARTS.get(cells[split].strip().casefold(), "pool") if split else "pool" for cells in kept]
    return [cells[text] for cells in kept], [cells[label].strip() for cells in kept], parts


def write(result: "SimulationResult", out: Path) -> None:
    """simulation.json and one SVG per score."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "simulation.json").write_text(json.dumps(result.to_dict(), indent=2), "utf-8")
    for score, words in SCORES.items():
        svg = learning_curve_svg(_series(result.arms, score), "labels", words, standalone=True, title=words)
        (out / f"{score}.svg").write_text(svg, "utf-8")


def _series(arms: Sequence["ArmResult"], score: str) -> list[Series]:
    others = (f"series-{number}" for number in range(1, 100))
    styles = ["series-random" if each.arm.strategy == "random" else next(others) for each in arms]
    return [
        Series(each.arm.name, [Point(p.labels, p.mean, p.low, p.high) for p in each.curves[score]], style)
        for each, style in zip(arms, styles, strict=True)
    ]


def _row(each: "ArmResult") -> dict[str, str]:
    """Per score: all-data value, labels to 90, 95 and 99 % of it, and the ratio to random at 95 %."""
    row = {"arm": each.arm.name}
    for score, words in SCORES.items():
        row[f"{words} at {each.curves[score][-1].labels}"] = f"{each.curves[score][-1].mean:.3f}"
        row[f"all data {words}"] = f"{each.full_data[score]:.3f}"
        needed = [each.labels_to[score][share] for share in ("0.90", "0.95", "0.99")]
        row["labels to 90/95/99 %"] = "/".join("-" if n is None else f"{n:.0f}" for n in needed)
    ratio = each.ratio_to_random["macro_f1"]["0.95"]
    return row | {"ratio to random at 95 %": "-" if ratio is None else f"{ratio:.2f}"}
