"""Masks in the import wizard: chosen, seen before and after, counted, and the original for admins alone."""

import io
from collections.abc import Callable

import pytest
from builders import Clock, a_project
from sqlite_utils import Database
from visitor import Browser

from webapp.instance import Instance
from webapp.store import jobs, labelled
from webapp.store.projects import Project
from webapp.worker import loop

CSV = """text,who,mail
"ring 212-456-0100, ask for the moustache",ann@shop.com,ann@shop.com
nothing to hide,bob,
"""
READING = {"encoding": "", "format": "", "delimiter": "", "text": "text", "author": "who"}
ALL = {f"mask_{name}": "1" for name in ("url", "email", "iban", "order", "id", "card", "phone", "chat")}


@pytest.fixture
def project(web_db: Database) -> Project:
    return a_project(web_db, texts=[])


@pytest.fixture
def draft(admin: Browser, project: Project) -> str:
    """The address of a draft for the file."""
    answer = admin.post(
        f"/projects/{project.id}/imports", {"file": (io.BytesIO(CSV.encode()), "reviews.csv")}
    )
    return str(answer.headers["Location"])


def imported(admin: Browser, draft: str, work_through: Callable[[], None], **chosen: str) -> None:
    assert admin.post(f"{draft}/check", {**READING, **chosen}).status_code == 303
    admin.post(f"{draft}/start")
    work_through()


@pytest.fixture
def work_through(web_db: Database, web_instance: Instance, clock: Clock) -> Callable[[], None]:
    return lambda: assert_true(loop.import_next(web_db, web_instance.folder, clock()))


def assert_true(done: bool) -> None:
    assert done


def test_every_mask_is_on_and_shown_on_real_rows_before_anything_is_stored(
    admin: Browser, draft: str, web_db: Database
) -> None:
    page = admin.get(draft).text
    assert page.count("checked") == len(ALL)
    assert (
        "ring 212-456-0100, ask for the moustache" in page and "ring [phone], ask for the moustache" in page
    )
    assert "1 in the first rows" in page
    assert web_db.execute("SELECT count(*) FROM reviews").fetchone()[0] == 0


def test_a_mask_that_is_taken_away_masks_nothing(admin: Browser, draft: str) -> None:
    page = admin.post(f"{draft}/reading", {**READING, "mask_email": "1"}).text
    assert "ring [phone]" not in page
    assert page.count("checked") == 1


def test_the_check_counts_what_the_import_will_mask(
    admin: Browser, draft: str, work_through: Callable[[], None], web_db: Database
) -> None:
    admin.post(f"{draft}/check", {**READING, **ALL})
    for page in (admin.get(draft).text,):
        assert "E-mail addresses" in page and "In 1 row." in page
    imported(admin, draft, work_through, **ALL)
    assert "E-mail addresses" in admin.get(draft).text
    assert jobs.of_project(web_db, 1, "import")[0].result["masked"] == {"email": 2, "phone": 1}


def test_the_original_is_kept_on_wish_and_seen_by_admins_alone(
    admin: Browser, annotator: Browser, draft: str, work_through: Callable[[], None], web_db: Database
) -> None:
    imported(admin, draft, work_through, **ALL, keep_original="1")
    row = web_db.execute("SELECT id, original FROM reviews WHERE original IS NOT NULL").fetchone()
    assert row["original"] == "ring 212-456-0100, ask for the moustache"
    assert "212-456-0100" in admin.get(f"/projects/1/reviews/{row['id']}").text
    for _ in range(2):
        assert "212-456" not in annotator.post("/projects/1/annotate/next").text
    assert "212-456" not in annotator.get("/projects/1/annotate").text
    assert "212-456" not in admin.get("/projects/1/reviews?text=ring").text
    assert all("212-456" not in str(each) for each in labelled.export_rows(web_db, 1))


def test_without_the_wish_it_is_not(
    admin: Browser, draft: str, work_through: Callable[[], None], web_db: Database
) -> None:
    imported(admin, draft, work_through, **ALL)
    assert web_db.execute("SELECT count(*) FROM reviews WHERE original IS NOT NULL").fetchone()[0] == 0
