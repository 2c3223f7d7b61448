"""Tokens for programs: everybody makes those that label as themselves, admins make and see all."""

from dataclasses import dataclass

from flask import Blueprint, Response, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext

from webapp.access.auth import confirm_first, is_confirmed, login_required, the_user
from webapp.clock import now
from webapp.db import get_db
from webapp.forms.form import Form, Reader
from webapp.htmx import redirect_to
from webapp.store import tokens, users
from webapp.store.errors import InvalidValue, NotFound
from webapp.store.tokens import DAYS, LONGEST_DAYS, NAME_LIMIT, OWN_SCOPES, SCOPES
from webapp.store.users import User
from webapp.words.sentences import said

blueprint = Blueprint("tokens", __name__, url_prefix="/tokens")

# What each scope lets a program do.
SCOPE_WORDS = {
    "annotate": lazy_gettext("label reviews as this person"),
    "read": lazy_gettext("see projects; for an admin also labels, rounds and metrics"),
    "predict": lazy_gettext("ask the model for labels"),
    "admin": lazy_gettext("everything: create projects, import, start rounds"),
}


@dataclass(frozen=True)
class NewToken:
    user: User
    scopes: list[str]
    days: int
    name: str


@blueprint.get("")
@login_required
def index() -> ResponseReturnValue:
    """One's own tokens, for admins everybody's, and a form for one more."""
    return _page(Form({"days": str(DAYS), "user": str(the_user().id)}))


@blueprint.post("")
@login_required
def create() -> ResponseReturnValue:
    """Make a token; it is shown on the answer and never again."""
    if not is_confirmed():
        return confirm_first(url_for("tokens.index"))
    form = _new_token()
    if not form.errors:
        new = form.checked()
        try:
            token, secret = tokens.create(
                get_db(), new.user.id, new.scopes, the_user().id, now(), new.days, new.name
            )
            return render_template("tokens/created.html", token=token, secret=secret)
        except InvalidValue as error:
            form.errors["scopes"] = said(str(error))
    return _page(form, 422)


@blueprint.post("/<int:token_id>/revoke")
@login_required
def revoke(token_id: int) -> Response:
    """The token opens nothing from now on."""
    token, user = tokens.get(get_db(), token_id), the_user()
    if token.user_id != user.id and not user.is_admin:
        raise NotFound("There is no such token.")
    tokens.revoke(get_db(), token_id, user.id, now())
    flash(_("The token is revoked."), "success")
    return redirect_to(url_for("tokens.index"))


def _people() -> list[User]:
    """For whom this person may make tokens."""
    me = the_user()
    if not me.is_admin:
        return [me]
    return [person for person in users.everyone(get_db()) if person.disabled_at is None]


def _scopes() -> tuple[str, ...]:
    return SCOPES if the_user().is_admin else OWN_SCOPES


def _new_token() -> Form[NewToken]:
    read = Reader(request.form)
    people = {str(person.id): person for person in _people()}
    chosen = read.choice("user", people, str(the_user().id))
    scopes = request.form.getlist("scopes")
    if not scopes or not set(scopes) <= set(_scopes()):
        read.errors["scopes"] = _("Choose at least one.")
    days, name = read.whole("days", 1, LONGEST_DAYS), read.text("name", NAME_LIMIT)
    return read.form(NewToken(people.get(chosen, the_user()), scopes, days, name))


def _page(form: Form[NewToken], status: int = 200) -> ResponseReturnValue:
    user = the_user()
    page = render_template(
        "tokens/index.html",
        tokens=tokens.everything(get_db(), None if user.is_admin else user.id),
        now=now(),
        form=form,
        chosen=request.form.getlist("scopes"),
        people=[(str(person.id), person.name) for person in _people()],
        scopes=[(scope, SCOPE_WORDS[scope]) for scope in _scopes()],
        name_limit=NAME_LIMIT,
        longest=LONGEST_DAYS,
    )
    return page, status
