"""Who is asking, and who may: every view carries one mark, and no view goes without."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from flask import Flask, Response, current_app, flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from werkzeug.exceptions import Forbidden, Unauthorized

from webapp.access import cookies
from webapp.access.known_browsers import remember
from webapp.clock import now
from webapp.db import get_db
from webapp.htmx import is_htmx, redirect_to
from webapp.store import sessions
from webapp.store.users import User

View = TypeVar("View", bound=Callable[..., object])

# So long after the password was given it need not be given again for what is sensitive.
CONFIRMED_FOR = timedelta(minutes=15)
# All that there is for somebody whose password another person knows, until they choose their own.
WITHOUT_OWN_PASSWORD = ("account.choose_password", "account.change_password")


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
        token = this_session()
        g.user = None  # what an error page sees when the database fails right here
        g.user = sessions.user_for(get_db(), token, now(), session_limits()) if token else None
    user: User | None = g.user
    return user


def the_user() -> User:
    """The person logged in; for views behind a guard."""
    user = current_user()
    if user is None:
        raise Unauthorized
    return user


def session_limits() -> sessions.Limits:
    """How long sessions live on this server."""
    config = current_app.config
    return sessions.Limits(
        timedelta(hours=config["SESSION_IDLE_HOURS"]), timedelta(days=config["SESSION_DAYS"])
    )


def this_session() -> str:
    """The token that this request carries; empty where it carries none."""
    return cookies.read()


def is_confirmed() -> bool:
    """Whether the password was given a short while ago: an open session alone is not enough for what is sensitive."""
    started = sessions.started_at(get_db(), this_session())
    return started is not None and now() - started < CONFIRMED_FOR


def confirm_first(back: str) -> Response:
    """Ask for the password; nothing was done yet, and `back` leads to where it can be done."""
    flash(gettext("Nothing is changed yet: give your password, then do it once more."), "warning")
    return redirect_to(url_for("account.confirm", next=back))


def begin_session(user: User, response: Response) -> Response:
    """Log in: a new token in a new row, whatever cookies came with the request."""
    old = this_session()
    if old:
        sessions.forget(get_db(), old)
    language = session.get("lang")
    session.clear()
    if language:
        session["lang"] = language
    limits = session_limits()
    token = sessions.start(get_db(), user.id, now(), request.user_agent.string, limits)
    cookies.write(response, token, limits.absolute)
    g.user = user
    return remember(user, response)


def end_session(response: Response) -> Response:
    """Log out: the token is worth nothing from now on, wherever it was copied to."""
    token = this_session()
    if token:
        sessions.end(get_db(), token, now())
    session.clear()
    cookies.remove(response)
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
        current_app.logger.warning("Refused to user %s: %s %s", user.id, request.method, request.endpoint)
        raise Forbidden(gettext("Only admins may do this."))
    if user.must_choose_password and request.endpoint not in WITHOUT_OWN_PASSWORD:
        return _own_password_first()
    return None


def _own_password_first() -> ResponseReturnValue:
    if is_htmx() or request.method != "GET":
        raise Forbidden(gettext("Choose a password of your own first."))
    return redirect(url_for("account.choose_password"), 303)
