"""Without JavaScript everything works page by page: no prefetch, no keys, nothing lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import PASSWORD
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SIZE = 8
LABELS = "/projects/1/annotate/history"


def reviews(path: Path) -> Path:
    rows = [f"the phone is good, order {row}" for row in range(SIZE)]
    path.write_text("\n".join(["text", *rows]), "utf-8")
    return path


def reload_until(page: Page, selector: str, words: str) -> None:
    """What a page that cannot ask by itself leaves to the reader."""
    for _ in range(60):
        if page.locator(selector, has_text=words).count():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(f"{words} never came")


def create_and_import(page: Page, address: str, file: Path) -> None:
    page.goto(f"{address}/projects/new")
    page.fill("#name", "Phones")
    page.get_by_role("button", name="Create the project").click()
    page.set_input_files("#file", file)
    page.get_by_role("button", name="Upload and preview").click()
    page.get_by_role("button", name="Check the whole file").click()
    page.get_by_role("button", name=f"Import {SIZE} reviews").click()
    reload_until(page, ".notice-success", f"{SIZE} reviews are in")


def set_up(page: Page, address: str) -> None:
    """Settings, a person, and the form of a round with its settings."""
    page.goto(f"{address}/projects/1/settings")
    page.fill("#auto_round_every", "30")
    page.get_by_role("button", name="Save").first.click()
    expect(page.locator("#auto_round_every")).to_have_value("30")
    page.goto(f"{address}/people")
    page.fill("#name", "ada")
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#password")).to_have_text(PASSWORD)
    page.goto(f"{address}/projects/1/rounds/new")
    page.get_by_text("All settings").click()
    page.get_by_role("button", name="Start the round").click()
    expect(page.locator("h1")).to_contain_text("Round 1")


def browse(page: Page, address: str) -> None:
    """Filter, tick, confirm: two reviews are left out."""
    page.goto(f"{address}/projects/1/reviews")
    page.get_by_label("Search the texts").fill("order")
    page.get_by_role("button", name="Search").click()
    for number in (1, 2):
        page.get_by_role("checkbox", name=f"Review {number}", exact=True).check()
    page.get_by_label("With these reviews").select_option("leave_out")
    page.get_by_role("button", name="The ticked ones").click()
    page.get_by_role("button", name="Go on with 2 reviews").click()
    expect(page.locator("#notices")).to_contain_text("2 reviews are changed")


def label(page: Page) -> str:
    """Answer the review on the page; the text that was answered."""
    text = page.locator(".hero-text").inner_text()
    page.get_by_role("button", name="negative").click()
    expect(page.locator(".hero-text")).not_to_have_text(text, use_inner_text=True)
    return text


def skip(page: Page) -> str:
    text = page.locator(".hero-text").inner_text()
    page.locator("details.skip summary").click()
    page.get_by_role("button", name="Not a review").click()
    expect(page.locator(".hero-text")).not_to_have_text(text, use_inner_text=True)
    return text


def test_a_team_works_without_it(site: Any, visitor: Callable[..., Any], tmp_path: Path) -> None:
    root, ada = (visitor(java_script_enabled=False) for _ in range(2))
    root.log_in(site, "root")
    create_and_import(root.page, site.address, reviews(tmp_path / "reviews.csv"))
    set_up(root.page, site.address)
    browse(root.page, site.address)

    ada.log_in(site, "ada")
    ada.choose_password()
    page: Page = ada.page
    page.get_by_role("link", name="Phones").first.click()
    page.get_by_role("button", name="Start labelling").click()
    labelled, skipped = label(page), skip(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".hero-text")).to_have_text(skipped, use_inner_text=True)
    skip(page)

    page.goto(f"{site.address}{LABELS}")
    item = page.locator(".answer-item", has_text=labelled)
    expect(item).to_contain_text("negative")
    item.locator("summary").click()
    item.get_by_role("button", name="positive").click()
    expect(page.locator("#notices")).to_contain_text("Your answer is changed")
    expect(page.locator(".answer-item", has_text=labelled)).to_contain_text("positive")
    expect(page.locator(".answer-item", has_text=skipped)).to_contain_text("Not a review")
