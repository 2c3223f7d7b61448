"""The web application: thin views around the store. It never imports torch, transformers or small-text."""

import logging
import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from flask import Flask
from sqlite_utils.utils import OperationalError
from werkzeug.middleware.proxy_fix import ProxyFix

from webapp import (
    assets,
    db,
    defaults,
    errors,
    htmx,
    instance,
    labelling_keys,
    navigation,
    request_record,
    views,
)
from webapp.access import agents, auth, cookies, security
from webapp.api import routes as api
from webapp.store import insertion
from webapp.store.connection import utc_now
from webapp.words import amounts, label_words, language, sentences, work_words

log = logging.getLogger(__name__)


def create_app(folder: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Flask:
    """The application of one instance; InstanceError says why it cannot start (no key, no database, not migrated)."""
    where = instance.locate(folder)
    app = Flask("webapp", instance_path=str(where.folder))
    configure(app, where, overrides or {})
    _finish_what_was_cut_off(where)
    if app.config["PROXY_COUNT"]:
        count = app.config["PROXY_COUNT"]
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=0)  # type: ignore[method-assign]
    # The order is that of a request: number it, refuse what is hostile, then ask who it is.
    for part in (
        request_record,
        db,
        errors,
        security,
        auth,
        language,
        assets,
        htmx,
        agents,
        label_words,
        labelling_keys,
        sentences,
        amounts,
        work_words,
        navigation,
    ):
        part.init_app(app)
    for blueprint in views.BLUEPRINTS:
        app.register_blueprint(blueprint)
    api.init_app(app)
    auth.require_marks(app)
    return app


def _finish_what_was_cut_off(where: instance.Instance) -> None:
    """A process that was killed while it applied settings left the rest to the one that starts in its place."""
    with closing(instance.open_instance(where)) as opened:
        try:
            insertion.finish_resets(opened)
        except OperationalError as error:  # a full disk must not keep the pages from being read
            log.warning("New overlap settings still wait for some reviews: %s", error)


def configure(app: Flask, where: instance.Instance, overrides: Mapping[str, Any]) -> None:
    """Four layers: defaults, the instance's file, the environment, overrides; then what follows from them."""
    app.config.from_object(defaults)
    app.config.from_pyfile(str(where.folder / "config.py"), silent=True)
    app.config.from_prefixed_env("WINNOW")
    app.config.from_mapping(overrides)
    app.config["INSTANCE"] = where
    app.config.setdefault("CLOCK", utc_now)
    app.config["SECRET_KEY"] = instance.secret_key(where)
    app.config["SESSION_COOKIE_SECURE"] = bool(app.config["COOKIE_SECURE"])
    app.config["SESSION_COOKIE_NAME"] = cookies.name(app, "form")
    if app.debug or os.environ.get("FLASK_DEBUG", "0") not in ("", "0", "false"):
        raise instance.InstanceError(
            "Debug mode shows secrets to visitors. Unset FLASK_DEBUG and start again."
        )
