"""Browsers in which a person has logged in before: guesses made elsewhere do not keep them out."""

from datetime import timedelta

from flask import Response, current_app
from itsdangerous import BadSignature, URLSafeSerializer

from webapp.access import cookies
from webapp.store.users import User

PURPOSE = "known"
LIFE = timedelta(days=180)
PEOPLE_OF_A_BROWSER = 5


def remember(user: User, response: Response) -> Response:
    """Note in a signed cookie that this person has logged in here. It lets nobody in."""
    ids = [user.id, *(each for each in _known() if each != user.id)][:PEOPLE_OF_A_BROWSER]
    cookies.write(response, _signer().dumps(ids), LIFE, PURPOSE)
    return response


def knows(user: User | None) -> bool:
    """Whether this person has logged in in the asking browser before."""
    return user is not None and user.id in _known()


def _known() -> list[int]:
    try:
        ids: list[int] = _signer().loads(cookies.read(PURPOSE))
    except BadSignature:
        return []
    return ids


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="known browser")
