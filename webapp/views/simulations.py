"""Simulations: what each strategy would have cost on the labels there are, beside the curve of the real rounds."""

import json
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from learner.settings import SIMULATED
from webapp.access.auth import admin_required, the_user
from webapp.access.security import attachment
from webapp.clock import now
from webapp.db import get_db
from webapp.figures import simulation_tables
from webapp.figures.charts import NARROW, STYLES, WIDE, Series, line_chart_svg
from webapp.figures.scores import course
from webapp.figures.simulation_tables import SCORES, Result
from webapp.forms import round_form, simulation_form
from webapp.forms.form import Form
from webapp.htmx import is_htmx, redirect_to
from webapp.store import activity, audit, jobs, model_versions, projects, simulations
from webapp.store.errors import NotFound
from webapp.store.jobs import Job
from webapp.store.projects import Project
from webapp.usual_settings import usual_settings

blueprint = Blueprint("simulations", __name__, url_prefix="/projects/<int:project_id>/simulations")

TYPES = {"csv": "text/csv", "svg": "image/svg+xml", "json": "application/json"}


@blueprint.get("")
@admin_required
def index(project_id: int) -> ResponseReturnValue:
    """The form, and what the newest simulation found. htmx asks how far the one that runs is."""
    project = projects.get(get_db(), project_id)
    return _page(project, simulation_form.filled(usual_settings(project)))


@blueprint.post("")
@admin_required
def start(project_id: int) -> ResponseReturnValue:
    """Queue a simulation."""
    project = projects.get(get_db(), project_id)
    form = simulation_form.parse(request.form, usual_settings(project), _labels(project))
    if form.errors:
        return _page(project, form, 422)
    simulations.request(get_db(), project_id, form.checked(), the_user().id, now())
    return redirect_to(url_for("simulations.index", project_id=project_id))


@blueprint.post("/<int:job_id>/cancel")
@admin_required
def cancel(project_id: int, job_id: int) -> Response:
    """Ask a simulation to stop; the figures of the one before stay."""
    job = jobs.get(get_db(), job_id, simulations.KIND)
    if job.project_id != project_id:
        raise NotFound("There is no such job.")
    jobs.cancel(get_db(), job_id, the_user().id, now())
    return redirect_to(url_for("simulations.index", project_id=project_id))


@blueprint.get("/<any('curves.csv', 'figures.csv', 'accuracy.svg', 'macro_f1.svg', 'simulation.json'):kind>")
@admin_required
def figures(project_id: int, kind: str) -> Response:
    """The newest simulation as numbers or as a picture."""
    project = projects.get(get_db(), project_id)
    job = jobs.last_done(get_db(), project_id, simulations.KIND)
    if job is None:
        raise NotFound(_("No simulation has come to its end yet."))
    audit.log_download(
        get_db(), the_user().id, "simulation.download", f"project:{project_id}", now(), file=kind
    )
    response = make_response(_content(project, job.result["figures"], kind))
    response.mimetype = TYPES[kind.rpartition(".")[2]]
    response.headers.set("Content-Disposition", "attachment", filename=f"simulation-{project_id}-{kind}")
    return attachment(response)


def _content(project: Project, found: Result, kind: str) -> str:
    if kind == "simulation.json":
        return json.dumps(found, indent=2, ensure_ascii=False)
    if kind == "curves.csv":
        return simulation_tables.curves_csv(found)
    if kind == "figures.csv":
        return simulation_tables.figures_csv(found)
    score = kind.removesuffix(".svg")
    return _svg(project, found, score, standalone=True)


def _svg(
    project: Project, found: Result, score: str, size: tuple[int, int] = WIDE, standalone: bool = False
) -> str:
    """The arms' curves, and that of the project's own rounds."""
    points = course(model_versions.learning_curve(get_db(), project.id), score)
    series = [
        Series(_("rounds of this project"), points, STYLES[0]),
        *simulation_tables.curves(found, score, STYLES[1:]),
    ]
    title = _("Simulation: %(score)s against labels", score=_words(score))
    drawn = [each for each in series if each.points]
    return line_chart_svg(drawn, _("labels"), _words(score), standalone, size, title)


def _words(score: str) -> str:
    return str(_("accuracy") if score == "accuracy" else _("macro-F1"))


def _page(project: Project, form: Form[dict[str, Any]], status: int = 200) -> ResponseReturnValue:
    db = get_db()
    job = jobs.open_job(db, project.id, simulations.KIND)
    newest = next(iter(jobs.of_project(db, project.id, simulations.KIND, 1)), None)
    running = {"project": project, "job": job, "newest": newest}
    if is_htmx() and status == 200:
        return render_template("simulations/_running.html", **running, asked=True)
    done = jobs.last_done(db, project.id, simulations.KIND)
    page = render_template(
        "simulations/index.html",
        **running,
        form=form,
        labels=_labels(project),
        fewest=simulations.FEWEST_LABELS,
        strategies=[each for each in round_form.strategy_choices() if each[0] != simulation_form.RANDOM],
        classifiers=[each for each in round_form.classifier_choices() if each[0] in SIMULATED],
        done=done,
        **(_found(project, done) if done else {}),
    )
    return page, status


def _found(project: Project, done: Job) -> dict[str, Any]:
    found = done.result["figures"]
    sizes = (("wide", WIDE), ("narrow", NARROW))
    return {
        "figures": found,
        "measured_on": done.result["measured_on"],
        "tables": simulation_tables,
        "scores": [
            (
                score,
                _words(score),
                [
                    (kind, Markup(_svg(project, found, score, size)))  # noqa: S704 - drawn and escaped by us
                    for kind, size in sizes
                ],
            )
            for score in SCORES
        ],
    }


def _labels(project: Project) -> int:
    return activity.labelled_by_part(get_db(), project.id)["pool"]
