"""A form that is pressed twice while the server takes its time."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("site", [("web", "--processes", "1")], indirect=True)
def test_a_form_that_is_pressed_twice_is_sent_once(site: Any, visitor: Callable[[], Any]) -> None:
    admin = visitor()
    admin.log_in(site, "root")
    page, sent = admin.page, list[Route]()

    def hold(route: Route) -> None:
        sent.append(route) if route.request.method == "POST" else route.fallback()

    page.goto(f"{site.address}/people")
    page.route("**/people", hold)
    page.fill("#name", "ada")
    box = page.get_by_role("button", name="Add").bounding_box()
    with page.expect_request(lambda request: request.method == "POST"):
        page.mouse.click(box["x"] + 9, box["y"] + 9)
    page.mouse.click(box["x"] + 9, box["y"] + 9)
    sent[0].continue_()
    expect(page.locator("h1")).to_have_text("ada is added")
    assert len(sent) == 1
