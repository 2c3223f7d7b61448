"""Reviews: search, filter, one with its whole history."""

import pytest
from builders import a_finished_round, a_lease, a_project, a_user, an_annotation
from conftest import Clock
from sqlite_utils import Database
from visitor import Browser

from webapp.store import annotations
from webapp.store.annotations import Answer


def test_annotators_cannot_browse(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    for address in ("", "/1"):
        assert annotator.get(f"/projects/{project.id}/reviews{address}").status_code == 403


def test_an_empty_project_leads_to_the_import(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db, texts=[])
    assert f'href="/projects/{project.id}/imports"' in admin.get(f"/projects/{project.id}/reviews").text


@pytest.mark.parametrize(
    ("search", "found"), [("batter", 2), ("BATTERY", 2), ("屏", 1), ("100%", 1), ("'; --", 0)]
)
def test_search_finds_parts_of_words_in_any_language(
    admin: Browser, web_db: Database, search: str, found: int
) -> None:
    texts = ["The battery is fine.", "Battery: 100%, always.", "屏幕很好", "Nothing to say."]
    project = a_project(web_db, texts=texts)
    fragment = admin.get(f"/projects/{project.id}/reviews", htmx=True, query_string={"text": search}).text
    assert fragment.count('class="clamp"') == found and "<html" not in fragment
    assert ("Nothing found" in fragment) == (not found)


def test_filters_by_state_and_label(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db, size=3)
    an_annotation(web_db, project, a_user(web_db), position=2)
    address = f"/projects/{project.id}/reviews"
    assert '"status">1 review' in admin.get(f"{address}?state=labelled").text
    assert "2 reviews" in admin.get(f"{address}?state=unlabelled").text
    assert '"status">1 review' in admin.get(f"{address}?label={project.labels[2].id}").text
    assert "Nothing found" in admin.get(f"{address}?label={project.labels[0].id}").text


def test_unknown_filters_count_as_none(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db, size=3)
    hostile = "?part=password&state=x%27&label=999&predicted=x&after=-5&_external=1&endpoint=x"
    answer = admin.get(f"/projects/{project.id}/reviews{hostile}")
    assert answer.status_code == 200 and answer.text.count('class="clamp"') == 3


def test_pages_follow_each_other_without_gap_or_overlap(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db, size=60)
    first = admin.get(f"/projects/{project.id}/reviews?state=unlabelled").text
    assert (
        first.count('class="clamp"') == 50
        and f"/projects/{project.id}/reviews?state=unlabelled&amp;after=50" in first
    )
    second = admin.get(f"/projects/{project.id}/reviews?state=unlabelled&after=50").text
    assert second.count('class="clamp"') == 10 and "First page" in second and "Next page" not in second


def test_predictions_of_another_projects_version_are_not_found(admin: Browser, web_db: Database) -> None:
    version = a_finished_round(web_db, a_project(web_db, "Phones"))
    other = a_project(web_db, "Books")
    assert admin.get(f"/projects/{other.id}/reviews?version={version.id}").status_code == 404


def test_one_review_tells_its_whole_history(admin: Browser, web_db: Database, clock: Clock) -> None:
    project = a_project(web_db, size=1)
    ada = a_user(web_db)
    given = an_annotation(web_db, project, ada, note="clear", now=clock())
    annotations.undo(web_db, given.id, ada.id, clock())
    lease = a_lease(web_db, project, ada, clock())
    annotations.record(
        web_db, lease.token, ada.id, Answer("flag", note="two products", seconds=3.25), clock()
    )
    page = admin.get(f"/projects/{project.id}/reviews/{given.review_id}").text
    for words in ("negative", "clear", "withdrawn", "withdrew the answer", "flagged", "two products", "3.2"):
        assert words in page


def test_a_review_of_another_project_is_not_found(admin: Browser, web_db: Database) -> None:
    a_project(web_db, "Phones", size=1)
    other = a_project(web_db, "Books", texts=["another text"])
    assert admin.get(f"/projects/{other.id}/reviews/1").status_code == 404


def test_a_text_is_shown_as_text(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db, texts=["<script>alert(1)</script><p hx-get=/x>"])
    for address in ("", "/1"):
        page = admin.get(f"/projects/{project.id}/reviews{address}").text
        assert "<script>alert" not in page and "<p hx-get" not in page
        assert "&lt;script&gt;alert(1)" in page
