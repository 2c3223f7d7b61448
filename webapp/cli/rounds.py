"""winnow round: one train-evaluate-query cycle, started, watched and cancelled."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click
from sqlite_utils import Database

from learner.settings import CLASSIFIERS, STRATEGIES, RoundSettings
from webapp.cli.context import ROW_ID, pass_database
from webapp.cli.long_work import see_through
from webapp.cli.output import json_option, print_rows
from webapp.instance import Instance
from webapp.store import model_versions, projects, rounds, work
from webapp.store.connection import utc_now
from webapp.store.rounds import Round

project_option = click.option(
    "--project", "project_name", metavar="PROJECT", help="Take NUMBER as the round's number in this project."
)


@click.group("round")
def round_command() -> None:
    """Start, list, show and cancel rounds."""


@round_command.command("start")
@click.argument("project_name", metavar="PROJECT")
@click.option("--classifier", type=click.Choice(list(CLASSIFIERS)), help="What is trained.")
@click.option("--strategy", type=click.Choice(list(STRATEGIES)), help="How the next reviews are chosen.")
@click.option("--encoder", metavar="NAME", help="An encoder that was added, or its folder.")
@click.option("--query-size", type=int, metavar="N", help="Reviews in the next batch.")
@click.option(
    "--stars/--no-stars", default=None, help="Learn from star ratings too, or alone before the first label."
)
@click.option("--seed", type=int, metavar="N", help="Same labels and seed, same ranking.")
@click.option(
    "--set",
    "further",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any other setting, such as auto.budget_minutes=5.",
)
@click.option("--wait", is_flag=True, help="Watch it to its end; without a worker, run it here.")
@pass_database
def start(
    instance: Instance, db: Database, project_name: str, further: tuple[str, ...], wait: bool, **chosen: Any
) -> None:
    """Start a round on today's labels. Options not given are the project's own."""
    project = projects.named(db, project_name)
    given = {name: value for name, value in chosen.items() if value is not None}
    settings = RoundSettings.from_dict(_with(further, {**project.settings.learner, **given}))
    started = rounds.start(db, project.id, settings.to_dict(), "command", None, utc_now())
    click.echo(f"Round {started.number} of {project.name} waits (id {started.id}).")
    if wait:
        see_through(instance, db, "rounds", lambda: rounds.get(db, started.id))
        ended = rounds.get(db, started.id)
        _print_report(ended)
        _print_outcome(db, ended)
    elif not work.live_workers(db, utc_now()):
        click.echo("No worker is alive. Start one with `winnow run` or `winnow worker`.", err=True)


@round_command.command("list")
@click.argument("project_name", metavar="PROJECT")
@json_option
@pass_database
def list_(instance: Instance, db: Database, project_name: str, as_json: bool) -> None:
    """List a project's rounds, newest first."""
    project = projects.named(db, project_name)
    rows = [_row(db, each) for each in rounds.of_project(db, project.id)]
    print_rows(rows, as_json, f'There is no round yet. Start one with: winnow round start "{project.name}"')


@round_command.command("show")
@click.argument("number", type=ROW_ID)
@project_option
@json_option
@pass_database
def show(instance: Instance, db: Database, number: int, project_name: str | None, as_json: bool) -> None:
    """Show a round by its id: state, settings, scores."""
    found = _found(db, number, project_name)
    if as_json:
        scores = [asdict(metric) for metric in _metrics(db, found)]
        click.echo(json.dumps(asdict(found) | {"metrics": scores}, indent=2, ensure_ascii=False))
        return
    click.echo(
        f"Round {found.number} (id {found.id}): {found.state}{f', {found.phase}' if found.is_open else ''}"
    )
    click.echo(f"  labels up to annotation {found.snapshot}, {found.cause}, created {found.created_at}")
    if found.error:
        click.echo(f"  {found.error}")
    for name, value in found.settings.items():
        click.echo(f"  {name}: {value}")
    for phase, seconds in found.timings.items():
        click.echo(f"  {phase}: {seconds:.1f} s")
    _print_report(found)
    _print_outcome(db, found)


@round_command.command("cancel")
@click.argument("number", type=ROW_ID)
@project_option
@pass_database
def cancel(instance: Instance, db: Database, number: int, project_name: str | None) -> None:
    """Cancel a round by its id; the model that serves stays."""
    found = _found(db, number, project_name)
    rounds.cancel(db, found.id, None, utc_now())
    state = rounds.get(db, found.id).state
    click.echo(f"Round {found.number}: {'stops at its next step' if state == 'running' else state}.")


def _with(further: Sequence[str], values: dict[str, Any]) -> dict[str, Any]:
    """The values with each NAME=VALUE; a dot in the name leads into a group."""
    values = dict(values)
    for each in further:
        name, equals, text = each.partition("=")
        if not equals:
            raise click.BadParameter(f"{each} is not NAME=VALUE.", param_hint="--set")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        group, dot, field = name.partition(".")
        values |= {group: {**values.get(group, {}), field: value}} if dot else {name: value}
    return values


def _found(db: Database, number: int, project_name: str | None) -> Round:
    return rounds.numbered(db, number, projects.named(db, project_name).id if project_name else None)


def _row(db: Database, each: Round) -> dict[str, Any]:
    row: dict[str, Any] = {"id": each.id, "round": each.number, "state": each.state, "cause": each.cause}
    row |= {"classifier": each.settings.get("classifier"), "strategy": each.settings.get("strategy")}
    scores = {metric.name: round(metric.value, 4) for metric in _metrics(db, each) if metric.slice == "all"}
    row |= {"accuracy": scores.get("accuracy"), "macro_f1": scores.get("macro_f1")}
    return row | {"created": each.created_at, "error": each.error}


def _metrics(db: Database, each: Round) -> list[model_versions.Metric]:
    return model_versions.metrics(db, each.model_version_id) if each.model_version_id else []


def _print_report(found: Round) -> None:
    """What `auto` and the search decided, and why; and whether to stop."""
    for part in ("choice", "search"):
        if told := found.report.get(part):
            click.echo(f"  {told['reason']}")
    for each in (found.report.get("choice") or {}).get("candidates", []):
        score = "" if each["macro_f1"] is None else f", macro-F1 {each['macro_f1']:.3f} on validation"
        click.echo(f"    {each['classifier']}: trained in {each['seconds']:.1f} s{score}")
    for name, value in (found.report.get("search") or {}).get("changed", {}).items():
        click.echo(f"    {name} = {value}")
    if advice := found.report.get("stopping"):
        click.echo(f"  {advice['sentence']}")


def _print_outcome(db: Database, ended: Round) -> None:
    if ended.model_version_id is None:
        return
    version = model_versions.get(db, ended.model_version_id)
    weak = f" and {version.weak_labels} star ratings as weak labels" if version.weak_labels else ""
    click.echo(
        f"Model version {version.number} from {version.training_labels} labels{weak}: {version.reason}"
    )
    measured = [(metric, "holdout reviews") for metric in model_versions.metrics(db, version.id)]
    measured += [(metric, "audit items") for metric in model_versions.metrics(db, version.id, "audit")]
    for metric, items in measured:
        if metric.slice == "all" and metric.name in ("accuracy", "macro_f1"):
            interval = "" if metric.low is None else f" ({metric.low:.3f} to {metric.high:.3f})"
            name = metric.name.replace("_f1", "-F1")
            click.echo(f"  {name} {metric.value:.3f}{interval} on {metric.n} {items}, 95 % interval")
