"""The start page: where each person's work is."""

from flask import Blueprint, current_app, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.access.auth import login_required, the_user
from webapp.db import get_db
from webapp.store import projects

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
@login_required
def index() -> ResponseReturnValue:
    """Admins see the projects; annotators go on labelling, or choose what to label."""
    if the_user().is_admin and "projects.index" in current_app.view_functions:
        return redirect(url_for("projects.index"), 303)
    choices = projects.everything(get_db())
    if len(choices) == 1:
        return redirect(url_for("annotate.show", project_id=choices[0].id), 303)
    return render_template("home/index.html", projects=choices)
