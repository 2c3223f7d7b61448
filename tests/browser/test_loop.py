"""From an empty project to a learning curve, in real browsers, as a new team would go."""

import csv
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import PASSWORD
from playwright.sync_api import Page, expect

from webapp.instance import open_instance
from webapp.store import projects

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

# Words that the tiny encoder knows, by the key of their label.
WORDS = {
    "1": ["bad", "terrible", "awful", "broken", "useless", "worst"],
    "2": ["ok", "average", "okay", "fine"],
    "3": ["good", "great", "excellent", "perfect", "lovely", "best"],
}
LABELS = {"1": "negative", "2": "neutral", "3": "positive"}
THINGS = ["battery", "screen", "sound", "story", "book", "shirt", "phone", "delivery"]
ANSWERS = 30
ROUND_MS = 120_000


def synthetic_reviews(path: Path, size: int = 240) -> Path:
    """Reviews told by one word; a third is set aside with its labels, as a team brings that measured before."""
    chance = random.Random(3)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["review_id", "comment", "stars", "mood", "fold"])
        for row in range(size):
            key = chance.choice("123")
            text = f"the {chance.choice(THINGS)} is {chance.choice(WORDS[key])}, order {row}\nbought; used"
            part = "test" if row % 6 == 0 else "validation" if row % 6 == 1 else "train"
            label = "" if part == "train" else LABELS[key]
            writer.writerow([f"r{row}", text, {"1": 1, "2": 3, "3": 5}[key], label, part])
    return path


def messy_reviews(path: Path) -> Path:
    """Latin-1, an empty text, a row too long, a text that is there already."""
    rows = [
        "id,text",
        'm1,"Très bon café à Besançon"',
        "m2,",
        "m3,too,many,fields",
        'm4,"Déjà vu, déjà lu"',
        'm5,"Déjà vu, déjà lu"',
    ]
    path.write_bytes("\n".join(rows).encode("latin-1"))
    return path


def key_for(text: str) -> str:
    """What an honest annotator presses."""
    return next((key for key, words in WORDS.items() if any(f" is {word}" in text for word in words)), "2")


def create_project(page: Page, address: str) -> None:
    page.goto(f"{address}/projects/new")
    page.fill("#name", "Phones")
    page.get_by_role("button", name="Create the project").click()
    page.wait_for_url("**/imports")
    page.goto(f"{address}/projects/1/settings")
    page.select_option("#encoder", "tiny")
    for name, value in {
        "auto_round_every": 0,
        "holdout_labels": 1,
        "overlap_share": 0,
        "query_size": 40,
    }.items():
        page.fill(f"#{name}", str(value))
    page.get_by_role("button", name="Save the settings").click()
    expect(page.locator("#notices")).to_contain_text("saved")


def import_with_labels(page: Page, address: str, file: Path) -> None:
    page.goto(f"{address}/projects/1/imports")
    page.set_input_files("#file", file)
    page.get_by_role("button", name="Upload and preview").click()
    expect(page.locator(".preview-table tbody tr")).to_have_count(20)
    for role, column in {
        "text": "comment",
        "id": "review_id",
        "rating": "stars",
        "label": "mood",
        "split": "fold",
    }.items():
        expect(page.locator(f"#{role}")).to_have_value(column)
    page.check("#human_labels")
    page.get_by_role("button", name="Check the whole file").click()
    page.get_by_role("button", name="Import 240 reviews").click()
    expect(page.locator(".notice-success")).to_contain_text("240 reviews are in")


def import_messy(page: Page, address: str, file: Path) -> None:
    page.goto(f"{address}/projects/1/imports")
    page.set_input_files("#file", file)
    page.get_by_role("button", name="Upload and preview").click()
    expect(page.locator(".preview-table")).to_contain_text("Très bon café à Besançon")
    page.get_by_role("button", name="Check the whole file").click()
    page.get_by_role("button", name="Import 2 reviews").click()
    expect(page.locator(".notice-success")).to_contain_text("2 reviews are in")
    with page.expect_download() as download:
        page.get_by_role("link", name="Error file").click()
    refused = Path(download.value.path()).read_text("utf-8-sig")
    assert "ragged" in refused and "empty" in refused


def add_annotator(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}/people")
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#password")).to_have_text(PASSWORD)


def open_queue(page: Page) -> None:
    """From the home page to the first review, without touching the mouse after that."""
    page.get_by_role("link", name="Phones").first.click()
    page.wait_for_url("**/annotate")  # and for its scripts: the text can be read before the keys work
    expect(page.locator(".hero-text")).to_be_visible()


def answer(page: Page, *keys: str) -> str:
    """Press a label's key, or those given, and wait for the next review; returns the text that was answered."""
    text = page.locator(".hero-text").inner_text()
    for key in keys or key_for(text):
        page.keyboard.press(key)
    expect(page.locator(".hero-text")).not_to_have_text(text, use_inner_text=True)
    return text


def label_in_turns(ada: Page, bob: Page, count: int) -> tuple[list[str], list[str]]:
    """Both label at once; returns what each of them saw."""
    seen: tuple[list[str], list[str]] = ([], [])
    for _ in range(count):
        seen[0].append(answer(ada))
        seen[1].append(answer(bob))
    return seen


def skip_and_undo(page: Page) -> None:
    skipped = answer(page, "s", "Enter")
    expect(page.locator(".labelling-bar")).to_contain_text("Skipped")
    page.keyboard.press("u")
    expect(page.locator(".hero-text")).to_have_text(skipped, use_inner_text=True)
    answer(page)


def follow_round(admin: Page, annotator: Page, address: str) -> None:
    """Start a round, a long one, and see it through to its scores on one page, which is never loaded again."""
    admin.goto(f"{address}/projects/1/rounds/new")
    admin.check("input[name=classifier][value=finetune]")
    admin.get_by_text("All settings").click()
    for name in ("epochs", "patience"):
        admin.fill(f"[name='finetune.{name}']", "100")
    admin.get_by_role("button", name="Start the round").click()
    admin.wait_for_url("**/rounds/1")
    admin.evaluate("window.sameDocument = true")
    expect(admin.locator("#round progress")).to_be_visible()
    answer(annotator)  # labelling goes on meanwhile
    expect(admin.locator("#verdict-title")).to_have_text("Version 1", timeout=ROUND_MS)
    assert admin.evaluate("window.sameDocument") is True
    expect(admin.locator("#scores-title")).to_be_visible()


def see_learning_curve(page: Page, address: str) -> None:
    page.goto(f"{address}/projects/1")
    expect(page.locator("figure.chart svg").first).to_be_visible()
    expect(page.locator("#results")).to_contain_text("interval")


def lease_origins(site: Any) -> tuple[int | None, int | None]:
    """The ranking that the newest lease came from, and the one that is published."""
    db = open_instance(site.instance)
    newest = db.execute("SELECT ranking_id FROM leases ORDER BY created_at DESC LIMIT 1").fetchone()[0]
    published = projects.get(db, 1).ranking_id
    db.close()
    return newest, published


def test_import_label_train_and_see_the_curve(site: Any, visitor: Callable[[], Any], tmp_path: Path) -> None:
    root, ada, bob = visitor(), visitor(), visitor()
    root.log_in(site, "root")
    create_project(root.page, site.address)
    import_with_labels(root.page, site.address, synthetic_reviews(tmp_path / "reviews.csv"))
    import_messy(root.page, site.address, messy_reviews(tmp_path / "messy.csv"))
    for name, one in {"ada": ada, "bob": bob}.items():
        add_annotator(root.page, site.address, name)
        one.log_in(site, name)
        one.choose_password()
        open_queue(one.page)

    by_ada, by_bob = label_in_turns(ada.page, bob.page, ANSWERS)
    assert len(set(by_ada)) == len(set(by_bob)) == ANSWERS
    assert not set(by_ada) & set(by_bob)
    skip_and_undo(ada.page)

    follow_round(root.page, ada.page, site.address)
    see_learning_curve(root.page, site.address)
    with ada.page.expect_response("**/answer"):
        answer(ada.page)  # the reviews on screen and ahead were leased before
    newest, published = lease_origins(site)
    assert newest == published
