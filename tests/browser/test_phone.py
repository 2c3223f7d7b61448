"""On a phone of 360 by 640: nothing scrolls sideways, everything can be hit with a thumb, the review has its room."""

from collections.abc import Callable
from typing import Any

import pytest
from builders import a_project, a_user, an_annotation
from playwright.sync_api import expect

from webapp.instance import open_instance

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

# Links inside a sentence are as high as the line; everything else has 24 px, its own or by its distance.
TOO_SMALL = """async () => {
  const { violations } = await axe.run({ runOnly: ["target-size"] });
  return violations.flatMap(({ nodes }) => nodes.map((node) => node.html.slice(0, 200)));
}"""
WIDTH, HEIGHT = 360, 640
PHONE: dict[str, Any] = {"viewport": {"width": WIDTH, "height": HEIGHT}, "has_touch": True, "is_mobile": True}
# Not window.innerWidth: a phone's grows with what does not fit.
CONTENT_WIDTH = "document.documentElement.scrollWidth"
ANSWER_HEIGHT = 56
# As many as there may be, as long as they may be.
LABELS = [f"what its writer thinks of it, part {number}" for number in range(1, 10)]
LINES_HEIGHT = 3 * 35
# The least there is between what a button holds and its edge, of all buttons below the labels.
ROOM = """() => {
  const parts = document.querySelectorAll(":is(.others > .button, .skip > summary) > :is(svg, span:not(.wide-words))");
  return Math.min(...[...parts].filter((part) => part.checkVisibility()).map((part) => {
    const [inner, outer] = [part.getBoundingClientRect(), part.parentElement.getBoundingClientRect()];
    return Math.min(inner.left - outer.left, outer.right - inner.right);
  }));
}"""


@pytest.mark.parametrize("name", ["root", "ada"])
def test_every_page_fits(guest: Callable[..., Any], axe: str, name: str) -> None:
    visitor = guest(name, reduced_motion="reduce", **PHONE)
    trouble = {}
    for address in visitor.pages():
        visitor.page.goto(f"{visitor.site.address}{address}")
        visitor.page.evaluate(axe)
        trouble[address] = (visitor.page.evaluate(CONTENT_WIDTH), visitor.page.evaluate(TOO_SMALL))
    assert {address: each for address, each in trouble.items() if each[0] > WIDTH or each[1]} == {}


def test_labels_lie_under_the_thumb(guest: Callable[..., Any]) -> None:
    page = (visitor := guest("ada", **PHONE)).page
    page.goto(f"{visitor.site.address}/projects/1/annotate")
    expect(page.locator(".answer")).to_have_count(3)
    for button in page.locator(".answer").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= ANSWER_HEIGHT and box["width"] >= ANSWER_HEIGHT
        assert box["y"] + box["height"] <= HEIGHT and box["x"] + box["width"] <= WIDTH
    page.locator(".answer").first.tap()
    expect(page.locator(".labelling-bar")).to_contain_text("negative")


def test_a_case_is_settled_without_scrolling(guest: Callable[..., Any]) -> None:
    page = (visitor := guest("root", **PHONE)).page
    page.goto(f"{visitor.site.address}/projects/1/settle")
    while page.locator(".voice").count() != 2:  # other tests answer too
        with page.expect_navigation():
            page.locator("[data-key=s]").click()
    parts = [page.locator(".sheet-text"), page.locator("#reason"), *page.locator(".voice").all()]
    boxes = [part.bounding_box() for part in [*parts, page.locator(".case .answers")]]
    answers = boxes[-1]
    assert all(box["y"] + box["height"] <= answers["y"] for box in boxes[:-1])
    assert answers["y"] + answers["height"] <= HEIGHT
    assert not page.locator(".case .key").filter(visible=True).count()


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("width", [320, WIDTH])
def test_words_have_room_in_their_buttons(guest: Callable[..., Any], locale: str, width: int) -> None:
    narrow = {**PHONE, "viewport": {"width": width, "height": HEIGHT}}
    page = (visitor := guest("ada", locale=locale, **narrow)).page
    page.goto(f"{visitor.site.address}/projects/1/annotate")
    expect(page.locator(".answer")).to_have_count(3)
    assert page.evaluate(ROOM) >= 8


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_the_menu_of_views_lies_on_the_screen(guest: Callable[..., Any], locale: str) -> None:
    page = (visitor := guest("root", locale=locale, **PHONE)).page
    page.goto(f"{visitor.site.address}/projects/1/reviews")
    page.locator(".saved-views summary").click()
    box = page.locator(".saved-views .menu-items").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= WIDTH


def test_figures_stand_two_in_a_line(guest: Callable[..., Any]) -> None:
    page = (visitor := guest("root", **PHONE)).page
    page.goto(f"{visitor.site.address}/projects/1/quality")
    first, second = (page.locator(".stat").nth(place).bounding_box() for place in (0, 1))
    assert first["y"] == second["y"]


@pytest.mark.parametrize("site", [("web", "--processes", "1")], indirect=True)
def test_many_long_labels_leave_room_for_the_review(site: Any, visitor: Callable[..., Any]) -> None:
    db = open_instance(site.instance)
    project, ada = a_project(db, texts=["It broke."], labels=LABELS), a_user(db, "ada")
    an_annotation(db, project, ada)
    for options in ({}, PHONE):
        one = visitor(**options)
        one.hold_session("ada")
        one.page.goto(f"{site.address}/projects/{project.id}/annotate/earlier")
        assert one.page.locator(".sheet-text").bounding_box()["height"] >= LINES_HEIGHT
        assert one.page.evaluate(CONTENT_WIDTH) <= one.page.viewport_size["width"]


@pytest.mark.parametrize("site", [("web", "--processes", "1")], indirect=True)
def test_long_labels_fit_among_my_labels(site: Any, visitor: Callable[..., Any]) -> None:
    db = open_instance(site.instance)
    project = a_project(db, labels=LABELS)
    an_annotation(db, project, a_user(db, "ada"))
    ada = visitor(**PHONE)
    ada.hold_session("ada")
    ada.page.goto(f"{site.address}/projects/{project.id}/annotate/history")
    expect(ada.page.locator(".answer-item .badge").first).to_be_visible()
    assert ada.page.evaluate(CONTENT_WIDTH) <= WIDTH
