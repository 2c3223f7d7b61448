"""Rounds: the list, a new one with its settings, one with its live state and results; which version serves."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, Flask, Response, current_app, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from learner import encoders
from learner.settings import CLASSIFIERS, STAR_LIMIT, RoundSettings
from learner.weak_labels import from_ratings
from webapp.access.auth import admin_required, the_user
from webapp.clock import now
from webapp.db import get_db
from webapp.figures.scores import is_measured, score_table
from webapp.forms import reason_form, round_form
from webapp.forms.form import Form
from webapp.htmx import redirect_to, render
from webapp.store import labelled, model_versions, projects, rounds, stars
from webapp.store.errors import NotFound, RoundAlreadyOpen
from webapp.store.model_versions import ModelVersion
from webapp.store.projects import Project
from webapp.store.rounds import Round
from webapp.usual_settings import usual_settings

blueprint = Blueprint("rounds", __name__, url_prefix="/projects/<int:project_id>/rounds")


def encoder_names(app: Flask) -> list[str]:
    """The encoders that were added to this instance."""
    return [encoder.name for encoder in encoders.available(app.config["INSTANCE"].encoders)]


def offers_stars(project: Project) -> bool:
    """Whether a round could learn from star ratings alone: the labels are the usual words, and two kinds occur."""
    settings = usual_settings(project)
    found = stars.values(get_db(), project.id, STAR_LIMIT) if settings.stars else []
    return len(set(from_ratings(found, [label.name for label in project.labels]).tolist()) - {-1}) > 1


@blueprint.get("")
@admin_required
def index(project_id: int) -> ResponseReturnValue:
    """All rounds, newest first; asks again while one is open."""
    db = get_db()
    project = projects.get(db, project_id)
    points = {point.round_id: point for point in model_versions.learning_curve(db, project_id)}
    return render(
        "rounds/index.html",
        "rounds/_list.html",
        project=project,
        rounds=rounds.of_project(db, project_id),
        points=points,
        is_measured=is_measured,
        withdrawn=_withdrawn(project_id),
        stale={each.round_id for each in model_versions.of_project(get_db(), project_id) if each.stale_since},
        labels=labelled.label_count(db, project_id),
    )


@blueprint.get("/new")
@admin_required
def new(project_id: int) -> ResponseReturnValue:
    """The settings of a round that is to start; a link may bring the classifier."""
    project = projects.get(get_db(), project_id)
    settings = usual_settings(project)
    if request.args.get("classifier") in CLASSIFIERS:
        settings = replace(settings, classifier=request.args["classifier"])
    return _form_page(project, round_form.filled(settings))


@blueprint.post("")
@admin_required
def start(project_id: int) -> ResponseReturnValue:
    """Queue a round with the settings typed, or with the project's own where none were sent."""
    project = projects.get(get_db(), project_id)
    form = round_form.filled(usual_settings(project))
    if "classifier" in request.form:
        form = round_form.parse(request.form, encoder_names(current_app))
    if form.errors:
        return _form_page(project, form, 422)
    try:
        started = rounds.start(get_db(), project_id, form.checked().to_dict(), "button", the_user().id, now())
    except RoundAlreadyOpen:
        flash(_("A round is open already. Wait until it ends, or cancel it."), "warning")
        return redirect_to(url_for("rounds.index", project_id=project_id))
    return redirect_to(url_for("rounds.show", project_id=project_id, number=started.number))


@blueprint.get("/<int:number>")
@admin_required
def show(project_id: int, number: int) -> ResponseReturnValue:
    """One round: how far it is, or what it brought."""
    db = get_db()
    project = projects.get(db, project_id)
    this = rounds.numbered(db, number, project_id)
    version = model_versions.get(db, this.model_version_id) if this.model_version_id else None
    return render("rounds/show.html", "rounds/_round.html", **_context(project, this, version))


@blueprint.post("/<int:number>/cancel")
@admin_required
def cancel(project_id: int, number: int) -> Response:
    """Ask a round to stop; the model that serves stays."""
    this = rounds.numbered(get_db(), number, project_id)
    rounds.cancel(get_db(), this.id, the_user().id, now())
    return redirect_to(url_for("rounds.show", project_id=project_id, number=number))


@blueprint.post("/<int:number>/serve")
@admin_required
def serve(project_id: int, number: int) -> ResponseReturnValue:
    """Let this round's model version serve, forward or back, with a reason for the log."""
    db = get_db()
    project = projects.get(db, project_id)
    this = rounds.numbered(db, number, project_id)
    if this.model_version_id is None:
        raise NotFound(_("This round has no model version."))
    version = model_versions.get(db, this.model_version_id)
    form = reason_form.reason(request.form)
    if not (current_app.config["INSTANCE"].checkpoints / version.checkpoint).is_dir():
        form.errors["reason"] = _(
            "The files of this version are gone from the checkpoints folder; it cannot serve."
        )
    if form.errors:
        return render_template(
            "rounds/show.html", **{**_context(project, this, version), "reason": form}
        ), 422
    model_versions.promote(db, version.id, form.checked(), the_user().id)
    flash(_("Version %(number)s serves now.", number=version.number), "success")
    return redirect_to(url_for("rounds.show", project_id=project_id, number=number))


def _context(project: Project, this: Round, version: ModelVersion | None) -> dict[str, Any]:
    serving = model_versions.serving(get_db(), project.id)
    tables = {}
    if version is not None:
        for part in ("holdout", "validation", "audit"):
            metrics = model_versions.metrics(get_db(), version.id, part)
            labels = sorted(model_versions.labels_of(get_db(), version), key=lambda label: label.position)
            tables[part] = score_table(metrics, labels)
    return {
        "project": project,
        "round": this,
        "version": version,
        "withdrawn": _withdrawn(project.id).get(this.id, 0),
        "serving": serving,
        "serves": serving is not None and version is not None and serving.id == version.id,
        "fits": version is not None and model_versions.fits(get_db(), version),
        "tables": tables,
        "settings": round_form.filled(RoundSettings.from_dict(this.settings)).typed,
        "reason": Form[str](),
    }


def _withdrawn(project_id: int) -> dict[int, int]:
    """By round: how many of the labels that its version learned from were withdrawn since."""
    counts = model_versions.withdrawn_labels(get_db(), project_id)
    versions = model_versions.of_project(get_db(), project_id)
    return {version.round_id: counts[version.id] for version in versions if version.id in counts}


def _form_page(project: Project, form: Form[RoundSettings], status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "rounds/new.html",
        project=project,
        form=form,
        encoders=encoder_names(current_app),
        choices=round_form,
        open_round=rounds.open_round(get_db(), project.id),
        new_labels=labelled.labels_since_last_round(get_db(), project.id),
        from_stars=not labelled.label_count(get_db(), project.id) and offers_stars(project),
    )
    return page, status
