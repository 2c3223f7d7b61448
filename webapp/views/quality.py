"""Quality: how far people agree, what was agreed on, and labels that deserve another look."""

from typing import Any

from flask import Blueprint, Response, current_app, flash, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.exceptions import BadRequest

from webapp.access.auth import admin_required, the_user
from webapp.access.security import attachment
from webapp.clock import now
from webapp.db import get_db
from webapp.figures.agreement import FEWEST_TO_TELL, over_time, verdict
from webapp.figures.charts import NARROW, WIDE, Series, line_chart_svg, series_csv
from webapp.htmx import is_htmx, redirect_to
from webapp.store import jobs, projects, quality, suspects, users
from webapp.store.errors import NotFound
from webapp.store.jobs import Job
from webapp.store.projects import Project

blueprint = Blueprint("quality", __name__, url_prefix="/projects/<int:project_id>/quality")

PAGE = 10
# Pairs shown at once; the rest are a click away.
FIRST_PAIRS = 10
FURTHER_LABELS = {"one": 1, "two": 2}


@blueprint.get("")
@admin_required
def index(project_id: int) -> ResponseReturnValue:
    """The figures of the newest job and the suspects. htmx asks how far the one that runs is."""
    db = get_db()
    project = projects.get(db, project_id)
    job, newest = jobs.open_job(db, project_id, "quality"), _newest(project_id)
    if is_htmx():
        return render_template("quality/_running.html", project=project, job=job, newest=newest, asked=True)
    skip = max(0, request.args.get("skip", 0, type=int))
    latest = quality.latest(db, project_id)
    return render_template(
        "quality/index.html",
        project=project,
        job=job,
        newest=newest,
        latest=latest,
        figures=latest.result if latest else None,
        **(_agreement(project, latest) if latest else {}),
        suspects=suspects.waiting(db, project_id, PAGE, skip),
        waiting=suspects.count_waiting(db, project_id),
        decided=suspects.decided(db, project_id),
        skip=skip,
        page=PAGE,
        labels={label.id: label for label in project.labels},
        endpoints=current_app.view_functions,
    )


@blueprint.post("")
@admin_required
def start(project_id: int) -> Response:
    """Work it all out anew, on today's labels."""
    project = projects.get(get_db(), project_id)
    quality.request(get_db(), project.id, the_user().id, now())
    return redirect_to(url_for("quality.index", project_id=project_id))


@blueprint.post("/<int:job_id>/cancel")
@admin_required
def cancel(project_id: int, job_id: int) -> Response:
    """Ask a job to stop; the figures there are stay."""
    job = jobs.get(get_db(), job_id, "quality")
    if job.project_id != project_id:
        raise NotFound("There is no such job.")
    jobs.cancel(get_db(), job_id, the_user().id, now())
    return redirect_to(url_for("quality.index", project_id=project_id))


@blueprint.post("/suspects/<int:suspect_id>")
@admin_required
def decide(project_id: int, suspect_id: int) -> ResponseReturnValue:
    """Leave a doubted label as it is, or ask one or two more people."""
    db, by, decision = get_db(), the_user().id, request.form.get("decision", "")
    if decision == "right":
        suspects.dismiss(db, project_id, suspect_id, by, now())
        words = _("Noted: the label stays and is not doubted again.")
    elif decision in FURTHER_LABELS:
        count = FURTHER_LABELS[decision]
        suspects.send_back(db, project_id, suspect_id, count, by, now())
        words = _("The next person gets it first.") if count == 1 else _("The next two people get it first.")
    else:
        raise BadRequest(_("Choose what to do with this label."))
    if is_htmx():
        return render_template("quality/_decided.html", suspect_id=suspect_id, words=words)
    flash(words, "success")
    return redirect_to(url_for("quality.index", project_id=project_id, _anchor="suspects"))


@blueprint.get("/agreement.<any(svg, csv):kind>")
@admin_required
def course(project_id: int, kind: str) -> Response:
    """Agreement over time as a picture or as numbers."""
    project = projects.get(get_db(), project_id)
    latest = quality.latest(get_db(), project_id)
    series = over_time(latest.result["agreement"]["windows"]) if latest else []
    if kind == "csv" or not series:
        response = make_response(series_csv(series, "reviews"))
        response.mimetype = "text/csv"
    else:
        title = _("%(project)s: agreement over time", project=project.name)
        response = make_response(_svg(series, WIDE, title, standalone=True))
        response.mimetype = "image/svg+xml"
    response.headers.set("Content-Disposition", "attachment", filename=f"agreement-{project.id}.{kind}")
    return attachment(response)


def _newest(project_id: int) -> Job | None:
    """The newest job, whatever became of it."""
    return next(iter(jobs.of_project(get_db(), project_id, "quality", 1)), None)


def _agreement(project: Project, latest: Job) -> dict[str, Any]:
    measured = latest.result["agreement"]
    series = over_time(measured["windows"])
    title = _("Agreement over time: Krippendorff's alpha with its interval")
    sizes = (("wide", WIDE), ("narrow", NARROW))
    return {
        "measured": measured,
        "verdict": verdict(measured["alpha"]),
        "fewest": FEWEST_TO_TELL,
        "since": quality.labels_since(get_db(), project.id, latest.result["snapshot"]),
        "people": {user.id: user for user in users.everyone(get_db())},
        "first_pairs": FIRST_PAIRS,
        "charts": [
            (kind, Markup(_svg(series, size, title)))  # noqa: S704 - we drew it and escaped its texts
            for kind, size in sizes
        ]
        if series
        else [],
    }


def _svg(series: list[Series], size: tuple[int, int], title: str, standalone: bool = False) -> str:
    words = (_("reviews labelled by several people"), _("alpha"))
    return line_chart_svg(series, *words, standalone=standalone, size=size, title=title, unit="number")
