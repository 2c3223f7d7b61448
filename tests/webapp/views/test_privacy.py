"""The privacy page: a preview before anything goes, the erasure by the worker, and what is shown afterwards."""

from builders import Clock, a_finished_round, a_parsed_review, a_project, a_user, an_annotation
from flask import Flask
from sqlite_utils import Database
from visitor import Browser

from webapp.instance import Instance
from webapp.store import audit, erasures, insertion, jobs, model_versions, users
from webapp.store.connection import utc_now
from webapp.store.projects import Project
from webapp.worker import loop

TEXT = "the moustached canary sang about its landlord all night"


def a_customer(db: Database, author: str = "ann@shop.com") -> Project:
    project = a_project(db, "Shoes", texts=[])
    job = jobs.create(db, project.id, "import", {"file": "gone"}, None, utc_now())
    rows = [a_parsed_review(1, TEXT, author_id=author)]
    insertion.insert_batch(db, project, job.id, insertion.with_hashes(rows), None, utc_now())
    insertion.open_import(db, project, job.id)
    jobs.cancel(db, job.id, None, utc_now())
    return project


def test_annotators_see_none_of_it(annotator: Browser) -> None:
    assert annotator.get("/privacy").status_code == 403
    assert annotator.post("/privacy/customer", {"customer": "x", "project": ""}).status_code == 403
    assert annotator.post("/privacy/annotator/erase", {"user": "1"}).status_code == 403


def test_a_customer_is_shown_then_erased(
    admin: Browser, web_db: Database, web_instance: Instance, clock: Clock
) -> None:
    project = a_customer(web_db)
    ada = a_user(web_db, "ada")
    an_annotation(web_db, project, ada)
    version = a_finished_round(web_db, project)
    asked = {"customer": "ann@shop.com", "project": str(project.id)}
    page = admin.post("/privacy/customer", asked).text
    assert TEXT in page and "Shoes 1" in page
    assert web_db.execute("SELECT count(*) FROM reviews").fetchone()[0] == 1
    assert admin.post("/privacy/customer/erase", asked).status_code == 303
    page = admin.get("/privacy").text
    assert "running" in page and "ann@shop.com" not in page
    assert loop.import_next(web_db, web_instance.folder, clock())
    assert web_db.execute("SELECT count(*) FROM reviews").fetchone()[0] == 0
    page = admin.get("/privacy").text
    assert "nothing left" in page and "Shoes 1" in page
    # The version is marked wherever it is shown.
    assert model_versions.get(web_db, version.id).stale_since
    assert "knows erased texts" in admin.get(f"/projects/{project.id}/rounds").text
    assert "its weights may still know them" in admin.get(f"/projects/{project.id}/rounds/1").text
    logged = [entry for entry in audit.latest(web_db) if entry.action.startswith("erasure.")]
    assert [(entry.user, entry.action, entry.subject) for entry in logged] == [
        ("root", "erasure.customer", "erasure:1")
    ]


def test_nobody_is_erased_without_a_name(admin: Browser, web_db: Database) -> None:
    a_customer(web_db)
    for where in ("/privacy/customer", "/privacy/customer/erase"):
        assert admin.post(where, {"customer": " ", "project": ""}).status_code == 422
        assert admin.post(where, {"customer": "x", "project": "99"}).status_code == 422
    for where in ("/privacy/annotator", "/privacy/annotator/erase"):
        assert admin.post(where, {"user": "99"}).status_code == 422
    assert erasures.everything(web_db) == []


def test_an_erasure_that_was_stopped_goes_on_by_a_button(
    admin: Browser, web_db: Database, web_instance: Instance, clock: Clock
) -> None:
    a_customer(web_db)
    admin.post("/privacy/customer/erase", {"customer": "ann@shop.com", "project": ""})
    (waiting,) = jobs.open_of_kind(web_db, "erase")
    jobs.cancel(web_db, waiting.id, None, clock())
    assert "stopped half way" in admin.get("/privacy").text
    admin.post("/privacy/erasures/1/again")
    admin.post("/privacy/erasures/1/again")
    assert len(jobs.open_of_kind(web_db, "erase")) == 1
    assert loop.import_next(web_db, web_instance.folder, clock())
    assert erasures.everything(web_db)[0].state == "done"


def test_an_annotator_is_shown_then_erased(
    admin: Browser, app: Flask, web_db: Database, web_instance: Instance, clock: Clock
) -> None:
    project = a_customer(web_db)
    ada = a_user(web_db, "ada")
    an_annotation(web_db, project, ada)
    page = admin.post("/privacy/annotator", {"user": str(ada.id)}).text
    assert f"erased-{ada.id}" in page
    admin.post("/privacy/annotator/erase", {"user": str(ada.id)})
    assert loop.import_next(web_db, web_instance.folder, clock())
    assert users.by_name(web_db, "ada") is None
    assert "ada" not in admin.get("/privacy").text.replace("metadata", "")
    stranger = Browser(app.test_client())
    assert stranger.post("/login", {"name": f"erased-{ada.id}", "password": "!"}).status_code == 422


def test_the_last_admin_is_told_why_not(admin: Browser, web_db: Database) -> None:
    a_customer(web_db)
    root = users.by_name(web_db, "root")
    assert root is not None
    answer = admin.post("/privacy/annotator/erase", {"user": str(root[0].id)})
    assert answer.status_code == 422 and "last active admin" in answer.text
