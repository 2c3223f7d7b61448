"""Label reviews: one at a time, each leased by POST, each answer bringing the next."""

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from webapp.auth import login_required, the_user
from webapp.clock import now
from webapp.db import get_db
from webapp.errors import status_of, words_of
from webapp.htmx import is_htmx, render
from webapp.label_words import label_name
from webapp.store import activity, annotations, projects, queue
from webapp.store.annotations import Annotation, Answer
from webapp.store.errors import (
    AlreadyAnnotated,
    InvalidValue,
    LeaseExpired,
    StoreError,
    UnknownLabel,
)
from webapp.store.projects import Label, Project
from webapp.store.queue import Lease, QueueEmpty

blueprint = Blueprint("annotate", __name__)
HISTORY_PAGE = 50
# The page asks for a lease again well before it ends: two missed turns do no harm.
RENEWALS_PER_LEASE = 3


@blueprint.get("/projects/<int:project_id>/annotate")
@login_required
def show(project_id: int) -> ResponseReturnValue:
    """The review this person holds, or where to start. Reading claims nothing."""
    project = projects.get(get_db(), project_id)
    return _card(project, queue.current(get_db(), project_id, the_user().id, now()))


@blueprint.post("/projects/<int:project_id>/annotate/next")
@login_required
def take_next(project_id: int) -> ResponseReturnValue:
    """Claim the best free review; two tabs of one person get the same one."""
    project = projects.get(get_db(), project_id)
    return _card_or_page(project, queue.claim(get_db(), project_id, the_user().id, now()))


@blueprint.post("/leases/<token>/answer")
@login_required
def answer(token: str) -> ResponseReturnValue:
    """Store the answer and claim the next review. Sending it twice stores it once."""
    lease = _own_lease(token)
    project = projects.get(get_db(), lease.project_id)
    note = request.form.get("note", "")
    try:
        saved = annotations.record(get_db(), token, the_user().id, _answer(note), now())
    except (LeaseExpired, AlreadyAnnotated) as error:
        return _card(project, None, error=error, note=note)
    except (UnknownLabel, InvalidValue) as error:
        return _card(project, lease, error=error, note=note)
    found = queue.claim(get_db(), lease.project_id, the_user().id, now())
    return _card_or_page(project, found, saved=saved)


@blueprint.post("/leases/<token>/renew")
@login_required
def renew(token: str) -> ResponseReturnValue:
    """Keep the review while it is being looked at."""
    queue.renew(get_db(), token, the_user().id, now())
    return "", 204


@blueprint.post("/leases/<token>/release")
@login_required
def release(token: str) -> ResponseReturnValue:
    """Give the review back as its page closes."""
    queue.release(get_db(), token, the_user().id)
    return "", 204


@blueprint.post("/projects/<int:project_id>/annotate/undo")
@login_required
def undo(project_id: int) -> ResponseReturnValue:
    """Withdraw my last answer and show its review again."""
    project = projects.get(get_db(), project_id)
    lease = annotations.undo_last(get_db(), project_id, the_user().id, now())
    if lease is not None:
        words = gettext("Your last answer is withdrawn. Here is its review again.")
        return _card_or_page(project, lease, announce=words)
    found = queue.claim(get_db(), project_id, the_user().id, now())
    words = gettext("Your last answer is withdrawn. Others have its review now; here is the next.")
    return _card_or_page(project, found, announce=words)


@blueprint.get("/projects/<int:project_id>/annotate/history")
@login_required
def history(project_id: int) -> ResponseReturnValue:
    """My answers, newest first, each open to change."""
    project = projects.get(get_db(), project_id)
    before = request.args.get("before", type=int)
    mine = annotations.mine(get_db(), project_id, the_user().id, HISTORY_PAGE + 1, before)
    older = mine[HISTORY_PAGE - 1].id if len(mine) > HISTORY_PAGE else None
    progress = activity.progress(get_db(), project_id, the_user().id, now())
    context = {"answers": mine[:HISTORY_PAGE], "older": older, "before": before, "progress": progress}
    return render_template("annotate/history.html", project=project, **context)


@blueprint.post("/projects/<int:project_id>/annotate/history/<int:annotation_id>")
@login_required
def change(project_id: int, annotation_id: int) -> ResponseReturnValue:
    """Give another answer to a review I answered before; the log keeps both."""
    given = _answer(request.form.get("note", ""))
    annotations.change(get_db(), annotation_id, the_user().id, given, now())
    flash(gettext("Your answer is changed."), "success")
    return redirect(url_for("annotate.history", project_id=project_id), 303)


def _answer(note: str) -> Answer:
    """The answer in the form: a label's id, or the action skip or flag."""
    label = request.form.get("label")
    seconds = request.form.get("seconds", type=float)
    if label is None:
        return Answer(request.form.get("action", ""), None, note.strip(), seconds)
    if not label.isascii() or not label.isdigit() or len(label) > 18:
        raise UnknownLabel(gettext("This label is not in the project. Load the page again."))
    return Answer("label", int(label), note.strip(), seconds)


def _own_lease(token: str) -> Lease:
    queue.owned(get_db(), token, the_user().id)
    return queue.by_token(get_db(), token)


def _card_or_page(
    project: Project, found: Lease | QueueEmpty, saved: Annotation | None = None, announce: str = ""
) -> ResponseReturnValue:
    """The next card for htmx; without it, back to the page by GET, unless there is something to say."""
    if isinstance(found, Lease) and not is_htmx():
        return redirect(url_for("annotate.show", project_id=project.id), 303)
    return _card(project, found, saved=saved, announce=announce)


def _card(
    project: Project,
    found: Lease | QueueEmpty | None,
    *,
    saved: Annotation | None = None,
    announce: str = "",
    error: StoreError | None = None,
    note: str = "",
) -> Response:
    """The card with what there is to do: a review, an empty queue, or neither yet."""
    saved_label = next((label for label in project.labels if saved and label.id == saved.label_id), None)
    context: dict[str, Any] = {
        "project": project,
        "lease": found if isinstance(found, Lease) else None,
        "empty": found if isinstance(found, QueueEmpty) else None,
        "progress": activity.progress(get_db(), project.id, the_user().id, now()),
        "renew_seconds": project.settings.lease_minutes * 60 // RENEWALS_PER_LEASE,
        "note_limit": annotations.NOTE_LIMIT,
        "saved": saved,
        "saved_label": saved_label,
        "announce": announce or _announcement(saved, saved_label, found),
        "error": words_of(error) if error else None,
        "note": note,
    }
    status = status_of(error) if error else 200
    return render("annotate/show.html", "annotate/_card.html", status, **context)


def _announcement(saved: Annotation | None, label: Label | None, found: Lease | QueueEmpty | None) -> str:
    """What a screen reader hears when the card changes."""
    if saved is None:
        return ""
    done = {"skip": gettext("Skipped."), "flag": gettext("Flagged.")}.get(saved.action)
    done = done or gettext("Saved: %(label)s.", label=label_name(label.name) if label else "")
    return f"{done} {gettext('Next review.')}" if isinstance(found, Lease) else done
