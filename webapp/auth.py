"""Who is asking, and who may: every view carries one mark, and no view goes without."""

from collections.abc import Callable
from typing import TypeVar

from flask import Flask, Response, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from werkzeug.exceptions import Forbidden, Unauthorized

from webapp.clock import now
from webapp.db import get_db
from webapp.htmx import is_htmx
from webapp.security import cookie_name
from webapp.store import sessions
from webapp.store.users import User

View = TypeVar("View", bound=Callable[..., object])

COOKIE_LIFE = sessions.ABSOLUTE_LIMIT


def public(view: View) -> View:
    """Anybody may see this, logged in or not."""
    return _marked(view, "public")


def login_required(view: View) -> View:
    """Annotators and admins may see this."""
    return _marked(view, "annotator")


def admin_required(view: View) -> View:
    """Only admins may see this."""
    return _marked(view, "admin")


def _marked(view: View, access: str) -> View:
    setattr(view, "access", access)  # noqa: B010 - a function's type has no such attribute
    return view


def init_app(app: Flask) -> None:
    """Guard every view by its mark and give templates `current_user`."""
    app.before_request(_guard)
    app.context_processor(lambda: {"current_user": current_user()})


def require_marks(app: Flask) -> None:
    """A view that nobody thought about must not be open by accident: it stops the start."""
    unmarked = [
        name for name, view in app.view_functions.items() if name != "static" and not hasattr(view, "access")
    ]
    if unmarked:
        raise RuntimeError(f"Mark as public, login_required or admin_required: {', '.join(sorted(unmarked))}")


def current_user() -> User | None:
    """The person whose session this request carries."""
    if "user" not in g:
        token = request.cookies.get(cookie_name(current_app))
        g.user = None  # what an error page sees when the database fails right here
        g.user = sessions.user_for(get_db(), token, now()) if token else None
    user: User | None = g.user
    return user


def the_user() -> User:
    """The person logged in; for views behind a guard."""
    user = current_user()
    if user is None:
        raise Unauthorized
    return user


def begin_session(user: User, response: Response) -> Response:
    """Log in: a new token in a new row, whatever cookies came with the request."""
    old = request.cookies.get(cookie_name(current_app))
    if old:
        sessions.end(get_db(), old)
    language = session.get("lang")
    session.clear()
    if language:
        session["lang"] = language
    token = sessions.start(get_db(), user.id, now())
    response.set_cookie(
        cookie_name(current_app),
        token,
        max_age=COOKIE_LIFE,
        secure=current_app.config["COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    g.user = user
    return response


def end_session(response: Response) -> Response:
    """Log out: the token is worth nothing from now on, wherever it was copied to."""
    token = request.cookies.get(cookie_name(current_app))
    if token:
        sessions.end(get_db(), token)
    session.clear()
    response.delete_cookie(
        cookie_name(current_app), secure=current_app.config["COOKIE_SECURE"], httponly=True, samesite="Lax"
    )
    g.user = None
    return response


def _guard() -> ResponseReturnValue | None:
    view = current_app.view_functions.get(request.endpoint or "")
    access = getattr(view, "access", "public")  # neither a view: a file of static/, or no such page
    if access in ("public", "token"):  # webapp/api/access.py asks for the token
        return None
    user = current_user()
    if user is None:
        if is_htmx() or request.method != "GET":
            raise Unauthorized
        return redirect(url_for("auth.log_in_form", next=request.full_path.rstrip("?")), 303)
    if access == "admin" and not user.is_admin:
        raise Forbidden(gettext("Only admins may do this."))
    return None
