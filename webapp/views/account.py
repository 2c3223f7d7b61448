"""One's own account: password, language, look, keys."""

from datetime import timedelta

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

from webapp import labelling_keys, passwords
from webapp.auth import begin_session, login_required, the_user
from webapp.clock import now
from webapp.db import get_db
from webapp.forms import Form
from webapp.language import LANGUAGES, THEME_COOKIE, THEMES, theme
from webapp.store import login_attempts, users

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


@blueprint.post("/password")
@login_required
def change_password() -> ResponseReturnValue:
    """A new password ends every session of the account but this one, which gets a new token."""
    errors = _password_errors(request.form.get("new", ""), request.form.get("again", ""))
    if not errors and not _knows_password(request.form.get("current", "")):
        errors = {"current": gettext("This is not your present password.")}
    if errors:
        return _page(errors, 422)
    user = the_user()
    users.set_password(get_db(), user.id, passwords.hash_password(request.form["new"]), by=user.id)
    response = begin_session(user, make_response(redirect(url_for("account.show"), 303)))
    flash(gettext("Your password is changed, and every other device is logged out."), "success")
    return response


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
    if login_attempts.blocked_until(get_db(), user.name, address, now()) is not None:
        return False
    if passwords.matches(users.password_hash(get_db(), user.id), password):
        return True
    login_attempts.record_failure(get_db(), user.name, address, now())
    return False


def _password_errors(new: str, again: str) -> dict[str, str]:
    if len(new) < passwords.SHORTEST:
        return {
            "new": gettext("Use at least %(n)s characters. A short sentence is good.", n=passwords.SHORTEST)
        }
    if len(new) > passwords.LONGEST:
        return {"new": gettext("Use at most %(n)s characters.", n=passwords.LONGEST)}
    if new != again:
        return {"again": gettext("The two new passwords differ.")}
    return {}


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
        keys=keys or labelling_keys.filled(users.own_keys(get_db(), user.id)),
    )
    return page, status
