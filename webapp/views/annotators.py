"""Annotators: each person's pace and agreement beside the others', signs worth a look, and how suggestions sway."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webapp.access.auth import admin_required
from webapp.clock import now
from webapp.db import get_db
from webapp.figures.trouble_signs import FEWEST, sign_words, signs_of
from webapp.store import annotators, projects, sway, users

blueprint = Blueprint("annotators", __name__, url_prefix="/projects/<int:project_id>/annotators")


@blueprint.get("")
@admin_required
def index(project_id: int) -> ResponseReturnValue:
    """Everybody who answered in the project."""
    project = projects.get(get_db(), project_id)
    reports = annotators.reports(get_db(), project_id, now())
    return render_template(
        "annotators/index.html",
        project=project,
        reports=reports,
        signs={report.user_id: signs_of(report, project) for report in reports},
        sway=sway.of_project(get_db(), project_id),
        sign_words=sign_words(),
        fewest=FEWEST,
    )


@blueprint.get("/<int:user_id>")
@admin_required
def show(project_id: int, user_id: int) -> ResponseReturnValue:
    """One person in this project."""
    project = projects.get(get_db(), project_id)
    person = users.by_id(get_db(), user_id)
    found = {report.user_id: report for report in annotators.reports(get_db(), project_id, now())}
    report = found.get(user_id)
    return render_template(
        "annotators/show.html",
        project=project,
        person=person,
        report=report,
        signs=signs_of(report, project) if report else [],
        sway=sway.by_person(get_db(), project_id).get(user_id, sway.Sway()),
        fewest=FEWEST,
    )
