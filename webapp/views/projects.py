"""Projects: all of them, a new one, one's home with the next step and the learning curve, its settings."""

from typing import Any

from flask import Blueprint, Response, current_app, flash, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from webapp.access.auth import admin_required, the_user
from webapp.access.security import attachment
from webapp.clock import now
from webapp.db import get_db
from webapp.errors import words_of
from webapp.figures import agreement
from webapp.figures.charts import NARROW, WIDE, Series, line_chart_svg, series_csv
from webapp.figures.scores import curve_series, is_measured
from webapp.forms import project_forms, round_form
from webapp.htmx import is_htmx, redirect_to
from webapp.next_step import FEWEST_TO_MEASURE, STEPS, Situation, is_time_to_tune, next_step
from webapp.store import (
    activity,
    insertion,
    jobs,
    labelled,
    model_versions,
    projects,
    quality,
    reviews,
    rounds,
    stopping,
)
from webapp.store.errors import InvalidValue, NameTaken
from webapp.store.model_versions import Metric
from webapp.store.projects import Project, ProjectSettings
from webapp.usual_encoder import with_encoder
from webapp.usual_settings import usual_settings
from webapp.views.rounds import encoder_names, offers_stars

blueprint = Blueprint("projects", __name__)


@blueprint.get("/projects")
@admin_required
def index() -> str:
    """All projects, each with how far it is."""
    found = [(project, reviews.counts(get_db(), project.id)) for project in projects.everything(get_db())]
    return render_template("projects/index.html", projects=found)


@blueprint.route("/projects/new", methods=["GET", "POST"])
@admin_required
def create() -> ResponseReturnValue:
    """A new project: name, labels, language."""
    if request.method == "GET":
        return render_template("projects/create.html", form=project_forms.blank_project())
    form = project_forms.new_project(request.form)
    if not form.errors:
        new = form.checked()
        try:
            settings = with_encoder(ProjectSettings(), current_app.config["INSTANCE"], new.language)
            project = projects.create(
                get_db(), new.name, new.labels, new.language, settings, by=the_user().id, now=now()
            )
            return redirect_to(url_for("imports.new", project_id=project.id))
        except NameTaken as error:
            form.errors["name"] = words_of(error)
        except InvalidValue as error:
            form.errors["labels" if "label" in str(error) else "name"] = words_of(error)
    return render_template("projects/create.html", form=form), 422


@blueprint.get("/projects/<int:project_id>")
@admin_required
def show(project_id: int) -> ResponseReturnValue:
    """A project's home. htmx asks for the running work; once it ends, the results come with it."""
    project = projects.get(get_db(), project_id)
    work = {
        "open_round": rounds.open_round(get_db(), project_id),
        "open_jobs": [
            job
            for kind in ("import", "encode", "export", "simulate")
            if (job := jobs.open_job(get_db(), project_id, kind))
        ],
    }
    if is_htmx() and (work["open_round"] or work["open_jobs"]):
        return render_template("projects/_activity.html", project=project, **work)
    context = {**work, **_results(project), "project": project}
    return render_template("projects/_finished.html" if is_htmx() else "projects/show.html", **context)


def _results(project: Project) -> dict[str, Any]:
    """Counts, next step and curve."""
    db = get_db()
    counts = reviews.counts(db, project.id)
    versions = model_versions.learning_curve(db, project.id)
    series, all_rounds = curve_series(versions), rounds.of_project(db, project.id)
    serving = next((version for version in versions if version.serves), None)
    by_part = activity.labelled_by_part(db, project.id)
    situation = Situation(
        reviews=counts["total"],
        labels=by_part["pool"],  # those of the other parts measure; nothing is trained on them
        labels_since_round=labelled.labels_since_last_round(db, project.id),
        reviews_left=activity.still_wanted(db, project.id),
        model_versions=len(versions) if serving else 0,
        round_every=project.settings.auto_round_every,
        importing=jobs.open_job(db, project.id, "import") is not None,
        round_open=rounds.open_round(db, project.id) is not None,
        labels_changed=bool(versions) and not serving,
        stars=not serving and not by_part["pool"] and offers_stars(project),
        pool_left=by_part["pool"] < counts["pool"],
    )
    advice = stopping.advice(db, project.id)
    tried = {each.settings.get("classifier", "head") for each in all_rounds if each.state == "done"}
    return {
        "counts": counts,
        "by_part": by_part,
        "today": activity.labels_today(db, project.id, now()),
        "alpha": agreement.headline(quality.latest(db, project.id)),
        "steps": STEPS,
        "next": next_step(situation),
        "serving": serving,
        "audited": _audited(project.id),
        "advice": advice,
        "time_to_tune": is_time_to_tune(
            advice, tried, by_part["pool"], by_part["validation"], situation.reviews_left
        ),
        "measured": serving is not None and is_measured(serving.accuracy),
        "versions": versions,
        "other_labels": model_versions.last_for_other_labels(db, project.id),
        "round_numbers": {each.id: each.number for each in all_rounds},
        "latest": all_rounds[0] if all_rounds else None,
        "fewest_to_measure": FEWEST_TO_MEASURE,
        "charts": _charts(series),
    }


def _audited(project_id: int) -> Metric | None:
    """What the audit items say of the version that serves, where there are enough."""
    serving = model_versions.serving(get_db(), project_id)
    if serving is None:
        return None
    scores = {each.name: each for each in model_versions.metrics(get_db(), serving.id, "audit")}
    accuracy = scores.get("accuracy")
    return accuracy if is_measured(accuracy) else None


def _charts(series: list[Series]) -> list[tuple[str, Markup]]:
    """The curve twice, each with the class that says on which screens it shows."""
    if not series:
        return []
    words = {"x_label": _("labels trained on"), "y_label": _("score on the holdout")}
    title = _("Learning curve: accuracy and macro-F1 on the holdout against labels")
    sizes = (("wide", WIDE), ("narrow", NARROW))
    drawn = [(kind, line_chart_svg(series, size=size, title=title, **words)) for kind, size in sizes]
    return [(kind, Markup(svg)) for kind, svg in drawn]  # noqa: S704 - we drew it and escaped its texts


@blueprint.post("/projects/<int:project_id>/pause")
@admin_required
def pause(project_id: int) -> ResponseReturnValue:
    """Stop handing out reviews, and the rounds that start by themselves."""
    projects.pause(get_db(), project_id, the_user().id, now())
    flash(_("The project is paused."), "success")
    return redirect_to(url_for("projects.show", project_id=project_id))


@blueprint.post("/projects/<int:project_id>/resume")
@admin_required
def resume(project_id: int) -> ResponseReturnValue:
    """Go on after a pause."""
    projects.resume(get_db(), project_id, the_user().id, now())
    flash(_("The project goes on."), "success")
    return redirect_to(url_for("projects.show", project_id=project_id))


@blueprint.get("/projects/<int:project_id>/learning-curve.<any(svg, csv):kind>")
@admin_required
def curve(project_id: int, kind: str) -> Response:
    """The learning curve as a picture or as numbers."""
    project = projects.get(get_db(), project_id)
    series = curve_series(model_versions.learning_curve(get_db(), project.id))
    if kind == "csv" or not series:
        response = make_response(series_csv(series))
        response.mimetype = "text/csv"
    else:
        title = _("%(project)s: learning curve", project=project.name)
        words = (_("labels trained on"), _("score on the holdout"))
        response = make_response(line_chart_svg(series, *words, standalone=True, title=title))
        response.mimetype = "image/svg+xml"
    response.headers.set("Content-Disposition", "attachment", filename=f"learning-curve-{project.id}.{kind}")
    return attachment(response)


@blueprint.route("/projects/<int:project_id>/settings", methods=["GET", "POST"])
@admin_required
def settings(project_id: int) -> ResponseReturnValue:
    """What a project asks for: labels a review, sizes of the measuring parts, automatic rounds and how they learn."""
    project = projects.get(get_db(), project_id)
    encoders = encoder_names(current_app)
    form, learner = (
        project_forms.filled_project_settings(project.settings),
        round_form.filled(usual_settings(project)),
    )
    status = 200
    if request.method == "POST":
        form, learner = project_forms.project_settings(request.form), round_form.parse(request.form, encoders)
        if not form.errors and not learner.errors:
            changes = {**form.checked(), "learner": learner.checked().to_dict()}
            project = projects.update_settings(get_db(), project_id, by=the_user().id, **changes)
            insertion.reset_wanted(get_db(), project)
            flash(_("The settings are saved."), "success")
            return redirect_to(url_for("projects.settings", project_id=project_id))
        status = 422
    page = render_template(
        "projects/settings.html",
        project=project,
        form=form,
        learner=learner,
        errors={**form.errors, **learner.errors},
        encoders=encoders,
        choices=round_form,
    )
    return page, status
