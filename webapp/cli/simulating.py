"""winnow simulate: replay a labelled file, to see what each strategy would have cost in labels."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webapp.cli.context import pass_instance
from webapp.cli.output import ProgressLine, print_rows
from webapp.figures.charts import line_chart_svg
from webapp.figures.simulation_tables import SCORES, Result, curves, curves_csv, figures_csv, table
from webapp.importing import PARTS, FileOptions, RowError, open_file
from webapp.importing.errors import FileError
from webapp.importing.reviews import parse_rating
from webapp.instance import Instance

if TYPE_CHECKING:
    from learner.simulation.arms import Corpus

RUNS = "runs.jsonl"
# A process takes as long to start as eight runs over 3,765 reviews, measured; two share the work, so it pays from twice
# as much for each.
WORTH_A_PROCESS = 60_000
STYLES = tuple(f"series-{number}" for number in range(1, 9))


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
    "--encoders",
    "--encoder",
    default="e5-small",
    show_default=True,
    metavar="A,B",
    help="Added ones, or folders.",
)
@click.option(
    "--stars",
    metavar="COL",
    help="Column of star ratings: each arm runs without and with them as weak labels.",
)
@click.option("--seeds", type=click.IntRange(1, 100), default=5, show_default=True, help="Runs per arm.")
@click.option(
    "--start", type=click.IntRange(2), default=20, show_default=True, help="Labels before the first round."
)
@click.option("--batch", type=click.IntRange(1), default=20, show_default=True, help="Labels per round.")
@click.option("--budget", type=click.IntRange(2), default=300, show_default=True, help="Labels in all.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    help="Processes for head; a tuned classifier runs alone.  [default: one a core, fewer for little work]",
)
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
    encoders: str,
    stars: str | None,
    seeds: int,
    start: int,
    batch: int,
    budget: int,
    jobs: int | None,
    out: Path,
) -> None:
    """Replay a labelled file: what each strategy would have needed.

    Runs the code of live rounds, with the file in the annotators' place: every strategy with every classifier and
    encoder, with the same seeds. Writes simulation.json, curves.csv, figures.csv and a learning curve of each score as
    SVG; bands are 95 % intervals over the seeds. Each finished run is kept in runs.jsonl: the same call goes on where
    an earlier one was stopped.
    """
    from learner.devices import cores
    from learner.encoders import resolve
    from learner.simulation.arms import Plan, arms_of
    from learner.simulation.record import RunFile
    from learner.simulation.runner import simulate, tasks_of

    arms = arms_of(strategies.split(","), classifiers.split(","), encoders.split(","), bool(stars))
    corpus = read_corpus(file, text, label, split, stars)
    plan = Plan(tuple(range(seeds)), start, batch, budget)
    progress = ProgressLine()
    result = simulate(
        corpus,
        arms,
        plan,
        {name: resolve(instance.encoders, name) for name in encoders.split(",")},
        instance.features,
        progress,
        RunFile(out / RUNS),
        jobs or processes(len(corpus.texts) * len(tasks_of(arms, plan)), cores()),
    ).to_dict()
    progress.end()
    write(result, out)
    print_rows(table(result), False, "")
    click.echo(
        f"Tested on {result['test_reviews']:,} reviews, {seeds} seeds. Labels to a share of the best score that any arm"
        f" reaches with all labels. Curves and figures: {out}"
    )


def processes(replayed: int, cores: int) -> int:
    """How many to start for that many reviews, counted once a run."""
    return max(1, min(cores, replayed // WORTH_A_PROCESS))


def read_corpus(file: Path, text: str, label: str, split: str | None, stars: str | None = None) -> "Corpus":
    """The labelled rows of a file as the learner takes them."""
    import numpy as np

    from learner.simulation.arms import prepare

    rows = read_labelled(file, text, label, split, stars)
    labels = [row[label].strip() for row in rows]
    names = sorted(set(labels))
    y = np.array([names.index(each) for each in labels], dtype=np.int64)
    test = (
        np.array([PARTS.get(row[split].strip().casefold()) == "holdout" for row in rows]) if split else None
    )
    ratings = np.array([parse_rating(row[stars]) for row in rows], dtype=np.float64) if stars else None
    return prepare([row[text] for row in rows], y, names, test, ratings)


def read_labelled(
    file: Path, text: str, label: str, split: str | None, stars: str | None
) -> list[dict[str, str]]:
    """The cells of the rows that have a text and a label; FileError when a column is missing."""
    reviews = open_file(file, FileOptions())
    wanted = (text, label, split, stars)
    missing = [column for column in wanted if column and column not in reviews.columns]
    if missing:
        known = ", ".join(reviews.columns)
        raise FileError("missing_columns", f"The file has no column {', '.join(missing)}. It has: {known}.")
    rows = [row.cells for row in reviews.rows() if not isinstance(row, RowError)]
    return [cells for cells in rows if cells[text].strip() and cells[label].strip()]


def write(result: Result, out: Path) -> None:
    """simulation.json, both CSV files, and one SVG per score."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "simulation.json").write_text(json.dumps(result, indent=2, allow_nan=False), "utf-8")
    (out / "curves.csv").write_text(curves_csv(result), "utf-8")
    (out / "figures.csv").write_text(figures_csv(result), "utf-8")
    for score, words in SCORES.items():
        svg = line_chart_svg(curves(result, score, STYLES), "labels", words, standalone=True, title=words)
        (out / f"{score}.svg").write_text(svg, "utf-8")
