"""Each error has its status, and words for the one who met it."""

import pytest
from flask import Flask
from sqlite_utils.utils import OperationalError
from visitor import HTMX, Browser

from webapp.errors import status_of
from webapp.store import errors as store


@pytest.fixture
def broken(app: Flask, annotator: Browser) -> Browser:
    """A browser of an application with a view that raises what it is told to."""
    faults = {"busy": OperationalError("database is locked"), "full": OperationalError("database or disk is full"),
              "bug": ZeroDivisionError("secret detail"), "unusable": store.DatabaseUnusable("/secret/path is damaged"),
              "name": store.NameTaken("There is one already.")}  # fmt: skip

    def view() -> str:
        from flask import request

        raise faults[request.args["fault"]]

    setattr(view, "access", "annotator")  # noqa: B010
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/broken", view_func=view)
    return annotator


@pytest.mark.parametrize(
    ("fault", "status"), [("busy", 503), ("full", 507), ("bug", 500), ("unusable", 503), ("name", 422)]
)
def test_an_error_is_a_page_or_for_htmx_a_notice_and_shows_no_secret(
    broken: Browser, fault: str, status: int
) -> None:
    page = broken.get(f"/broken?fault={fault}")
    notice = broken.client.get(f"/broken?fault={fault}", headers=HTMX)
    assert (page.status_code, notice.status_code) == (status, status)
    assert "<html" in page.text
    assert "<html" not in notice.text
    assert notice.headers["HX-Retarget"] == "#notices"
    for text in (page.text, notice.text):
        assert "secret" not in text
        assert "Traceback" not in text


def test_a_busy_database_asks_to_come_back(broken: Browser) -> None:
    assert broken.get("/broken?fault=busy").headers["Retry-After"] == "2"


def test_a_page_that_is_not_there_does_not_repeat_the_address(annotator: Browser) -> None:
    page = annotator.get("/canary-address?x=canary")
    assert page.status_code == 404
    assert "canary" not in page.text


def test_every_error_of_the_store_has_a_status() -> None:
    kinds = [kind for kind in vars(store).values() if isinstance(kind, type) and kind is not store.StoreError]
    assert {kind.__name__ for kind in kinds if status_of(kind()) == 500} == set()
