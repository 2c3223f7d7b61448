"""Long work in words: rounds, imports, encodings and exports, and whether a worker is there to do them."""

from flask import Flask
from flask_babel import gettext as _

from webapp.clock import now
from webapp.db import get_db
from webapp.store import work


def init_app(app: Flask) -> None:
    """Give templates `phase_words`, `state_words`, `state_kind` and `a_worker_is_alive`."""
    app.jinja_env.globals.update(
        phase_words=phase_words,
        state_words=state_words,
        state_kind=state_kind,
        a_worker_is_alive=a_worker_is_alive,
    )


def phase_words(phase: str | None) -> str:
    """What a worker is doing; an unknown phase is shown as it is named."""
    words = {
        "import": _("Reading the file"),
        "encode": _("Encoding texts"),
        "train": _("Training"),
        "search": _("Searching for better settings"),
        "evaluate": _("Measuring on the holdout"),
        "score": _("Scoring the pool"),
        "query": _("Choosing the next reviews"),
        "save": _("Saving the model version"),
        "publish": _("Publishing the ranking"),
        "export": _("Writing the export"),
        "consensus": _("Finding each review's label"),
        "agreement": _("Measuring agreement"),
        "suspects": _("Looking for labels that may be wrong"),
        "simulate": _("Replaying rounds"),
    }
    return str(words.get(phase or "", phase or _("Starting")))


def state_words(state: str) -> str:
    """The state of a round or job."""
    words = {
        "draft": _("not started"),
        "queued": _("waiting"),
        "running": _("running"),
        "done": _("done"),
        "failed": _("failed"),
        "cancelled": _("cancelled"),
    }
    return str(words.get(state, state))


def state_kind(state: str) -> str:
    """The badge's kind for a state."""
    return {"running": "accent", "done": "good", "failed": "bad"}.get(state, "")


def a_worker_is_alive() -> bool:
    """Whether anything that waits will be taken up."""
    return bool(work.live_workers(get_db(), now()))
