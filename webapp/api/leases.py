"""Labelling by program: take a review, answer, keep or give back the lease, withdraw an answer.

A token acts as its user, over the same queue as their pages: the same store, the same rules, nothing beyond.
"""

from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, make_response
from flask.typing import ResponseReturnValue

from webapp.access.auth import the_user
from webapp.api import bodies
from webapp.api.access import scope
from webapp.api.bodies import Fields
from webapp.clock import now
from webapp.db import get_db
from webapp.store import annotations, projects, queue
from webapp.store.annotations import NOTE_LIMIT, SKIP_REASONS, Annotation, Answer
from webapp.store.connection import timestamp
from webapp.store.errors import NothingToUndo, UnknownLabel
from webapp.store.projects import Project
from webapp.store.queue import Lease, QueueEmpty

blueprint = Blueprint("api_leases", __name__)
# Why a 204 brings no review: one of store/candidates.py's reasons.
REASON = "Winnow-Reason"


@blueprint.post("/projects/<row:project_id>/leases")
@scope("annotate")
def take(project_id: int) -> ResponseReturnValue:
    """The review this person holds, else the next one; 204 with a reason when there is none."""
    project = projects.get(get_db(), project_id)
    found = queue.claim(get_db(), project_id, the_user().id, now())
    if isinstance(found, QueueEmpty):
        return _nothing(found)
    return _lease(project, found), 201


@blueprint.post("/leases/<token>/annotation")
@scope("annotate")
def annotate(token: str) -> ResponseReturnValue:
    """Store the answer: 201 the first time, 200 with the same body when it is sent again."""
    queue.owned(get_db(), token, the_user().id)
    project = projects.get(get_db(), queue.by_token(get_db(), token).project_id)
    given = _answer(bodies.fields("label", "skip", "flag", "note", "seconds"), project)
    saved = annotations.record(get_db(), token, the_user().id, given, now())
    return _annotation(project, saved), 200 if saved.repeated else 201


@blueprint.post("/leases/<token>/renew")
@scope("annotate")
def renew(token: str) -> ResponseReturnValue:
    """Keep the lease for another term."""
    until = queue.renew(get_db(), token, the_user().id, now())
    return {"lease": token, "expires_at": timestamp(until)}


@blueprint.delete("/leases/<token>")
@scope("annotate")
def release(token: str) -> ResponseReturnValue:
    """Give the review back to the queue; giving it back twice does no harm."""
    queue.release(get_db(), token, the_user().id)
    return "", 204


@blueprint.post("/annotations/<row:annotation_id>/undo")
@scope("annotate")
def undo(annotation_id: int) -> ResponseReturnValue:
    """Withdraw one's own answer; withdrawing it again says the same."""
    mine = annotations.own(get_db(), annotation_id, the_user().id)
    with suppress(NothingToUndo):
        annotations.undo(get_db(), annotation_id, the_user().id, now())
    return {"id": annotation_id, "review_id": mine.review_id, "withdrawn": True}


def _nothing(found: QueueEmpty) -> Response:
    response = make_response("", 204)
    response.headers[REASON] = found.reason
    if found.retry_after is not None:
        response.headers["Retry-After"] = str(found.retry_after)
    return response


def _lease(project: Project, lease: Lease) -> dict[str, Any]:
    """What the page shows of a review, no more: neither why it was chosen nor what a blind annotator may not see."""
    suggested = [
        label.name
        for label in project.labels
        if lease.shown == "suggestion" and label.id == lease.suggestion_id
    ]
    return {
        "lease": lease.token,
        "expires_at": timestamp(lease.expires_at),
        "review": {"id": lease.review_id, "text": lease.text, "language": lease.language},
        "labels": [label.name for label in project.labels],
        "suggestion": suggested[0] if suggested else None,
    }


def _answer(sent: Fields, project: Project) -> Answer:
    """Exactly one of a label's name, a skip (true, or its reason) and a flag (true); the store checks the rest."""
    note, seconds = sent.text("note", NOTE_LIMIT, ""), sent.number("seconds", 0, 86_400)
    chosen = [name for name in ("label", "skip", "flag") if sent.values.get(name) not in (None, False)]
    if len(chosen) != 1:
        sent.errors.setdefault("label", "Send one of label, skip and flag.")
    sent.checked()
    action, value = chosen[0], sent.values[chosen[0]]
    if action == "label":
        label = project.label_named(sent.text("label", 100))
        sent.checked()
        if label is None:
            names = ", ".join(each.name for each in project.labels)
            raise UnknownLabel(f"This label is not in the project. Its labels are {names}.")
        return Answer("label", label.id, note.strip(), seconds)
    if value is not True and (action == "flag" or value not in SKIP_REASONS):
        wanted = f", or one of {', '.join(SKIP_REASONS)}" if action == "skip" else ""
        sent.errors[action] = f"must be true{wanted}."
    sent.checked()
    return Answer(action, None, note.strip(), seconds, value if isinstance(value, str) else None)


def _annotation(project: Project, saved: Annotation) -> dict[str, Any]:
    return {
        "id": saved.id,
        "review_id": saved.review_id,
        "action": saved.action,
        "label": next((label.name for label in project.labels if label.id == saved.label_id), None),
        "note": saved.note,
        "created_at": saved.created_at,
    }
