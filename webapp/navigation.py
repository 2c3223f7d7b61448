"""The links in the header, for annotators and for admins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask, current_app, request, url_for
from flask_babel import lazy_gettext

from webapp.access.auth import current_user
from webapp.clock import now
from webapp.db import get_db
from webapp.store import cases
from webapp.store.projects import Project

# Words, endpoint, who. The tab is lit on every page of the endpoint's blueprint, or of the blueprints named after it.
PROJECT = (
    (lazy_gettext("Overview"), "projects.show", "admin"),
    (lazy_gettext("Label"), "annotate.show", "annotator"),
    (lazy_gettext("My labels"), "annotate.history", "annotator"),
    (lazy_gettext("Settle"), "adjudicate.index", "admin"),
    (lazy_gettext("Reviews"), "reviews.index", "admin"),
    (lazy_gettext("Insights"), "insights.index", "admin"),
    (lazy_gettext("Import"), "imports.new", "admin"),
    (lazy_gettext("Rounds"), "rounds.index", "admin"),
    (lazy_gettext("Quality"), "quality.index", "admin"),
    (lazy_gettext("Export"), "exports.index", "admin"),
    (lazy_gettext("Guidelines"), "guidelines.show", "annotator"),
    (lazy_gettext("Team"), "team.index", "admin"),
    (lazy_gettext("Settings"), "projects.settings", "admin"),
)
SITE = (
    (lazy_gettext("Projects"), "projects.index", "admin"),
    (lazy_gettext("People"), "people.index", "admin"),
    (lazy_gettext("Health"), "health.show", "admin"),
)
# What has to do with people: tabs below the header, which has no room for them on a phone.
PEOPLE = (
    (lazy_gettext("Accounts"), "people.index", "admin"),
    (lazy_gettext("Tokens"), "tokens.index", "admin"),
    (lazy_gettext("Privacy"), "privacy.index", "admin"),
    (lazy_gettext("Audit log"), "audit.index", "admin"),
)
# Pages of these blueprints are told apart by their view, not by the blueprint.
BY_VIEW = ("annotate", "projects")

# Pages without a link of their own, and the one that is lit there.
WITHIN = {"annotators": "quality", "simulations": "rounds"}
WITHIN_SITE = {"tokens": "people", "privacy": "people", "audit": "people"}


@dataclass(frozen=True)
class Link:
    """`waiting`: how much there is to do behind it; empty for nothing."""

    words: str
    address: str
    current: bool
    waiting: str = ""


def init_app(app: Flask) -> None:
    """Give templates `site_links`, `people_links`, `project_links` and `project_address`."""
    app.jinja_env.globals.update(
        site_links=lambda: _links(SITE, WITHIN_SITE),
        people_links=people_links,
        project_links=project_links,
        project_address=project_address,
    )


def people_links() -> list[Link]:
    """The tabs of the pages about people, on these pages."""
    links = _links(PEOPLE)
    return links if any(link.current for link in links) else []


def project_links(project: Project) -> list[Link]:
    """The tabs of a project, for this person."""
    return [_with_waiting(link, project) for link in _links(PROJECT, WITHIN, project_id=project.id)]


def project_address(project: Project) -> str:
    """A project's front page: its overview for admins, the queue for annotators."""
    user = current_user()
    overview = user is not None and user.is_admin
    return url_for("projects.show" if overview else "annotate.show", project_id=project.id)


def _with_waiting(link: Link, project: Project) -> Link:
    if link.address != url_for("adjudicate.index", project_id=project.id):
        return link
    found = cases.waiting(get_db(), project.id, now())
    return replace(link, waiting=f"{found - 1}+" if found == cases.MANY else str(found or ""))


def _links(
    items: Iterable[tuple[str, str, str]], within: Mapping[str, str] | None = None, **values: Any
) -> list[Link]:
    user = current_user()
    role = "admin" if user is not None and user.is_admin else "annotator"
    return [
        Link(str(words), url_for(endpoint, **values), _is_current(endpoint, within or {}))
        for words, endpoint, access in items
        if access in ("annotator", role) and endpoint in current_app.view_functions
    ]


def _is_current(endpoint: str, within: Mapping[str, str]) -> bool:
    blueprint = endpoint.partition(".")[0]
    if blueprint in BY_VIEW:
        return request.endpoint == endpoint
    return blueprint in (*request.blueprints, within.get(request.blueprint or ""))
