"""Back, another answer, a second tab, page by page: never two answers by one person to one review."""

from collections.abc import Callable
from typing import Any

import pytest
from builders import a_project, a_user
from playwright.sync_api import Page, expect

from webapp import instance as instances

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]


def answer(page: Page, label: str) -> None:
    page.get_by_role("button", name=label).click()


@pytest.mark.parametrize("site", [("web", "--processes", "1")], indirect=True)
def test_back_and_another_label_is_refused_and_a_second_tab_shows_the_same_review(
    site: Any, visitor: Callable[..., Any]
) -> None:
    db = instances.open_instance(site.instance)
    a_user(db, "ada")
    a_project(db, size=4)
    ada = visitor(java_script_enabled=False)
    ada.hold_session("ada")
    page: Page = ada.page
    page.goto(f"{site.address}/projects/1/annotate")
    page.get_by_role("button", name="Start labelling").click()
    first = page.locator(".hero-text").inner_text()

    tab = page.context.new_page()
    tab.goto(f"{site.address}/projects/1/annotate")
    expect(tab.locator(".hero-text")).to_have_text(first, use_inner_text=True)

    answer(page, "negative")
    expect(page.locator(".hero-text")).not_to_have_text(first, use_inner_text=True)
    answer(tab, "positive")
    expect(tab.locator("main")).to_contain_text("This answer was not saved")

    page.go_back()
    if page.locator(".hero-text").inner_text() == first:  # else the server has shown what comes next
        answer(page, "positive")
        expect(page.locator("main")).to_contain_text("This answer was not saved")
    rows = db.execute("SELECT action, label_id, undone_by FROM annotations").fetchall()
    assert [tuple(row) for row in rows] == [("label", 1, None)]
    db.close()
    ada.troubles.clear()  # the two refusals
