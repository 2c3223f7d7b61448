"""The team's page: parts are given and taken away, what people hold is released."""

from builders import NOON, a_lease, a_project
from sqlite_utils import Database
from visitor import Browser

from webapp.store import assignments, queue


def test_annotators_cannot_see_the_team(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    assert annotator.get(f"/projects/{project.id}/team").status_code == 403
    assert annotator.post(f"/projects/{project.id}/team/assignments").status_code == 403


def test_a_part_is_given_shown_and_taken_away(admin: Browser, annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    assert annotator.user is not None
    address = f"/projects/{project.id}/team"
    assert "everything" in admin.get(address).text
    typed = {"user": str(annotator.user.id), "language": "zh", "category": ""}
    page = admin.post(f"{address}/assignments", typed, follow_redirects=True).text
    assert "Take away: Chinese" in page
    ((given,),) = assignments.of_project(web_db, project.id).values()
    assert "Nobody labels" not in page, "the admin labels everything"
    admin.post(f"{address}/assignments", {**typed, "user": str(admin.user.id)})  # type: ignore[union-attr]
    assert "Nobody labels: English" in admin.get(address).text
    admin.post(f"{address}/assignments/{given.id}/remove")
    assert annotator.user.id not in assignments.of_project(web_db, project.id)


def test_a_part_of_nothing_is_refused_with_words(admin: Browser, web_db: Database) -> None:
    address = f"/projects/{a_project(web_db).id}/team/assignments"
    answer = admin.post(address, {"user": "1", "language": "", "category": ""})
    assert answer.status_code == 422 and 'id="language-error"' in answer.text
    assert admin.post(address, {"user": "root", "language": "zh"}).status_code == 422
    assert admin.post(address, {"user": "999", "language": "zh"}).status_code == 404


def test_what_somebody_holds_is_released(admin: Browser, annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    assert annotator.user is not None
    a_lease(web_db, project, annotator.user)
    address = f"/projects/{project.id}/team"
    assert "Release 1" in admin.get(address).text
    page = admin.post(f"{address}/{annotator.user.id}/release", follow_redirects=True)
    assert "1 review is back in the queue." in page.text and "Release 1" not in page.text
    assert queue.held(web_db, project.id, annotator.user.id, NOON) == []
