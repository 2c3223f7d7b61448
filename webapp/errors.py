"""The one answer to each error: a status, a heading, and what to do next."""

import errno
import math

from flask import Flask, Response, current_app, g, make_response, render_template
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from sqlite_utils.utils import OperationalError
from werkzeug.exceptions import HTTPException, NotFound

from webapp.api import problems
from webapp.htmx import is_htmx
from webapp.store import errors as store
from webapp.words.sentences import said

STATUS: dict[type[store.StoreError], int] = {
    store.NotFound: 404,
    store.NameTaken: 422,
    store.InvalidValue: 422,
    store.UnknownLabel: 422,
    store.LeaseNotYours: 403,
    store.LeaseExpired: 409,
    store.AlreadyAnnotated: 409,
    store.RoundAlreadyOpen: 409,
    store.StillWorking: 409,
    store.NothingToUndo: 409,
    store.ChangedMeanwhile: 409,
    store.LastAdmin: 409,
    store.StaleToken: 409,
    store.KeyReused: 422,
    store.DatabaseUnusable: 503,
    store.UnsafeSQLite: 503,
    store.InheritedConnection: 503,
}
BUSY_RETRY_SECONDS = 2
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def init_app(app: Flask) -> None:
    """Answer the store's errors, the database's and those of HTTP."""
    app.register_error_handler(store.StoreError, _store_error)
    app.register_error_handler(OperationalError, _database_error)
    app.register_error_handler(OSError, _file_error)
    app.register_error_handler(OverflowError, _number_of_no_row)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _http_error)


def status_of(error: store.StoreError) -> int:
    """The HTTP status of a store error; a subclass has its nearest parent's."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def words_of(error: store.StoreError) -> str:
    """What the error says, in the reader's language where the catalogue has it (translations/babel.cfg)."""
    return said(str(error))


def _store_error(error: store.StoreError) -> Response:
    status = status_of(error)
    if status >= 500:
        current_app.logger.error("%s: %s", type(error).__name__, error)
        g.user = None  # the page must not ask the database for more
        return answer(status, gettext("The server needs its administrator. The details are in its log."))
    return answer(status, words_of(error))


def _database_error(error: OperationalError) -> Response:
    current_app.logger.error("database: %s", error)
    g.user = None
    if "full" in str(error) or "disk I/O" in str(error):
        return _disk_full()
    response = answer(503, gettext("Not saved: the database is busy. Try again in a moment."))
    response.headers["Retry-After"] = str(BUSY_RETRY_SECONDS)
    return response


def _file_error(error: OSError) -> Response:
    if error.errno not in NO_SPACE:
        raise error
    current_app.logger.error("disk: %s", error)
    return _disk_full()


def _disk_full() -> Response:
    return answer(
        507, gettext("Not saved: the server's disk is full. Tell its administrator, then try again.")
    )


def _number_of_no_row(error: OverflowError) -> Response:
    """A number in an address or a form that is larger than any the database can hold: there is no such thing."""
    if "SQLite" not in str(error):
        raise error
    return answer(404, _words(404, NotFound()))


def _stale_form(_error: CSRFError) -> Response:
    return answer(
        403,
        gettext(
            "This form is from before you logged in or out, or the browser sent no cookie. Load the page again"
            " and repeat. Over plain http the server must be set to it (COOKIE_SECURE)."
        ),
    )


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400 and error.response is not None:
        return make_response(error.response)
    if problems.wanted():
        return problems.of_http(error)
    response = answer(status, _words(status, error))
    retry_after = getattr(error, "retry_after", None)
    if retry_after:
        response.headers["Retry-After"] = str(math.ceil(retry_after))
    return response


def _words(status: int, error: HTTPException) -> str:
    known = {
        401: gettext("You are logged out. Log in and send this again."),
        404: gettext("There is no such page. The address may be wrong, or what it showed is gone."),
        405: gettext("This address does not take such a request."),
        413: _too_large(),
        500: gettext(
            "Something broke on our side. It is in the server's log; nothing you sent was half saved."
        ),
    }
    return str(known.get(status) or error.description or error.name)


def _too_large() -> str:
    megabytes = current_app.config["MAX_UPLOAD_LENGTH"] // 1_000_000
    return str(gettext("That is too large. A file may have %(size)s MB.", size=megabytes))


def _heading(status: int) -> str:
    headings = {
        401: gettext("Please log in"),
        403: gettext("Not for you"),
        404: gettext("Not here"),
        409: gettext("Things changed meanwhile"),
        413: gettext("Too large"),
        422: gettext("Not quite right"),
        429: gettext("Too many tries"),
        503: gettext("Back in a moment"),
        507: gettext("The disk is full"),
    }
    return str(
        headings.get(status) or (gettext("That went wrong") if status < 500 else gettext("Something broke"))
    )


def answer(status: int, message: str) -> Response:
    """The error as a page, or for htmx as a notice at the head of the page that is open, or for a program."""
    if problems.wanted():
        return problems.answer(status, message)
    if not is_htmx():
        page = render_template("error.html", status=status, heading=_heading(status), message=message)
        return make_response(page, status)
    response = make_response(render_template("_error.html", status=status, message=message), status)
    response.headers["HX-Retarget"] = "#notices"
    response.headers["HX-Reswap"] = "innerHTML"
    return response
