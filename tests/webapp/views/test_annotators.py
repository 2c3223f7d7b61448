"""Annotators: a table of people, a page for each, and how suggestions sway."""

from builders import Clock, a_lease, a_project, a_user, an_annotation
from sqlite_utils import Database
from visitor import Browser

from webapp.store import annotations
from webapp.store.annotations import Answer


def test_an_empty_project_leads_to_people_and_labelling(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    page = admin.get(f"/projects/{project.id}/annotators").text
    assert "Nobody has answered yet" in page and 'href="/people"' in page


def test_quality_and_team_lead_here(admin: Browser, web_db: Database) -> None:
    home = f"/projects/{a_project(web_db).id}"
    for page in ("quality", "team"):
        assert f'href="{home}/annotators"' in admin.get(f"{home}/{page}").text


def test_everybody_who_answered_is_listed_without_places(
    admin: Browser, web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db, size=6)
    ben, ada = a_user(web_db, "ben"), a_user(web_db, "ada")
    for person in (ben, ben, ada):
        an_annotation(web_db, project, person, now=clock())
    page = admin.get(f"/projects/{project.id}/annotators").text
    assert page.index(">ada<") < page.index(">ben<")  # by name, whoever did more
    assert f'href="/projects/{project.id}/annotators/{ada.id}"' in page
    assert "Suggestions" in page or "No label was given with a suggestion" in page


def test_a_person_has_a_page_that_leads_to_their_answers(
    admin: Browser, web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db, size=3, overlap_share=1.0)
    ada, ben = a_user(web_db, "ada"), a_user(web_db, "ben")
    for person, position in ((ada, 0), (ben, 2)):
        lease = a_lease(web_db, project, person, clock())
        answer = Answer("label", project.labels[position].id, "", 2.5)
        annotations.record(web_db, lease.token, person.id, answer, clock())
    page = admin.get(f"/projects/{project.id}/annotators/{ada.id}").text
    for words in ("2.5", "0 of 1", "Nothing stands out", f"reviews?annotator={ada.id}"):
        assert words in page
    assert f"/projects/{project.id}/annotators/{ada.id}" in admin.get(f"/people/{ada.id}").text


def test_somebody_who_did_nothing_here_has_a_page_that_says_so(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    ada = a_user(web_db)
    assert "No answers in this project" in admin.get(f"/projects/{project.id}/annotators/{ada.id}").text
    assert admin.get(f"/projects/{project.id}/annotators/999").status_code == 404


def test_sway_says_plainly_what_is_known(admin: Browser, web_db: Database, clock: Clock) -> None:
    project = a_project(web_db, size=60, assistance="assisted")
    ada = a_user(web_db)
    address = f"/projects/{project.id}/annotators"
    an_annotation(web_db, project, ada, now=clock())
    assert "once a model version serves" in admin.get(address).text

    def shown(count: int, how: str, follows: bool) -> None:
        for _ in range(count):
            given = an_annotation(web_db, project, ada, now=clock())
            suggestion = project.labels[0 if follows else 1].id
            change = "UPDATE annotations SET shown = ?, suggestion_id = ? WHERE id = ?"
            with web_db.conn:
                web_db.execute(change, [how, suggestion, given.id])

    shown(1, "suggestion", follows=True)
    assert "No blind label to compare with yet" in admin.get(address).text
    shown(5, "blind", follows=False)
    shown(1, "suggestion", follows=True)
    assert "too little to tell anything" in admin.get(address).text
    shown(15, "blind", follows=False)
    shown(20, "suggestion", follows=True)
    page = admin.get(address).text
    assert "followed more often than chance explains" in page and "22 of 22" in page and "0 of 20" in page
