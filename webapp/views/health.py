"""Health: a page for admins, with backups and alarms, and one line of JSON for whatever watches the server."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, current_app, flash, jsonify, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlite_utils.utils import OperationalError

from learner import encoders
from learner.errors import EncoderError
from webapp import diagnosis
from webapp.access.auth import admin_required, public, the_user
from webapp.backups import backup_folder
from webapp.clock import now
from webapp.configuration import Schedule
from webapp.db import get_db
from webapp.diagnosis import Finding
from webapp.instance import Instance
from webapp.store import alarms, work
from webapp.store import backups as records
from webapp.store.errors import DatabaseUnusable

blueprint = Blueprint("health", __name__)

ALARMS: Mapping[str, Any] = {
    "annotations-lost": lazy_gettext("Answers have vanished from the database, and nobody deleted them."),
    "log-too-long": lazy_gettext("The write-ahead log grew too long."),
    "backup-failed": lazy_gettext("The scheduled backup failed."),
}


@blueprint.get("/health")
@admin_required
def show() -> str:
    """Everything that can be wrong with this server and what to do about it; backups, alarms, workers."""
    db, instance = get_db(), _instance()
    files = [
        (path, path.stat().st_size, backup_folder.made_at(path))
        for path in backup_folder.files(instance.folder)
    ]
    return render_template(
        "health/show.html",
        findings=_findings(),
        alarms=alarms.open_alarms(db),
        alarm_words=ALARMS,
        files=files,
        tries=records.latest(db, 5),
        requested=records.requested(db),
        schedule=Schedule.of(current_app.config),
        workers=work.live_workers(db, now()),
        encoders=_encoders(),
    )


@blueprint.get("/healthz")
@public
def probe() -> tuple[Response, int]:
    """200 when all is well, 503 otherwise; names of checks only, since anybody may ask."""
    try:
        found = {finding.name: finding.ok for finding in _findings()}
    except (OperationalError, DatabaseUnusable):
        found = {"database": False}
    is_well = all(found.values())
    return jsonify(status="ok" if is_well else "degraded", checks=found), 200 if is_well else 503


@blueprint.post("/health/backups")
@admin_required
def back_up() -> ResponseReturnValue:
    """Ask the worker for a backup."""
    if records.request(get_db(), the_user().id, now()):
        flash(_("The worker makes a backup; it stands in the list in a moment."), "success")
    else:
        flash(_("A backup is on its way already."), "info")
    return redirect(url_for("health.show"), 303)


@blueprint.post("/health/alarms/<int:alarm_id>/clear")
@admin_required
def clear_alarm(alarm_id: int) -> ResponseReturnValue:
    """Note that somebody has dealt with an alarm."""
    alarms.clear(get_db(), alarm_id, the_user().id, now())
    flash(_("The alarm is cleared."), "success")
    return redirect(url_for("health.show"), 303)


def _instance() -> Instance:
    instance: Instance = current_app.config["INSTANCE"]
    return instance


def _findings() -> list[Finding]:
    return diagnosis.quick(get_db(), _instance(), current_app.config, now())


def _encoders() -> list[encoders.Encoder]:
    try:
        return encoders.available(_instance().encoders)
    except EncoderError:
        return []
