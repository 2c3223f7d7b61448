"""Settling by keys alone, in a real browser."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from builders import a_lease, a_project, a_user
from playwright.sync_api import expect
from sqlite_utils import Database

from webapp.instance import open_instance
from webapp.store import adjudications, annotations, cases
from webapp.store.annotations import Answer
from webapp.store.projects import Project

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]


def disputed(db: Database, texts: list[str]) -> Project:
    """A project in which two people gave each review another label."""
    project = a_project(db, texts=texts, overlap_share=1.0)
    for person, position in ((a_user(db, "ada"), 0), (a_user(db, "ben"), 2)):
        for _ in texts:
            lease = a_lease(db, project, person, datetime.now(UTC))
            label = Answer("label", project.labels[position].id)
            annotations.record(db, lease.token, person.id, label, datetime.now(UTC))
    return project


@pytest.mark.parametrize("site", [("web", "--processes", "1")], indirect=True)
def test_cases_are_settled_by_keys(site: Any, visitor: Callable[[], Any]) -> None:
    db = open_instance(site.instance)
    project = disputed(db, ["Fine, I suppose.", "It broke.", "Well."])
    admin = visitor()
    admin.log_in(site, "root")
    page = admin.page
    page.goto(f"{site.address}/projects/{project.id}/settle")
    text, keys = page.locator(".hero-text"), page.keyboard

    def press(key: str) -> None:
        page.wait_for_load_state()  # keys work once the page's script is there
        keys.press(key)

    expect(text).to_have_text("Fine, I suppose.")
    press("s")
    expect(text).to_have_text("It broke.")
    press("r")
    keys.type("2 parts are broken")  # in the reason a 2 is a 2
    press("Escape")
    press("1")
    expect(text).to_have_text("Well.")
    (decision,) = adjudications.of_review(db, 2)
    assert (decision.label, decision.reason) == ("negative", "2 parts are broken")
    press("u")
    expect(page.locator("h1")).to_have_text("Settle review 2")
    assert adjudications.of_review(db, 2) == []
    press("?")
    expect(page.locator("#help")).to_be_visible()
    press("1")  # not while the help is open
    press("Escape")
    press("3")
    expect(page.get_by_text("is settled: positive")).to_be_visible()
    page.goto(f"{site.address}/projects/{project.id}/settle")
    for left in (1, 0):
        press("x")
        expect(page.get_by_text("is left out")).to_be_visible()
        assert cases.counts(db, project.id, datetime.now(UTC))["disagreement"] == left
    expect(page.locator("main h2")).to_have_text("No disagreement waits")
    press("u")  # though there is no case left to show
    expect(page.locator("h1")).to_have_text("Settle review 2")
    assert adjudications.of_review(db, 2) == []
    db.close()


@pytest.mark.parametrize("site", [("web", "--processes", "1")], indirect=True)
def test_the_labels_do_not_hide_what_people_say(site: Any, visitor: Callable[[], Any]) -> None:
    project = disputed(open_instance(site.instance), ["It was fine, and then it broke. " * 15])
    admin = visitor()
    admin.log_in(site, "root")
    admin.page.goto(f"{site.address}/projects/{project.id}/settle")
    labels = admin.page.locator(".case-actions").bounding_box()
    for voice in admin.page.locator(".voice").all():
        box = voice.bounding_box()
        assert box["y"] + box["height"] <= labels["y"]
