"""One's own account: password, sessions, language, look, keys."""

from datetime import datetime, timedelta

from flask import (
    Blueprint,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from webapp import labelling_keys
from webapp.access import passwords
from webapp.access.auth import (
    begin_session,
    confirm_first,
    end_session,
    is_confirmed,
    login_required,
    session_limits,
    the_user,
    this_session,
)
from webapp.access.security import local_path
from webapp.clock import now
from webapp.db import get_db
from webapp.forms.form import Form
from webapp.forms.people_forms import own_password
from webapp.store import login_attempts, sessions, users
from webapp.words.language import LANGUAGES, THEME_COOKIE, THEMES, theme

blueprint = Blueprint("account", __name__, url_prefix="/account")
THEME_LIFE = timedelta(days=365)


@blueprint.get("")
@login_required
def show() -> ResponseReturnValue:
    """What a person can change about their account."""
    return _page({}, 200)


@blueprint.post("/preferences")
@login_required
def save_preferences() -> ResponseReturnValue:
    """Language (kept with the account) and look (kept in this browser)."""
    language, look = request.form.get("locale", ""), request.form.get("theme", "")
    users.set_locale(get_db(), the_user().id, language if language in LANGUAGES else None)
    session.pop("lang", None)
    flash(gettext("Saved."), "success")
    response = make_response(redirect(url_for("account.show"), 303))
    if look in THEMES:
        secure = current_app.config["COOKIE_SECURE"]
        response.set_cookie(
            THEME_COOKIE, look, max_age=THEME_LIFE, samesite="Lax", secure=secure, httponly=True
        )
    else:
        response.delete_cookie(THEME_COOKIE)
    return response


@blueprint.get("/password")
@login_required
def choose_password() -> ResponseReturnValue:
    """The first thing to do with a password that somebody else has given."""
    return _password_page({}, 200)


@blueprint.post("/password")
@login_required
def change_password() -> ResponseReturnValue:
    """A new password ends every session of the account but this one, which gets a new token."""
    user = the_user()
    errors = own_password(request.form, user.name)
    if not errors and not _knows_password(request.form.get("current", "")):
        errors = {"current": gettext("This is not your present password.")}
    if not errors and request.form["new"] == request.form["current"]:
        errors = {"new": gettext("This is your present password. Choose another.")}
    if errors:
        return _password_page(errors, 422) if user.must_choose_password else _page(errors, 422)
    users.set_password(get_db(), user.id, passwords.hash_password(request.form["new"]), by=user.id)
    back = "home.index" if user.must_choose_password else "account.show"
    response = begin_session(user, make_response(redirect(url_for(back), 303)))
    flash(gettext("Your password is changed, and every other device is logged out."), "success")
    return response


@blueprint.route("/confirm", methods=["GET", "POST"])
@login_required
def confirm() -> ResponseReturnValue:
    """The password once more, before what an open session alone must not do; the session gets a new token."""
    back = local_path(request.values.get("next"))
    if request.method == "POST":
        if _knows_password(request.form.get("current", "")):
            return begin_session(the_user(), make_response(redirect(back or url_for("account.show"), 303)))
        errors = {"current": gettext("This is not your present password.")}
        return render_template("account/confirm.html", next=back, errors=errors), 422
    return render_template("account/confirm.html", next=back, errors={})


@blueprint.post("/sessions")
@login_required
def end_sessions() -> ResponseReturnValue:
    """Log out elsewhere: in one place, in all others, or everywhere."""
    if not is_confirmed():
        return confirm_first(url_for("account.show", _anchor="sessions"))
    user, which = the_user(), request.form.get("session", "")
    if which == "all":
        sessions.end_all(get_db(), user.id, user.id, now())
        return end_session(make_response(redirect(url_for("auth.log_in_form"), 303)))
    if which == "others":
        sessions.end_all(get_db(), user.id, user.id, now(), but=this_session())
    else:
        sessions.end_one(get_db(), user.id, which, user.id, now())
    flash(gettext("Logged out there."), "success")
    return redirect(url_for("account.show", _anchor="sessions"), 303)


@blueprint.post("/keys")
@login_required
def save_keys() -> ResponseReturnValue:
    """One's own labelling keys, or the default ones again."""
    form = labelling_keys.filled({}) if "reset" in request.form else labelling_keys.parse(request.form)
    if form.errors:
        return _page({}, 422, form)
    users.set_keys(get_db(), the_user().id, form.checked())
    flash(gettext("Your keys are saved."), "success")
    return redirect(url_for("account.show", _anchor="keys"), 303)


def _knows_password(password: str) -> bool:
    """The present password, under the same limit as at the login: an open session is no way to guess it."""
    user, address = the_user(), request.remote_addr or ""
    attempt = login_attempts.begin(get_db(), user.name, address, now(), known=True)
    if isinstance(attempt, datetime):
        return False
    if passwords.matches(users.password_hash(get_db(), user.id), password):
        login_attempts.succeed(get_db(), attempt)
        return True
    login_attempts.fail(get_db(), user.id, now())
    return False


def _password_page(errors: dict[str, str], status: int) -> ResponseReturnValue:
    return render_template("account/password.html", errors=errors, shortest=passwords.SHORTEST), status


def _page(
    errors: dict[str, str], status: int, keys: Form[dict[str, str]] | None = None
) -> ResponseReturnValue:
    user = the_user()
    page = render_template(
        "account/show.html",
        errors=errors,
        locale=user.locale or "",
        look=theme() or "",
        commands=labelling_keys.COMMANDS,
        shortest=passwords.SHORTEST,
        sessions=sessions.of_user(get_db(), user.id, now(), session_limits()),
        this=sessions.key_of(this_session()),
        keys=keys or labelling_keys.filled(users.own_keys(get_db(), user.id)),
    )
    return page, status
