"""The start page leads each person to their work."""

from builders import a_project
from sqlite_utils import Database
from visitor import Browser


def test_an_annotator_goes_on_with_the_only_project(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    assert annotator.get("/").headers["Location"] == f"/projects/{project.id}/annotate"


def test_an_annotator_chooses_among_projects(annotator: Browser, web_db: Database) -> None:
    for name in ("Phones", "Books"):
        a_project(web_db, name)
    page = annotator.get("/").text
    assert "Phones" in page
    assert "Books" in page


def test_without_a_project_an_annotator_learns_what_is_missing(annotator: Browser) -> None:
    assert "No project yet" in annotator.get("/").text


def test_an_admin_starts_with_the_projects(admin: Browser) -> None:
    assert admin.get("/").headers["Location"] == "/projects"
