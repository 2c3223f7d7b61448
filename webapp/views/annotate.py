"""Label reviews: each leased by POST, some ahead of the one on screen; look back, undo, change."""

from typing import Any

from flask import (
    Blueprint,
    Response,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf.csrf import generate_csrf

from webapp import guidelines_text, labelling_keys
from webapp.access.auth import login_required, the_user
from webapp.clock import now
from webapp.db import get_db
from webapp.errors import status_of, words_of
from webapp.forms import answer_form
from webapp.htmx import render
from webapp.store import activity, annotations, guidelines, my_answers, projects, queue, users
from webapp.store.errors import (
    AlreadyAnnotated,
    InvalidValue,
    LeaseExpired,
    LeaseNotYours,
    StoreError,
    UnknownLabel,
)
from webapp.store.projects import Project
from webapp.store.queue import Lease, QueueEmpty

blueprint = Blueprint("annotate", __name__)
HISTORY_PAGE = 50
# The page asks for its leases again well before they end: two missed turns do no harm.
RENEWALS_PER_LEASE = 3


@blueprint.get("/projects/<int:project_id>/annotate")
@login_required
def show(project_id: int) -> ResponseReturnValue:
    """The review this person holds, or where to start. Reading claims nothing."""
    project = projects.get(get_db(), project_id)
    return _page(project, queue.current(get_db(), project_id, the_user().id, now()))


@blueprint.post("/projects/<int:project_id>/annotate/next")
@login_required
def take_next(project_id: int) -> ResponseReturnValue:
    """Claim the best free review, for a page without script."""
    project = projects.get(get_db(), project_id)
    return _next_page(project)


@blueprint.post("/projects/<int:project_id>/annotate/ahead")
@login_required
def ahead(project_id: int) -> ResponseReturnValue:
    """For the page's script: its leases for another term, and cards for those that it lacks."""
    project = projects.get(get_db(), project_id)
    have = request.form.getlist("have")
    _revive(project, have)
    return _stock(project, have)


@blueprint.post("/leases/<token>/answer")
@login_required
def answer(token: str) -> ResponseReturnValue:
    """Store the answer, once however often it is sent; the next review comes with the acknowledgement."""
    try:
        queue.owned(get_db(), token, the_user().id)
        lease = queue.by_token(get_db(), token)
    except LeaseExpired as error:  # its review was deleted meanwhile
        if _for_script():
            return _refusal(error)
        raise
    try:
        given = answer_form.answer(request.form)
        saved = annotations.record(get_db(), token, the_user().id, given, now())
    except (LeaseExpired, AlreadyAnnotated, UnknownLabel, InvalidValue) as error:
        return _refusal(error) if _for_script() else _not_saved(lease, error)
    project = projects.get(get_db(), lease.project_id)
    if not _for_script():
        return _next_page(project)
    refill = _stock(project, request.form.getlist("have")) if "ahead" in request.form else None
    return jsonify(annotation=saved.id, repeated=saved.repeated, ahead=refill)


@blueprint.post("/projects/<int:project_id>/annotate/release")
@login_required
def release(project_id: int) -> ResponseReturnValue:
    """Give back all that a page held, as it closes."""
    projects.get(get_db(), project_id)
    for token in request.form.getlist("lease"):
        queue.release(get_db(), token, the_user().id)
    return "", 204


@blueprint.get("/annotate/token")
@login_required
def token() -> ResponseReturnValue:
    """For the page's script: a token for its forms when the old one went with its session, and whose it is."""
    return jsonify(token=generate_csrf(), user=the_user().id)


@blueprint.post("/projects/<int:project_id>/annotate/undo")
@login_required
def undo(project_id: int) -> ResponseReturnValue:
    """Withdraw my last answer and put its review on top again."""
    project = projects.get(get_db(), project_id)
    withdrawn = my_answers.last_before(get_db(), project_id, the_user().id)
    lease = annotations.undo_last(get_db(), project_id, the_user().id, now())
    if _for_script():
        note = withdrawn.note if withdrawn else ""
        return _stock(project, request.form.getlist("have"), lease, note)
    if lease is not None:
        flash(gettext("Your last answer is withdrawn. Here is its review again."))
    else:
        flash(gettext("Your last answer is withdrawn. Others have its review now; here is the next."))
    return redirect(url_for("annotate.show", project_id=project_id), 303)


@blueprint.get("/projects/<int:project_id>/annotate/earlier")
@login_required
def earlier(project_id: int) -> ResponseReturnValue:
    """One of my last reviews with my answer, to look at or to change; after the newest comes the queue."""
    project, user = projects.get(get_db(), project_id), the_user()
    before, after = (request.args.get(name, type=int) for name in ("before", "after"))
    if after is None:
        found = my_answers.last_before(get_db(), project_id, user.id, before)
    else:
        found = my_answers.first_after(get_db(), project_id, user.id, after)
    if found is None:
        return _page(project, queue.current(get_db(), project_id, user.id, now()))
    newer = my_answers.first_after(get_db(), project_id, user.id, found.id) is not None
    context = {**_context(project), "earlier": found, "newer": newer}
    return render("annotate/show.html", "annotate/_earlier.html", **context)


@blueprint.get("/projects/<int:project_id>/annotate/history")
@login_required
def history(project_id: int) -> ResponseReturnValue:
    """My answers, newest first, filtered, each open to change."""
    project, user_id = projects.get(get_db(), project_id), the_user().id
    filters = answer_form.filters(request.args, project)
    before = request.args.get("before", type=int)
    mine = my_answers.find(get_db(), project_id, user_id, filters, HISTORY_PAGE + 1, before)
    ranked = activity.leaderboard(get_db(), project_id, now()) if project.settings.leaderboard else []
    context: dict[str, Any] = {
        "answers": mine[:HISTORY_PAGE],
        "matching": my_answers.count(get_db(), project_id, user_id, filters),
        "filters": filters,
        "typed": {name: value for name in answer_form.FILTERS if (value := request.args.get(name))},
        "older": mine[HISTORY_PAGE - 1].id if len(mine) > HISTORY_PAGE else None,
        "before": before,
        "leaderboard": ranked,
        "kinds": answer_form.KINDS,
    }
    return render_template("annotate/history.html", **{**_context(project), **context})


@blueprint.post("/projects/<int:project_id>/annotate/history/<int:annotation_id>")
@login_required
def change(project_id: int, annotation_id: int) -> ResponseReturnValue:
    """Give another answer to a review I answered before; the log keeps both."""
    try:
        annotations.owned(get_db(), project_id, annotation_id, the_user().id)
        given = answer_form.answer(request.form)
        changed = annotations.change(get_db(), annotation_id, the_user().id, given, now())
    except StoreError as error:
        if _for_script():
            return _refusal(error)
        raise
    if _for_script():
        return jsonify(annotation=changed.id)
    flash(gettext("Your answer is changed."), "success")
    page = "annotate.show" if request.form.get("from") == "earlier" else "annotate.history"
    return redirect(url_for(page, project_id=project_id), 303)


def _for_script() -> bool:
    """Whether the page's script asks: it keeps the answer until it knows what became of it."""
    return "X-Requested-With" in request.headers


def _refusal(error: StoreError) -> Response:
    return make_response(jsonify(message=words_of(error)), status_of(error))


def _revive(project: Project, tokens: list[str]) -> None:
    """Bring back leases that lapsed while the page was away, where nobody took their place meanwhile."""
    live = {lease.token for lease in queue.held(get_db(), project.id, the_user().id, now())}
    for lapsed in (token for token in tokens if token not in live):
        try:
            queue.renew(get_db(), lapsed, the_user().id, now())
        except (LeaseExpired, LeaseNotYours):
            continue


def _stock(project: Project, have: list[str], top: Lease | None = None, note: str = "") -> str:
    """All that this person holds, topped up: the order, and a card for each that the page lacks.

    `top` came back by an undo, with the note that its answer had.
    """
    found = queue.claim_ahead(get_db(), project.id, the_user().id, 1 + project.settings.ahead, now())
    held = [] if isinstance(found, QueueEmpty) else found
    context: dict[str, Any] = {
        "held": [lease.token for lease in held],
        "cards": [lease for lease in held if lease.token not in have],
        "top": top.token if top else None,
        "top_note": note,
        "empty": found if isinstance(found, QueueEmpty) else None,
    }
    return render_template("annotate/_ahead.html", **{**_context(project), **context})


def _next_page(project: Project) -> ResponseReturnValue:
    """Claim the next review and go back to the page by GET, unless there is something to say."""
    found = queue.claim(get_db(), project.id, the_user().id, now())
    if isinstance(found, Lease):
        return redirect(url_for("annotate.show", project_id=project.id), 303)
    return _page(project, found)


def _not_saved(lease: Lease, error: StoreError) -> Response:
    """The same review again where another answer can help, otherwise the way on; the note is kept."""
    gone = isinstance(error, LeaseExpired | AlreadyAnnotated)
    project = projects.get(get_db(), lease.project_id)
    return _page(project, None if gone else lease, error=error, note=request.form.get("note", ""))


def _page(
    project: Project,
    found: Lease | QueueEmpty | None,
    *,
    error: StoreError | None = None,
    note: str = "",
) -> Response:
    """The page with what there is to do: a review, an empty queue, or neither yet."""
    context = {
        "lease": found if isinstance(found, Lease) else None,
        "empty": found if isinstance(found, QueueEmpty) else None,
        "error": words_of(error) if error else None,
        "note": note,
    }
    page = render_template("annotate/show.html", **{**_context(project), **context})
    response = make_response(page, status_of(error) if error else 200)
    if isinstance(found, QueueEmpty) and found.retry_after is not None:
        response.headers["Retry-After"] = str(found.retry_after)
    return response


def _context(project: Project) -> dict[str, Any]:
    """What every part of the page may need."""
    return {
        "project": project,
        "keys": labelling_keys.of(users.own_keys(get_db(), the_user().id)),
        "progress": activity.progress(get_db(), project.id, the_user().id, now()),
        "renew_seconds": project.settings.lease_minutes * 60 // RENEWALS_PER_LEASE,
        "note_limit": annotations.NOTE_LIMIT,
        "skip_reasons": answer_form.SKIP_REASONS,
        "answer_words": answer_form.words,
        **_guidelines(project),
    }


def _guidelines(project: Project) -> dict[str, Any]:
    """The version in force, and whether the page's script has another one on screen."""
    current = guidelines.current(get_db(), project.id)
    shown = request.form.get("guidelines", "")
    return {
        "guidelines": current,
        "guidelines_html": guidelines_text.rendered(current.text) if current else "",
        "guidelines_changed": shown != (str(current.id) if current else ""),
    }
