"""By keyboard alone: every step can be reached and seen, focus is never lost, motion stays away where asked."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

FOCUSED = """() => {
  const { activeElement: element } = document;
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
  const seen = (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2) || boxShadow !== "none";
  return { tag: element.tagName, seen, value: element.value ?? "", name: element.name ?? "", id: element.id };
}"""
# Everything that moves or could: running animations, and what every element is told to do.
MOTION = """() => {
  const seconds = (text) => Math.max(...text.split(",").map(parseFloat));
  const moving = [...document.querySelectorAll("*")].filter((element) => {
    const style = getComputedStyle(element);
    return (style.animationName !== "none" && seconds(style.animationDuration) > 0.01)
      || seconds(style.transitionDuration) > 0.01;
  });
  return [...moving.map((element) => element.className || element.tagName),
    ...document.getAnimations().map((each) => each.animationName ?? "transition")];
}"""
MOST_TABS = 60


def tab_to(page: Page, **wanted: str) -> None:
    """Press Tab until the focus is there; at every stop it can be seen."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        assert focused["tag"] == "BODY" or focused["seen"], focused
        if all(focused[name] == value for name, value in wanted.items()):
            return
    raise AssertionError(f"Tab never reaches {wanted}")


def open_queue(visitor: Any) -> str:
    """The text of the first review."""
    visitor.page.goto(f"{visitor.site.address}/projects/1/annotate")
    expect(visitor.page.locator(".hero-text")).to_be_visible()
    return str(visitor.page.locator(".hero-text").inner_text())


def test_label_with_tab_and_enter(guest: Callable[..., Any]) -> None:
    visitor = guest("bob")
    page, first = visitor.page, open_queue(visitor)
    tab_to(page, name="label")
    page.keyboard.press("Enter")
    expect(page.locator(".hero-text")).not_to_have_text(first, use_inner_text=True)
    assert page.evaluate(FOCUSED)["tag"] != "BODY"
    assert page.evaluate(FOCUSED)["seen"]


@pytest.mark.parametrize("keys", [["2"], ["s", "1"], ["f"], ["1", "u"], ["n", "Escape", "3"]])
def test_focus_is_never_lost(guest: Callable[..., Any], keys: list[str]) -> None:
    visitor = guest("bob")
    page, first = visitor.page, open_queue(visitor)
    for key in keys:
        page.keyboard.press(key)
        assert page.evaluate(FOCUSED)["tag"] != "BODY"
    if keys[-1] != "u":
        expect(page.locator(".hero-text")).not_to_have_text(first, use_inner_text=True)
    assert page.evaluate(FOCUSED)["tag"] != "BODY"


def test_a_filter_keeps_the_focus_while_the_list_changes(guest: Callable[..., Any]) -> None:
    visitor = guest("root")
    page = visitor.page
    page.goto(f"{visitor.site.address}/projects/1/reviews")
    tab_to(page, id="text")
    page.keyboard.type("battery")
    expect(page.locator("#results [role=status]")).to_contain_text("8 reviews")
    assert page.evaluate(FOCUSED)["id"] == "text"


def test_another_language_keeps_the_filter_of_the_moment(guest: Callable[..., Any]) -> None:
    visitor = guest("root")
    page = visitor.page
    page.goto(f"{visitor.site.address}/projects/1/reviews?category=phones")
    page.locator("#text").press_sequentially("battery")
    page.wait_for_url("**/reviews?text=battery&*category=phones&*")
    page.get_by_role("link", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.locator("#text")).to_have_value("battery")
    expect(page.locator("#category")).to_have_value("phones")


@pytest.mark.parametrize("address", ["/projects/1/annotate", "/projects/1", "/projects/1/rounds/3"])
def test_nothing_moves_for_those_who_ask(guest: Callable[..., Any], address: str) -> None:
    visitor = guest("root", reduced_motion="reduce")
    visitor.page.goto(f"{visitor.site.address}{address}")
    if address.endswith("annotate"):
        expect(visitor.page.locator(".hero-text")).to_be_visible()
        visitor.page.keyboard.press("1")
    assert visitor.page.evaluate(MOTION) == []


def test_a_password_is_shown_on_wish_and_hidden_before_it_is_sent(guest: Callable[..., Any]) -> None:
    visitor = guest("ada")
    page = visitor.page
    page.goto(f"{visitor.site.address}/account")
    field, button = page.locator("#current"), page.get_by_role("button", name="Show Present password")
    field.fill("not it")
    button.press("Enter")
    expect(field).to_have_attribute("type", "text")
    expect(button).to_have_attribute("aria-pressed", "true")
    page.locator("#new").fill("nine quiet herons")
    page.locator("#again").fill("nine quiet herons")
    page.get_by_role("button", name="Change the password").click()
    expect(page.locator("#current-error")).to_be_visible()
    expect(page.locator("#current")).to_have_attribute("type", "password")
    visitor.troubles.clear()  # the browser mentions the 422
