"""Rounds: start one, follow it, cancel it."""

from typing import Any

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue

from learner.errors import SettingsError
from learner.settings import RoundSettings
from webapp.access.auth import the_user
from webapp.api import bodies, replay
from webapp.api.access import scope
from webapp.api.problems import Invalid
from webapp.clock import now
from webapp.db import get_db
from webapp.store import model_versions, projects, rounds
from webapp.store.projects import Project
from webapp.store.rounds import Round
from webapp.usual_settings import usual_settings
from webapp.views.rounds import encoder_names

blueprint = Blueprint("api_rounds", __name__)
SETTINGS = tuple(RoundSettings().to_dict())


@blueprint.get("/projects/<row:project_id>/rounds")
@scope("read", of_admin=True)
def index(project_id: int) -> ResponseReturnValue:
    """All rounds, newest first."""
    projects.get(get_db(), project_id)
    return {"rounds": [_shown(each) for each in rounds.of_project(get_db(), project_id)]}


@blueprint.post("/projects/<row:project_id>/rounds")
@scope("admin")
def start(project_id: int) -> ResponseReturnValue:
    """Queue a round on today's labels; settings that are not sent are the project's own."""
    project = projects.get(get_db(), project_id)
    settings = _settings(project)
    return replay.once(
        lambda: _shown(rounds.start(get_db(), project_id, settings, "api", the_user().id, now()))
    )


@blueprint.get("/projects/<row:project_id>/rounds/<row:number>")
@scope("read", of_admin=True)
def show(project_id: int, number: int) -> ResponseReturnValue:
    """One round by its number: how far it is, or what it brought."""
    return _shown(rounds.numbered(get_db(), number, project_id))


@blueprint.delete("/projects/<row:project_id>/rounds/<row:number>")
@scope("admin")
def cancel(project_id: int, number: int) -> ResponseReturnValue:
    """Ask a round to stop; the model that serves stays. One that is over stays as it is."""
    this = rounds.numbered(get_db(), number, project_id)
    rounds.cancel(get_db(), this.id, the_user().id, now())
    return _shown(rounds.get(get_db(), this.id))


def _settings(project: Project) -> dict[str, Any]:
    sent = bodies.optional_fields(*SETTINGS)
    sent.checked()
    try:
        settings = RoundSettings.from_dict({**usual_settings(project).to_dict(), **sent.values})
    except SettingsError as error:
        raise Invalid(error.errors) from error
    # As on the page: an encoder that was added, not any folder of the server.
    if "encoder" in sent.values and settings.encoder not in encoder_names(current_app):
        raise Invalid({"encoder": "is none of those that were added; see `winnow encoder list`."})
    return settings.to_dict()


def _shown(this: Round) -> dict[str, Any]:
    version = model_versions.get(get_db(), this.model_version_id) if this.model_version_id else None
    return {
        "number": this.number,
        "state": this.state,
        "cause": this.cause,
        "phase": this.phase,
        "progress": this.progress,
        "eta_seconds": this.eta_seconds,
        "cancel_requested": this.cancel_requested,
        "error": this.error,
        "settings": this.settings,
        "timings": this.timings,
        "report": this.report,
        "model_version": version.number if version else None,
        "verdict": version.verdict if version else None,
        "weak_labels": version.weak_labels if version else None,
        "created_at": this.created_at,
        "started_at": this.started_at,
        "finished_at": this.finished_at,
    }
