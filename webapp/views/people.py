"""People: accounts for annotators and admins, and how to get somebody in again."""

import secrets
from datetime import datetime, timedelta

from flask import Blueprint, current_app, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp.access import passwords
from webapp.access.auth import admin_required, confirm_first, is_confirmed, session_limits, the_user
from webapp.clock import now
from webapp.db import get_db
from webapp.errors import words_of
from webapp.forms import people_forms
from webapp.forms.form import Form
from webapp.forms.people_forms import NewPassword, NewPerson
from webapp.htmx import redirect_to
from webapp.store import activity, annotators, sessions, users
from webapp.store.errors import InvalidValue, LastAdmin, NameTaken

blueprint = Blueprint("people", __name__, url_prefix="/people")

# 18 random bytes: 24 letters and digits, beyond guessing, short enough to copy by hand.
PASSWORD_BYTES = 18


@blueprint.get("")
@admin_required
def index() -> ResponseReturnValue:
    """Everybody, and a form for one more."""
    return _page(Form({"role": "annotator"}))


@blueprint.post("")
@admin_required
def add() -> ResponseReturnValue:
    """Add somebody; the password is shown on the answer and never again."""
    if request.form.get("role") == "admin" and not is_confirmed():
        return confirm_first(url_for("people.index"))
    form = people_forms.new_person(request.form)
    form.typed.pop("password", None)
    if not form.errors:
        new = form.checked()
        password = new.password or secrets.token_urlsafe(PASSWORD_BYTES)
        try:
            stored = passwords.hash_password(password)
            user = users.add(get_db(), new.name, stored, new.role, the_user().id, _end_of_password())
            return _password_page(user, password, is_new=True)
        except (NameTaken, InvalidValue) as error:
            form.errors["name"] = words_of(error)
    return _page(form, 422)


@blueprint.get("/<int:user_id>")
@admin_required
def show(user_id: int) -> ResponseReturnValue:
    """One account and what can be done with it."""
    return _person_page(user_id, Form())


@blueprint.post("/<int:user_id>/password")
@admin_required
def reset_password(user_id: int) -> ResponseReturnValue:
    """Give somebody a new password, shown once; they are logged out everywhere."""
    user = users.by_id(get_db(), user_id)
    if not is_confirmed():
        return confirm_first(url_for("people.show", user_id=user_id))
    form = people_forms.new_password(request.form, user.name)
    if form.errors:
        return _person_page(user_id, form, 422)
    password = form.checked().password or secrets.token_urlsafe(PASSWORD_BYTES)
    stored = passwords.hash_password(password)
    users.set_password(get_db(), user_id, stored, the_user().id, _end_of_password())
    return _password_page(user, password, is_new=False)


@blueprint.post("/<int:user_id>/disable")
@admin_required
def disable(user_id: int) -> ResponseReturnValue:
    """Close an account: logged out at once, labels stay."""
    if user_id == the_user().id:
        flash(_("You cannot disable your own account. Another admin can."), "error")
        return redirect_to(url_for("people.show", user_id=user_id))
    try:
        users.disable(get_db(), user_id, the_user().id, now())
    except LastAdmin as error:
        flash(words_of(error), "error")
    return redirect_to(url_for("people.show", user_id=user_id))


@blueprint.post("/<int:user_id>/enable")
@admin_required
def enable(user_id: int) -> ResponseReturnValue:
    """Open a closed account again."""
    users.enable(get_db(), user_id, the_user().id)
    return redirect_to(url_for("people.show", user_id=user_id))


@blueprint.post("/<int:user_id>/role")
@admin_required
def change_role(user_id: int) -> ResponseReturnValue:
    """Make an annotator an admin or the other way round."""
    users.by_id(get_db(), user_id)
    if request.form.get("role") == "admin" and not is_confirmed():
        return confirm_first(url_for("people.show", user_id=user_id))
    try:
        users.set_role(get_db(), user_id, request.form.get("role", ""), the_user().id)
        flash(_("The role is changed. They are logged out and log in again."), "success")
    except LastAdmin as error:
        flash(words_of(error), "error")
    return redirect_to(url_for("people.show", user_id=user_id))


@blueprint.post("/<int:user_id>/sessions")
@admin_required
def end_sessions(user_id: int) -> ResponseReturnValue:
    """Log somebody out everywhere, as when a device is lost."""
    users.by_id(get_db(), user_id)
    sessions.end_all(get_db(), user_id, the_user().id, now())
    flash(_("They are logged out everywhere."), "success")
    return redirect_to(url_for("people.show", user_id=user_id))


def _end_of_password() -> datetime:
    """Until when a password that is handed over is good for its one login."""
    return now() + timedelta(hours=current_app.config["TEMPORARY_PASSWORD_HOURS"])


def _page(form: Form[NewPerson], status: int = 200) -> ResponseReturnValue:
    everybody = users.everyone(get_db())
    done = activity.by_person(get_db())
    page = render_template(
        "people/index.html", people=everybody, activity=done, form=form, shortest=passwords.SHORTEST
    )
    return page, status


def _person_page(user_id: int, form: Form[NewPassword], status: int = 200) -> ResponseReturnValue:
    user = users.by_id(get_db(), user_id)
    done = activity.by_person(get_db()).get(user_id)
    reports = annotators.projects_of(get_db(), user_id)
    page = render_template(
        "people/show.html",
        person=user,
        done=done,
        reports=reports,
        form=form,
        shortest=passwords.SHORTEST,
        sessions=sessions.of_user(get_db(), user_id, now(), session_limits()),
    )
    return page, status


def _password_page(user: users.User, password: str, is_new: bool) -> ResponseReturnValue:
    hours = current_app.config["TEMPORARY_PASSWORD_HOURS"]
    return render_template("people/password.html", person=user, password=password, is_new=is_new, hours=hours)
