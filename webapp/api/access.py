"""Who asks: a token in the Authorization header, and what it may do. Cookies mean nothing here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from flask import current_app, g, request

from webapp.api.problems import NoToken, WrongScope
from webapp.clock import now
from webapp.db import get_db
from webapp.store import tokens
from webapp.store.tokens import Token
from webapp.store.users import User

View = TypeVar("View", bound=Callable[..., object])


@dataclass(frozen=True)
class Right:
    """One of the scopes is needed; `of_admin`: and a person who is an admin."""

    scopes: tuple[str, ...]
    of_admin: bool


def scope(*names: str, of_admin: bool = False) -> Callable[[View], View]:
    """A token with one of these scopes may do this; `of_admin`: as with the pages, only an admin's.

    The scope admin covers the others, as long as its person is an admin.
    """

    def mark(view: View) -> View:
        setattr(view, "access", "token")  # noqa: B010 - a function's type has no such attribute
        setattr(view, "right", Right(names, of_admin or names == ("admin",)))  # noqa: B010
        return view

    return mark


def the_token() -> Token:
    """The token of this request; for views behind a guard."""
    token: Token = g.token
    return token


def right_wanted() -> Right | None:
    """What this request needs; None where it is not for a view that takes tokens."""
    right: Right | None = getattr(current_app.view_functions.get(request.endpoint or ""), "right", None)
    return right


def identify() -> None:
    """Find out whose token came, before anything else is asked of it."""
    if right_wanted() is None:
        return
    g.user = g.token = None
    sent = request.authorization
    secret = sent.token if sent is not None and sent.type == "bearer" else None
    found = tokens.holder(get_db(), secret, now()) if secret else None
    if found is None:
        raise NoToken(sent=secret is not None)
    g.token, g.user = found


def authorize() -> None:
    """Refuse what the token, or its person, may not do."""
    right = right_wanted()
    if right is None:
        return
    user: User = g.user
    everything = "admin" in g.token.scopes and user.is_admin
    if not everything and not set(right.scopes) & set(g.token.scopes):
        raise WrongScope(right.scopes, f"This needs a token with the scope {' or '.join(right.scopes)}.")
    if right.of_admin and not user.is_admin:
        raise WrongScope(right.scopes, "Only the token of an admin may do this.")
