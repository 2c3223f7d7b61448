"""Projects: which there are, and new ones."""

from typing import Any

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue

from webapp.access.auth import the_user
from webapp.api import bodies, replay
from webapp.api.access import scope
from webapp.clock import now
from webapp.db import get_db
from webapp.store import projects
from webapp.store.projects import DEFAULT_LABELS, LANGUAGES, Project, ProjectSettings
from webapp.usual_encoder import with_encoder

blueprint = Blueprint("api_projects", __name__)


@blueprint.get("/projects")
@scope("read", "annotate", "predict")
def index() -> ResponseReturnValue:
    """All projects with their labels, as everybody sees them who logs in."""
    return {"projects": [shown(project) for project in projects.everything(get_db())]}


@blueprint.post("/projects")
@scope("admin")
def create() -> ResponseReturnValue:
    """A new project: name, labels in the order of their keys, language of its reviews."""
    sent = bodies.fields("name", "labels", "language")
    name = sent.text("name", 100)
    labels = sent.texts("labels", 9, 40, list(DEFAULT_LABELS))
    language = sent.text("language", 10, "en")
    if language not in LANGUAGES:
        sent.errors.setdefault("language", f"must be one of {', '.join(LANGUAGES)}.")
    sent.checked()
    settings = with_encoder(ProjectSettings(), current_app.config["INSTANCE"], language)
    return replay.once(
        lambda: shown(projects.create(get_db(), name, labels, language, settings, the_user().id, now()))
    )


@blueprint.get("/projects/<row:project_id>")
@scope("read", "annotate", "predict")
def show(project_id: int) -> ResponseReturnValue:
    """One project."""
    return shown(projects.get(get_db(), project_id))


def shown(project: Project) -> dict[str, Any]:
    """What everybody may know of a project."""
    return {
        "id": project.id,
        "name": project.name,
        "language": project.language,
        "labels": [label.name for label in project.labels],
        "paused": project.paused_at is not None,
        "created_at": project.created_at,
    }
