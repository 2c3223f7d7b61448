"""Insights: what the reviews say of each product or category, how it went over time, and what stands out."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from webapp.access.auth import admin_required, the_user
from webapp.access.security import attachment
from webapp.clock import now
from webapp.db import get_db
from webapp.figures import insight_tables
from webapp.figures.charts import NARROW, WIDE, line_chart_svg, shares_svg
from webapp.figures.insight_tables import Course
from webapp.figures.insights import FEWEST, Counts, Group, Insights, insights
from webapp.figures.periods import period_words
from webapp.figures.scores import score_table
from webapp.forms import insight_filters
from webapp.forms.insight_filters import Asked
from webapp.store import audit, model_versions, projects
from webapp.store import insights as store
from webapp.store.errors import NotFound
from webapp.store.model_versions import ModelVersion
from webapp.store.projects import Label, Project
from webapp.words.amounts import percent
from webapp.words.label_words import label_name, label_tone

blueprint = Blueprint("insights", __name__, url_prefix="/projects/<int:project_id>/insights")

PAGE = 50
# What stands out is a list to act on, not to scroll through.
FIRST_NEWS = 6
NEWEST = 5
TYPES = {"csv": "text/csv", "svg": "image/svg+xml"}


@blueprint.get("")
@admin_required
def index(project_id: int) -> ResponseReturnValue:
    """The whole report, for one watched label."""
    project = projects.get(get_db(), project_id)
    version = model_versions.serving(get_db(), project_id)
    asked = insight_filters.parse(request.args, project)
    if version is None:
        return render_template("insights/none.html", project=project)
    asked, found = read(version, asked)
    groups = ordered(found, asked)
    last_page = max(0, len(groups) - 1) // PAGE * PAGE
    skip = min(max(0, request.args.get("skip", 0, type=int)), last_page)
    return render_template(
        "insights/index.html",
        project=project,
        version=version,
        asked=asked,
        found=found,
        trust=_trust(project, version, asked.label),
        here=lambda **changed: url_for(
            "insights.index", project_id=project_id, **insight_filters.arguments(asked, **changed)
        ),
        file=lambda kind: url_for(
            "insights.figures", project_id=project_id, kind=kind, **insight_filters.arguments(asked)
        ),
        reviews=lambda **changed: _reviews(project, asked, **changed),
        group=next((each for each in groups if each.name == asked.group), None),
        groups=groups[skip : skip + PAGE],
        total=len(groups),
        total_reviews=projects.review_count(get_db(), project_id),
        skip=skip,
        page=PAGE,
        standing_out=standing_out(found),
        first=FIRST_NEWS,
        fewest=FEWEST,
        charts=_charts(project, found, asked),
        newest=store.newest(get_db(), _scope(version, asked), asked.label.id, asked.group, NEWEST),
        period_words=period_words,
        rose=insight_tables.rose,
        bar=lambda counts: _bar(counts, project.labels),
    )


@blueprint.get("/<any('groups.csv', 'course.csv', 'course.svg'):kind>")
@admin_required
def figures(project_id: int, kind: str) -> Response:
    """The table of groups, or the course of time as numbers or as a picture."""
    project = projects.get(get_db(), project_id)
    version = model_versions.serving(get_db(), project_id)
    if version is None:
        raise NotFound(_("No model version serves, so nothing is known of the reviews yet."))
    asked, found = read(version, insight_filters.parse(request.args, project))
    response = make_response(_content(project, found, asked, kind))
    audit.log_download(
        get_db(), the_user().id, "insights.download", f"project:{project_id}", now(), file=kind
    )
    response.mimetype = TYPES[kind.rpartition(".")[2]]
    response.headers.set("Content-Disposition", "attachment", filename=f"insights-{project_id}-{kind}")
    return attachment(response)


def read(version: ModelVersion, asked: Asked) -> tuple[Asked, Insights]:
    """What is asked, and what the reviews say; where nobody asked, products are the groups, or else categories."""
    newest_day = store.newest_day(get_db(), _scope(version, asked))
    for by in (asked.by,) if asked.by else tuple(store.COLUMNS):
        chosen = replace(asked, by=by)
        readings = store.readings(get_db(), _scope(version, chosen))
        found = insights(readings, newest_day, asked.label.id, asked.group, asked.since)
        if found.groups:
            return chosen, found
    return (chosen if asked.by else replace(asked, by="product")), found


def ordered(found: Insights, asked: Asked) -> list[Group]:
    """The largest first; or by the lower end of the watched share, so that few reviews do not make a first place."""
    if asked.order != "share":
        return found.groups
    return sorted(found.groups, key=lambda group: -(group.share.low or 0))


def standing_out(found: Insights) -> list[Group]:
    """Groups above all others, then those below, the furthest from them first."""
    out = [group for group in found.groups if group.stands_out]
    return sorted(
        out, key=lambda group: (group.stands_out, -abs(group.difference.value if group.difference else 0))
    )


def _scope(version: ModelVersion, asked: Asked) -> store.Scope:
    return store.Scope(version.project_id, version.id, asked.by, asked.since, asked.until)


def _trust(project: Project, version: ModelVersion, label: Label) -> dict[str, Any] | None:
    """Precision and recall of the watched label on the holdout; None where it is too small to tell."""
    table = score_table(model_versions.metrics(get_db(), version.id), project.labels)
    precision, recall = next(metrics[:2] for each, metrics in table.labels if each.id == label.id)
    if not table.is_measured or precision is None or recall is None:
        return None
    return {"precision": precision, "recall": recall}


def _reviews(project: Project, asked: Asked, group: str | None = None, **days: str) -> str:
    """The list of reviews that a figure counts."""
    within = {"since": asked.since, "until": asked.until, **days}
    filters: dict[str, Any] = {"read": asked.label.id, asked.by: group or asked.group, **within}
    given = {name: value for name, value in filters.items() if value}
    return url_for("reviews.index", project_id=project.id, **given)


def _content(project: Project, found: Insights, asked: Asked, kind: str) -> str:
    if kind == "groups.csv":
        return insight_tables.groups_csv(found, project.labels, asked.by)
    if kind == "course.csv":
        return insight_tables.steps_csv(found.group_steps if asked.group else found.steps, project.labels)
    drawn = insight_tables.course(found, asked.label, asked.by, asked.group)
    if drawn is None:
        raise NotFound(_("Too few of these reviews have a date for a chart."))
    return _svg(project, drawn, asked, WIDE, standalone=True)


def _charts(project: Project, found: Insights, asked: Asked) -> list[tuple[str, Markup]]:
    drawn = insight_tables.course(found, asked.label, asked.by, asked.group)
    if drawn is None:
        return []
    return [
        (kind, Markup(_svg(project, drawn, asked, size)))  # noqa: S704 - we drew it and escaped its texts
        for kind, size in (("wide", WIDE), ("narrow", NARROW))
    ]


def _svg(
    project: Project, drawn: Course, asked: Asked, size: tuple[int, int], standalone: bool = False
) -> str:
    label = label_name(asked.label.name)
    title = _("%(what)s: share of %(label)s over time", what=asked.group or project.name, label=label)
    words = ("", _("share of %(label)s", label=label))
    return line_chart_svg(
        drawn.lines, *words, standalone=standalone, size=size, title=title, x_names=drawn.names
    )


def _bar(counts: Counts, labels: list[Label]) -> Markup:
    """How the labels share the reviews; in words for who does not see it."""
    total = counts.total() or 1
    words = ", ".join(f"{label_name(label.name)} {percent(counts[label.id] / total, 0)}" for label in labels)
    parts = [(f"tone tone-{label_tone(label.name, label.position)}", counts[label.id]) for label in labels]
    return Markup(shares_svg(parts, words))  # noqa: S704 - we drew it and escaped its texts
