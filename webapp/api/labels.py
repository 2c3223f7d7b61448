"""What the project has come to: its labels as a file, and how good its model is."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from webapp.api.access import scope
from webapp.api.problems import Invalid
from webapp.db import get_db
from webapp.labels_export import FORMATS
from webapp.store import model_versions, projects, stopping
from webapp.views import exports

blueprint = Blueprint("api_labels", __name__)


@blueprint.get("/projects/<row:project_id>/labels")
@scope("read", of_admin=True)
def export(project_id: int) -> ResponseReturnValue:
    """Every current label, or with `consensus` one a review, as the page's download has it."""
    chosen = request.args.get("format", "csv")
    if chosen not in FORMATS:
        raise Invalid({"format": f"must be one of {', '.join(FORMATS)}."})
    return exports.labels(project_id, chosen)


@blueprint.get("/projects/<row:project_id>/metrics")
@scope("read", of_admin=True)
def metrics(project_id: int) -> ResponseReturnValue:
    """The scores of the version that serves, with their intervals, the learning curve, the advice when to stop."""
    db = get_db()
    projects.get(db, project_id)
    serving = model_versions.serving(db, project_id)
    parts = ("holdout", "validation", "audit") if serving else ()
    found = [each for part in parts if serving for each in model_versions.metrics(db, serving.id, part)]
    return {
        "model_version": serving.number if serving else None,
        "classifier": serving.classifier if serving else None,
        "encoder": serving.encoder if serving else None,
        "training_labels": serving.training_labels if serving else None,
        "metrics": [asdict(metric) for metric in found],
        "learning_curve": [_point(point) for point in model_versions.learning_curve(db, project_id)],
        "advice": stopping.advice(db, project_id),
    }


def _point(point: model_versions.CurvePoint) -> dict[str, Any]:
    return {
        "model_version": point.number,
        "training_labels": point.training_labels,
        "serves": point.serves,
        "accuracy": asdict(point.accuracy) if point.accuracy else None,
        "macro_f1": asdict(point.macro_f1) if point.macro_f1 else None,
    }
