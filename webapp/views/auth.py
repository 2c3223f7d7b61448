"""Log in and log out."""

import math
from datetime import datetime

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from webapp.access.auth import begin_session, current_user, end_session, public
from webapp.access.known_browsers import knows
from webapp.access.passwords import hash_password, matches, needs_rehash
from webapp.access.security import local_path
from webapp.clock import now
from webapp.db import get_db
from webapp.store import login_attempts, users
from webapp.store.users import User

blueprint = Blueprint("auth", __name__)


@blueprint.get("/login")
@public
def log_in_form() -> ResponseReturnValue:
    """The form; whoever is logged in already goes on."""
    if current_user() is not None:
        return redirect(_next(), 303)
    return _form({}, 200)


@blueprint.post("/login")
@public
def log_in() -> ResponseReturnValue:
    """Check name and password. Wrong name, wrong password and closed account look the same, and take as long."""
    name, password = request.form.get("name", "").strip(), request.form.get("password", "")
    if not name or not password:
        return _form({"name" if not name else "password": gettext("Fill this in.")}, 422)
    address = request.remote_addr or ""
    user, stored = users.by_name(get_db(), name) or (None, None)
    attempt = login_attempts.begin(get_db(), name, address, now(), knows(user))
    if isinstance(attempt, datetime):
        return _blocked(math.ceil((attempt - now()).total_seconds()))
    if not _is_right(user, stored, password) or user is None:
        login_attempts.fail(get_db(), user.id if user else None, now())
        return _form({"password": gettext("Name and password do not go together.")}, 422)
    login_attempts.succeed(get_db(), attempt)
    if user.must_choose_password and not users.use_temporary_password(get_db(), user.id, now()):
        return _form({"password": gettext("This password was for one login. Ask an admin for another.")}, 422)
    return begin_session(user, make_response(redirect(_next(), 303)))


@blueprint.post("/logout")
@public
def log_out() -> ResponseReturnValue:
    """End the session; the cookie is worth nothing afterwards."""
    response = end_session(make_response(redirect(url_for("auth.log_in_form"), 303)))
    flash(gettext("You are logged out."), "success")
    return response


def _is_right(user: User | None, stored: str | None, password: str) -> bool:
    """Checks a hash whether or not there is such an account, so that both take as long."""
    if not matches(stored, password) or user is None or stored is None or user.disabled_at is not None:
        return False
    if needs_rehash(stored):
        users.rehash(get_db(), user.id, stored, hash_password(password))
    return True


def _next() -> str:
    return local_path(request.values.get("next")) or url_for("home.index")


def _form(errors: dict[str, str], status: int) -> ResponseReturnValue:
    context = {
        "name": request.form.get("name", ""),
        "next": local_path(request.values.get("next")),
        "errors": errors,
    }
    return render_template("auth/login.html", **context), status


def _blocked(seconds: int) -> ResponseReturnValue:
    minutes = math.ceil(seconds / 60)
    message = gettext("Too many wrong tries. Wait %(minutes)s minutes, then try again.", minutes=minutes)
    page, status = render_template("auth/login.html", name="", next=None, errors={"name": message}), 429
    return page, status, {"Retry-After": str(seconds)}
