"""Health: a page for admins and one line of JSON for whatever watches the server."""

import shutil
from dataclasses import dataclass

from flask import Blueprint, Response, current_app, jsonify, render_template
from flask_babel import gettext as _
from sqlite_utils.utils import OperationalError

from learner import encoders
from learner.errors import EncoderError
from webapp.auth import admin_required, public
from webapp.clock import now
from webapp.db import get_db
from webapp.store import health, work
from webapp.store.connection import wal_is_safe
from webapp.words import duration

blueprint = Blueprint("health", __name__)

LEAST_FREE_BYTES = 1_000_000_000
# Far past the point at which a checkpoint should have run; some reader holds it up.
LARGEST_WAL_BYTES = 256_000_000
LONGEST_WAIT_SECONDS = 600


@dataclass(frozen=True)
class Check:
    """One thing that can be wrong: `name` for programs; words, value and advice for people."""

    name: str
    words: str
    ok: bool
    value: str
    advice: str


@blueprint.get("/health")
@admin_required
def show() -> str:
    """Everything that can be wrong with this server, and what to do about it."""
    workers = work.live_workers(get_db(), now())
    return render_template("health/show.html", checks=_checks(), workers=workers, encoders=_encoders())


@blueprint.get("/healthz")
@public
def probe() -> tuple[Response, int]:
    """200 when all is well, 503 otherwise; names of checks only, since anybody may ask."""
    try:
        found = {check.name: check.ok for check in _checks()}
    except OperationalError:
        found = {"database": False}
    is_well = all(found.values())
    return jsonify(status="ok" if is_well else "degraded", checks=found), 200 if is_well else 503


def _checks() -> list[Check]:
    return [*_database_checks(), _disk_check(), *_work_checks()]


def _database_checks() -> list[Check]:
    db, path = get_db(), current_app.config["INSTANCE"].database
    writable, version, wal = health.can_write(db), health.sqlite_version(db), health.wal_bytes(path)
    return [
        Check("database", _("Database"), writable, _("writable") if writable else _("not writable"),
              _("Look at the rights of the instance folder and at the free disk space.")),
        Check("sqlite", _("SQLite version"), wal_is_safe(version), version,
              _("Install the pinned pysqlite3: this version can lose commits.")),
        Check("wal", _("Write-ahead log"), wal <= LARGEST_WAL_BYTES, f"{wal / 1e6:,.1f} MB",
              _("Some process keeps an old read open; restart web and worker.")),
    ]  # fmt: skip


def _disk_check() -> Check:
    free = shutil.disk_usage(current_app.config["INSTANCE"].folder).free
    advice = _("Free some space: imports, rounds and labels need it.")
    return Check("disk", _("Free disk space"), free >= LEAST_FREE_BYTES, f"{free / 1e9:,.1f} GB", advice)


def _work_checks() -> list[Check]:
    alive = bool(work.live_workers(get_db(), now()))
    waited = health.oldest_waiting_seconds(get_db(), now())
    waits_long = waited is not None and waited > LONGEST_WAIT_SECONDS
    return [
        Check("worker", _("Worker"), alive, _("alive") if alive else _("not running"),
              _("Start it with “winnow run” or “winnow worker”.")),
        Check("queue", _("Oldest waiting job"), not waits_long, duration(waited) if waited else _("none waits"),
              _("The worker is busy or stuck; its log says with what.")),
    ]  # fmt: skip


def _encoders() -> list[encoders.Encoder]:
    try:
        return encoders.available(current_app.config["INSTANCE"].encoders)
    except EncoderError:
        return []
