"""Bulk actions: chosen in the list, confirmed on a page of their own, then done."""

import re

import pytest
from builders import a_project, a_user, an_annotation
from sqlite_utils import Database
from visitor import Browser

from webapp.store import browse
from webapp.store.filters import Filters
from webapp.store.projects import Project

HIDDEN = re.compile(r'<input type="hidden"(?: id="count")? name="([^"]+)" value="([^"]*)">')


@pytest.fixture
def project(web_db: Database) -> Project:
    return a_project(web_db, size=60)


def go_on(admin: Browser, project: Project, query: str, **typed: str) -> str:
    """Open the confirmation and send its form, as a browser without JavaScript does."""
    address = f"/projects/{project.id}/reviews/bulk"
    page = admin.get(f"{address}?{query}").text
    form: dict[str, object] = {}
    for name, value in HIDDEN.findall(page):
        if name != "csrf_token":
            form.setdefault(name, []).append(value)  # type: ignore[attr-defined]
    return admin.post(address, {**form, **typed}, follow_redirects=True).text


def left_out(db: Database, project: Project) -> list[int]:
    return browse.ids(db, project.id, Filters(state="left-out"))


def test_annotators_cannot(annotator: Browser, project: Project) -> None:
    address = f"/projects/{project.id}/reviews/bulk"
    assert annotator.get(address).status_code == annotator.get(f"{address}/labels.csv").status_code == 403
    assert annotator.post(address, {"action": "leave_out", "scope": "all"}).status_code == 403


def test_the_list_offers_ticks_and_all_that_match(admin: Browser, project: Project) -> None:
    page = admin.get(f"/projects/{project.id}/reviews?text=number 1").text
    assert page.count('name="review"') == 11 and "All 11 that match" in page
    assert f'action="/projects/{project.id}/reviews/bulk"' in page


def test_nothing_chosen_says_what_to_do(admin: Browser, project: Project) -> None:
    page = admin.get(f"/projects/{project.id}/reviews/bulk?action=leave_out&scope=ticked").text
    assert "No review is chosen" in page and "<form method" not in page.split("<main")[1]


def test_ticked_reviews_are_left_out_and_taken_back_in(
    admin: Browser, web_db: Database, project: Project
) -> None:
    ids = browse.ids(web_db, project.id, Filters())
    ticked = f"review={ids[3]}&review={ids[5]}&scope=ticked"
    looked = admin.get(f"/projects/{project.id}/reviews/bulk?action=leave_out&{ticked}").text
    assert "Go on with 2 reviews" in looked and left_out(web_db, project) == []
    assert "2 reviews are changed" in go_on(admin, project, f"action=leave_out&{ticked}")
    assert left_out(web_db, project) == [ids[3], ids[5]]
    go_on(admin, project, f"action=take_back_in&{ticked}")
    assert left_out(web_db, project) == []


def test_all_that_match_go_beyond_the_page_and_its_ticks(
    admin: Browser, web_db: Database, project: Project
) -> None:
    query = "action=leave_out&scope=all&state=unlabelled&review=1"
    looked = admin.get(f"/projects/{project.id}/reviews/bulk?{query}").text
    assert "Go on with 60 reviews" in looked and "not labelled" in looked
    assert "60 reviews are changed" in go_on(admin, project, query)
    assert len(left_out(web_db, project)) == 60


def test_further_labels_are_asked_for_within_their_range(
    admin: Browser, web_db: Database, project: Project
) -> None:
    query = "action=ask_for_labels&scope=ticked&review=1"
    assert "from 1 to 10" in go_on(admin, project, query, labels="11")
    assert "1 review is changed" in go_on(admin, project, query, labels="2")
    assert web_db.execute("SELECT review_id, labels FROM second_looks").fetchone()[:2] == (1, 2)


def test_a_form_sent_twice_asks_once(admin: Browser, web_db: Database, project: Project) -> None:
    address = f"/projects/{project.id}/reviews/bulk"
    page = admin.get(f"{address}?action=ask_for_labels&scope=ticked&review=1").text
    form = {name: value for name, value in HIDDEN.findall(page) if name != "csrf_token"}
    said = [admin.post(address, {**form, "labels": "1"}, follow_redirects=True).text for _ in range(2)]
    assert "1 review is changed." in said[0] and "0 reviews are changed." in said[1]
    assert web_db.execute("SELECT wanted FROM reviews WHERE id = 1").fetchone()[0] == 2


def test_a_category_is_set(admin: Browser, web_db: Database, project: Project) -> None:
    go_on(admin, project, "action=set_category&scope=ticked&review=2", category="cases")
    assert browse.ids(web_db, project.id, Filters(category="cases")) == [2]


def test_labels_of_what_matches_are_downloaded(admin: Browser, web_db: Database, project: Project) -> None:
    ada = a_user(web_db)
    first, second = (an_annotation(web_db, project, ada, position) for position in (0, 2))
    address = f"/projects/{project.id}/reviews/bulk?action=export"
    label = project.labels[2].id
    found = admin.get(f"{address}&scope=all&label={label}", follow_redirects=True)
    assert found.mimetype == "text/csv" and "attachment" in found.headers["Content-Disposition"]
    assert found.text.count('"positive"') == 1 and '"negative"' not in found.text
    ticked = admin.get(f"{address}&scope=ticked&review={first.review_id}", follow_redirects=True).text
    assert '"negative"' in ticked and '"positive"' not in ticked
    assert first.review_id != second.review_id


def test_another_projects_reviews_are_out_of_reach(
    admin: Browser, web_db: Database, project: Project
) -> None:
    other = a_project(web_db, "Books", texts=["a book"])
    foreign = browse.ids(web_db, other.id, Filters())[0]
    page = admin.get(
        f"/projects/{project.id}/reviews/bulk?action=leave_out&scope=ticked&review={foreign}"
    ).text
    assert "No review is chosen" in page


def test_others_than_were_counted_are_asked_about_again(
    admin: Browser, web_db: Database, project: Project
) -> None:
    address = f"/projects/{project.id}/reviews/bulk"
    sent = {"action": "leave_out", "scope": "all", "text": "number"}
    answer = admin.post(address, {**sent, "count": "59"})
    assert answer.status_code == 422 and "have changed meanwhile" in answer.text
    assert left_out(web_db, project) == []
    admin.post(address, {**sent, "count": "60"})
    assert len(left_out(web_db, project)) == 60


@pytest.mark.parametrize("action", ["", "export", "delete"])
def test_what_is_no_change_changes_nothing(
    admin: Browser, web_db: Database, project: Project, action: str
) -> None:
    web_db.execute("UPDATE reviews SET category = 'phones'")
    sent = {"action": action, "scope": "all", "count": "60"}
    assert admin.post(f"/projects/{project.id}/reviews/bulk", sent).status_code == 422
    assert len(browse.ids(web_db, project.id, Filters(category="phones"))) == 60
