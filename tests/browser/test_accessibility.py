"""axe-core finds nothing on any page: for admins and annotators, in light and dark, in both languages."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What is folded away is a part of the page too.
UNFOLD = "document.querySelectorAll('details:not(.menu)').forEach((each) => (each.open = true))"
RUN = """async (rules) => {
  const { violations } = await axe.run({ runOnly: rules, resultTypes: ["violations"] });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 200)).join(" | ")}`);
}"""
IN_CHINESE = ("/projects/1", "/projects/1/reviews", "/projects/1/reviews/1", "/projects/1/annotate")


# A form that comes back with what is wrong: where, the field, what is typed there.
REFUSED = [
    ("/projects/new", "name", ""),
    ("/people", "password", "short"),
    ("/privacy", "customer", " "),
    ("/account", "current", "not it"),
    ("/tokens", "days", "0"),
    ("/projects/1/settings", "auto_round_every", "-1"),
    ("/projects/1/reviews/bulk?scope=all&action=ask_for_labels", "labels", "99"),
]


def violations(page: Page, axe: str) -> list[str]:
    """What axe finds on the page as it stands: everything in light, the contrast in dark."""
    page.evaluate(UNFOLD)
    page.evaluate(axe)
    found: list[str] = page.evaluate(RUN, RULES)
    page.emulate_media(color_scheme="dark")
    found += [f"dark {each}" for each in page.evaluate(RUN, ["color-contrast"])]
    page.emulate_media(color_scheme="light")
    return found


def all_violations(guest: Any, addresses: Iterable[str], axe: str) -> dict[str, list[str]]:
    found = {}
    for address in addresses:
        guest.page.goto(f"{guest.site.address}{address}")
        found[address] = violations(guest.page, axe)
    return {address: each for address, each in found.items() if each}


@pytest.mark.parametrize("name", ["root", "ada"])
def test_every_page(guest: Callable[..., Any], axe: str, name: str) -> None:
    visitor = guest(name, reduced_motion="reduce")
    assert all_violations(visitor, visitor.pages(), axe) == {}


def test_main_pages_in_chinese(guest: Callable[..., Any], axe: str) -> None:
    visitor = guest("root", locale="zh-CN", reduced_motion="reduce")
    assert all_violations(visitor, IN_CHINESE, axe) == {}
    expect(visitor.page.locator("html")).to_have_attribute("lang", "zh-Hans")


def test_before_logging_in(guest: Callable[..., Any], axe: str) -> None:
    visitor = guest("ada", reduced_motion="reduce")
    visitor.page.context.clear_cookies()
    assert all_violations(visitor, ["/login"], axe) == {}


def test_where_there_is_no_page(guest: Callable[..., Any], axe: str) -> None:
    visitor = guest("ada", reduced_motion="reduce")
    assert all_violations(visitor, ["/no-such-page"], axe) == {}
    visitor.troubles.clear()  # the browser mentions the 404


def test_a_review_and_the_help_above_it(guest: Callable[..., Any], axe: str) -> None:
    visitor = guest("ada", reduced_motion="reduce")
    visitor.page.goto(f"{visitor.site.address}/projects/1/annotate")
    expect(visitor.page.locator(".hero-text")).to_be_visible()
    visitor.page.keyboard.press("?")
    expect(visitor.page.locator("dialog[open]")).to_be_visible()
    assert violations(visitor.page, axe) == []
    visitor.page.keyboard.press("Escape")
    assert violations(visitor.page, axe) == []


@pytest.mark.parametrize(("address", "field", "typed"), REFUSED)
def test_forms_that_come_back(
    guest: Callable[..., Any], axe: str, address: str, field: str, typed: str
) -> None:
    visitor = guest("root", reduced_motion="reduce")
    page = visitor.page
    page.goto(f"{visitor.site.address}{address}")
    page.fill(f"#{field}", typed)
    with page.expect_response(lambda answer: answer.status == 422):
        page.eval_on_selector(
            f"#{field}", "field => { field.form.noValidate = true; field.form.requestSubmit(); }"
        )
    expect(page.locator(".field-error").first).to_be_visible()
    assert violations(page, axe) == []
    visitor.troubles.clear()  # the browser mentions the 422
