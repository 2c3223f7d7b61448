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


@pytest.mark.parametrize("page", ["reviews", "annotate/history?note=1"])
def test_a_search_is_no_longer_than_an_address_may_be(admin: Browser, web_db: Database, page: str) -> None:
    project = a_project(web_db)
    assert 'maxlength="200"' in admin.get(f"/projects/{project.id}/{page}").text


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
    hostile += "&stars_from=nan&since=yesterday&annotator=99999999999999999999&reason=x&import=-1&import_id=1"
    answer = admin.get(f"/projects/{project.id}/reviews{hostile}")
    assert answer.status_code == 200 and answer.text.count('class="clamp"') == 3


def test_pages_follow_each_other_without_gap_or_overlap(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db, size=60)
    first = admin.get(f"/projects/{project.id}/reviews?state=unlabelled").text
    assert (
        first.count('class="clamp"') == 50
        and f"/projects/{project.id}/reviews?after=50&amp;state=unlabelled" in first
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


def test_a_review_tells_what_admins_did_with_it(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db, size=1)
    address = f"/projects/{project.id}/reviews"
    for action, typed in (("leave_out", {}), ("take_back_in", {}), ("ask_for_labels", {"labels": "2"})):
        data = {"action": action, "scope": "ticked", "review": "1", "count": "1", **typed}
        admin.post(f"{address}/bulk", data)
        if action == "leave_out":
            page = admin.get(f"{address}/1").text
            assert "left it out" in page and "Take back in" in page
    assert "asked for 2 further labels" in admin.get(f"{address}/1").text


def test_one_review_leads_to_its_neighbours_within_the_filters(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db, size=30)
    page = admin.get(f"/projects/{project.id}/reviews/11?text=number+2").text
    assert f'rel="prev" href="/projects/{project.id}/reviews/3?text=number+2"' in page
    assert f'rel="next" href="/projects/{project.id}/reviews/21?text=number+2"' in page
    assert 'rel="prev"' not in admin.get(f"/projects/{project.id}/reviews/1").text


def test_views_are_saved_listed_and_removed(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    address = f"/projects/{project.id}/reviews"
    page = admin.post(
        f"{address}/views", {"name": "Quarrels", "state": "disagreed", "hostile": "x"}, follow_redirects=True
    ).text
    assert f'href="{address}?state=disagreed" aria-current="page">Quarrels' in page
    again = admin.post(f"{address}/views", {"name": "quarrels", "state": "flagged"}, follow_redirects=True)
    assert "There is a view of this name already" in again.text
    assert (
        "Set a filter first" in admin.post(f"{address}/views", {"name": "None"}, follow_redirects=True).text
    )
    assert "Quarrels" not in admin.post(f"{address}/views/1/delete", follow_redirects=True).text


def test_annotators_save_no_views(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    address = f"/projects/{project.id}/reviews/views"
    assert annotator.post(address, {"name": "Mine", "state": "flagged"}).status_code == 403
    assert annotator.post(f"{address}/1/delete").status_code == 403
