"""What the reviews say, for programs that report or raise an alarm: as the page has it, all groups at once."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from webapp.api.access import scope
from webapp.api.problems import Invalid
from webapp.db import get_db
from webapp.figures.insights import Change, Counts, Group, Insights, Step, insights
from webapp.figures.periods import Period
from webapp.figures.proportions import Proportion
from webapp.forms import insight_filters
from webapp.forms.fields_of_address import day
from webapp.store import model_versions, projects
from webapp.store.insights import COLUMNS
from webapp.store.projects import Project
from webapp.views.insights import read

blueprint = Blueprint("api_insights", __name__)


@blueprint.get("/projects/<row:project_id>/insights")
@scope("read", of_admin=True)
def show(project_id: int) -> ResponseReturnValue:
    """Shares of one label by product or category and over time, and what differs by more than chance."""
    project = projects.get(get_db(), project_id)
    _check(request.args, project)
    asked = insight_filters.parse(request.args, project)
    version = model_versions.serving(get_db(), project_id)
    if version is None:
        found = insights([], None, asked.label.id)
    else:
        asked, found = read(version, asked)
    return {
        "model_version": version.number if version else None,
        "label": asked.label.name,
        "by": asked.by or "product",
        "group": asked.group or None,
        **_shown(found, project, in_group=bool(asked.group)),
    }


def _check(sent: MultiDict[str, str], project: Project) -> None:
    """A page shows something whatever its address says; a program is told what it got wrong."""
    errors = {}
    if "label" in sent and project.label_named(sent["label"]) is None:
        errors["label"] = f"must be one of {', '.join(label.name for label in project.labels)}."
    if "by" in sent and sent["by"] not in COLUMNS:
        errors["by"] = f"must be one of {', '.join(COLUMNS)}."
    for name in ("since", "until"):
        if name in sent and not day(sent, name):
            errors[name] = "must be a day such as 2026-03-01."
    if errors:
        raise Invalid(errors)


def _shown(found: Insights, project: Project, in_group: bool) -> dict[str, Any]:
    def counted(counts: Counts) -> dict[str, int]:
        return {label.name: counts[label.id] for label in project.labels}

    def of_group(group: Group) -> dict[str, Any]:
        return {
            "name": group.name,
            "labels": counted(group.counts),
            "share": _share(group.share),
            "share_of_others": _share(group.rest),
            "stands_out": group.stands_out or None,
            "stars": group.stars,
        }

    def of_step(step: Step) -> dict[str, Any]:
        return {**_days(step.period), "labels": counted(step.counts), "share": _share(step.share)}

    return {
        "labels": counted(found.counts),
        "share": _share(found.share),
        "groups": [of_group(group) for group in found.groups],
        "unit": found.unit,
        "periods": [of_step(step) for step in (found.group_steps if in_group else found.steps)],
        "changes": [_of_change(change) for change in found.changes],
        "recent": _days(found.recent) if found.recent else None,
        "before": _days(found.before) if found.before else None,
    }


def _of_change(change: Change) -> dict[str, Any]:
    return {
        "group": change.group,
        "recent": _share(change.recent),
        "before": _share(change.before),
        "difference": asdict(change.difference) if change.difference else None,
    }


def _share(share: Proportion) -> dict[str, Any]:
    return {"value": share.value, "low": share.low, "high": share.high, "n": share.n}


def _days(period: Period) -> dict[str, str]:
    return {"from": period.start.isoformat(), "until": period.end.isoformat()}
