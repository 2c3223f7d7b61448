"""Settle: decide where people disagree, skip or flag; one case at a time, names and guesses hidden."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.access.auth import admin_required, the_user
from webapp.clock import now
from webapp.db import get_db
from webapp.errors import status_of, words_of
from webapp.forms.answer_form import SKIP_REASONS
from webapp.htmx import redirect_to
from webapp.store import adjudications, browse, cases, projects, reviews, second_looks
from webapp.store.errors import ChangedMeanwhile, NotFound, UnknownLabel
from webapp.store.projects import Project
from webapp.words.label_words import label_name

blueprint = Blueprint("adjudicate", __name__, url_prefix="/projects/<int:project_id>/settle")

# A key takes back what one did in this sitting, not a decision of last month.
SITTING = timedelta(hours=12)


@blueprint.get("")
@admin_required
def index(project_id: int) -> ResponseReturnValue:
    """The next case of a kind, or what is settled or left out already."""
    project = projects.get(get_db(), project_id)
    counts = cases.counts(get_db(), project_id, now())
    waiting = [kind for kind in cases.KINDS if counts[kind]]
    kind = request.args.get("kind", "")
    if kind not in counts:
        kind = waiting[0] if waiting else "disagreement"
    tabs = {"project": project, "counts": counts, "kind": kind, "kind_words": kind_words()}
    if kind == "settled":
        return _settled(**tabs)
    if kind == "left-out":
        return _left_out(**tabs)
    after = request.args.get("after", 0, type=int)
    review_id = cases.following(get_db(), project_id, kind, after, now())
    case = _case(project, review_id) if review_id else None
    return render_template("adjudicate/index.html", case=case, others=waiting, last=_last(project_id), **tabs)


@blueprint.get("/<int:review_id>")
@admin_required
def review(project_id: int, review_id: int) -> ResponseReturnValue:
    """One review to decide on, whether or not it waits."""
    project = projects.get(get_db(), project_id)
    _own(project_id, review_id)
    return render_template(
        "adjudicate/review.html",
        project=project,
        kind="",
        case=_case(project, review_id),
        why=cases.kinds_of(get_db(), project_id, review_id, now()),
        kind_words=kind_words(),
        last=_last(project_id),
    )


@blueprint.post("/<int:review_id>/decide")
@admin_required
def decide(project_id: int, review_id: int) -> ResponseReturnValue:
    """Make a label gold."""
    _own(project_id, review_id)
    chosen = request.form.get("label", type=int)
    label = next(
        (each for each in projects.get(get_db(), project_id).labels if each.id == chosen),
        None,
    )
    if label is None:
        raise UnknownLabel("This label is no longer in the project. Reload the page and decide again.")
    reason, seen = request.form.get("reason", ""), request.form.get("decided", type=int)
    try:
        adjudications.decide(get_db(), review_id, label.id, the_user().id, reason, now(), seen)
    except ChangedMeanwhile as error:
        return _look_again(project_id, review_id, error)
    words = _("Review %(id)s is settled: %(label)s.", id=review_id, label=label_name(label.name))
    return _onward(project_id, review_id, words)


@blueprint.post("/<int:review_id>/leave-out")
@admin_required
def leave_out(project_id: int, review_id: int) -> ResponseReturnValue:
    """Take the review out of queue, training and agreement."""
    _own(project_id, review_id)
    reason, seen = request.form.get("reason", ""), request.form.get("decided", type=int)
    try:
        adjudications.leave_out(get_db(), review_id, the_user().id, reason, now(), seen)
    except ChangedMeanwhile as error:
        return _look_again(project_id, review_id, error)
    return _onward(project_id, review_id, _("Review %(id)s is left out.", id=review_id))


@blueprint.post("/<int:review_id>/take-back-in")
@admin_required
def take_back_in(project_id: int, review_id: int) -> ResponseReturnValue:
    """Undo leaving it out."""
    _own(project_id, review_id)
    adjudications.take_back_in(get_db(), review_id, the_user().id, now())
    return _onward(project_id, review_id, _("Review %(id)s is back in.", id=review_id))


@blueprint.post("/<int:review_id>/send-back")
@admin_required
def send_back(project_id: int, review_id: int) -> ResponseReturnValue:
    """Put skips and flags aside, and let the team have the review again."""
    _own(project_id, review_id)
    adjudications.send_back(get_db(), review_id, the_user().id, now())
    return _onward(project_id, review_id, _("Review %(id)s goes to the team again.", id=review_id))


@blueprint.post("/<int:review_id>/ask")
@admin_required
def ask(project_id: int, review_id: int) -> ResponseReturnValue:
    """Ask one more person for a label before deciding."""
    seen = request.form.get("asked", type=int)
    try:
        second_looks.request(get_db(), project_id, review_id, 1, the_user().id, now(), seen)
    except ChangedMeanwhile as error:
        return _look_again(project_id, review_id, error)
    return _onward(project_id, review_id, _("One more person gets review %(id)s.", id=review_id))


@blueprint.post("/decisions/<int:decision_id>/take-back")
@admin_required
def take_back(project_id: int, decision_id: int) -> ResponseReturnValue:
    """Withdraw my decision and show its review again."""
    adjudications.owned(get_db(), project_id, decision_id, the_user().id)
    review_id = adjudications.take_back(get_db(), decision_id, the_user().id, now())
    flash(_("The decision on review %(id)s is taken back.", id=review_id), "success")
    return redirect_to(url_for("adjudicate.review", project_id=project_id, review_id=review_id))


def kind_words() -> dict[str, str]:
    """The kinds of cases, as tabs."""
    return {
        "disagreement": _("Disagreements"),
        "skipped": _("Skipped"),
        "flagged": _("Flagged"),
        "settled": _("Settled"),
        "left-out": _("Left-out reviews"),
    }


def _case(project: Project, review_id: int) -> dict[str, Any]:
    """Everything about one review that helps to decide."""
    predictions = browse.predictions_of(get_db(), review_id)
    return {
        "review": reviews.get(get_db(), review_id),
        "voices": cases.voices(get_db(), review_id),
        "decisions": adjudications.of_review(get_db(), review_id),
        "asked": max((each.id for each in second_looks.of_review(get_db(), review_id)), default=0),
        "prediction": predictions[0] if predictions else None,
        "reasons": SKIP_REASONS,
        "reason_limit": adjudications.REASON_LIMIT,
    }


def _settled(**context: Any) -> str:
    before = request.args.get("before", type=int)
    found = cases.settled(get_db(), context["project"].id, before, cases.PAGE + 1)
    older = found[cases.PAGE - 1].decision_id if len(found) > cases.PAGE else None
    return render_template(
        "adjudicate/settled.html", found=found[: cases.PAGE], before=before, older=older, **context
    )


def _left_out(**context: Any) -> str:
    after = request.args.get("after", 0, type=int)
    found = cases.left_out(get_db(), context["project"].id, after, cases.PAGE + 1)
    further = found[cases.PAGE - 1].review_id if len(found) > cases.PAGE else None
    return render_template(
        "adjudicate/left_out.html", found=found[: cases.PAGE], after=after, further=further, **context
    )


def _last(project_id: int) -> adjudications.Decision | None:
    return adjudications.latest_by(get_db(), project_id, the_user().id, now() - SITTING)


def _look_again(project_id: int, review_id: int, error: ChangedMeanwhile) -> ResponseReturnValue:
    """The review as it is now, with what became of the try."""
    flash(words_of(error), "warning")
    return make_response(review(project_id, review_id), status_of(error))


def _own(project_id: int, review_id: int) -> None:
    """NotFound for a review of another project."""
    if reviews.get(get_db(), review_id)["project_id"] != project_id:
        raise NotFound("There is no such review.")


def _onward(project_id: int, review_id: int, words: str) -> ResponseReturnValue:
    """To the next case of the kind one came through, or back to the review."""
    flash(words, "success")
    kind = request.form.get("kind", "")
    if kind in cases.KINDS:
        return redirect_to(url_for("adjudicate.index", project_id=project_id, kind=kind, after=review_id))
    if kind == "left-out":
        return redirect_to(url_for("adjudicate.index", project_id=project_id, kind=kind))
    return redirect_to(url_for("adjudicate.review", project_id=project_id, review_id=review_id))
