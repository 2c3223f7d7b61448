from builders import a_finished_round, a_project, a_user, an_annotation
from conftest import Clock
from flask import Flask
from sqlite_utils import Database
from visitor import Browser

from webapp.store import jobs


def values(browser: Browser) -> dict[str, float]:
    text = browser.get("/metrics").text
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_the_figures_of_an_instance(browser: Browser, web_db: Database, clock: Clock) -> None:
    project = a_project(web_db, "A secret name", texts=["a secret text", "another one"])
    an_annotation(web_db, project, a_user(web_db))
    a_finished_round(web_db, project)
    jobs.create(web_db, project.id, "encode", {}, None, clock())
    clock.forward(minutes=3)
    browser.get("/login")
    found = values(browser)
    assert found['winnow_labels{project="1"}'] == 1
    assert found['winnow_reviews{project="1"}'] == 2
    assert found['winnow_reviews_wanted{project="1"}'] == 1
    assert found['winnow_serving_version{project="1"}'] == 1
    assert found['winnow_rounds{project="1",state="done"}'] == 1
    assert found['winnow_round_seconds{project="1"}'] == 0
    assert found['winnow_open_jobs{kind="encode"}'] == 1
    assert found["winnow_oldest_job_seconds"] == 180
    assert (found["winnow_worker_heartbeat_seconds"], found["winnow_backup_age_seconds"]) == (-1, -1)
    assert found["winnow_database_bytes"] > 0 and found["winnow_disk_free_bytes"] > 0
    assert found['winnow_requests_total{method="GET",route="/login",status="200"}'] == 1
    assert "secret" not in browser.get("/metrics").text and "ada" not in browser.get("/metrics").text


def test_addresses_and_methods_of_visitors_make_no_series(browser: Browser) -> None:
    for number in range(3):
        browser.get(f"/nowhere/{number}")
        browser.client.open("/login", method=f"MADEUP{number}")
    routes = {name for name in values(browser) if name.startswith("winnow_requests_total")}
    assert (
        routes
        == {
            'winnow_requests_total{method="GET",route="none",status="404"}',
            'winnow_requests_total{method="other",route="/login",status="405"}',
        }
        or len(routes) == 2
    )


def test_only_this_machine_may_read_them_unless_there_is_a_token(browser: Browser, app: Flask) -> None:
    def status(address: str = "127.0.0.1", **headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        environment = {"REMOTE_ADDR": address}
        return browser.client.get("/metrics", headers=sent, environ_overrides=environment).status_code

    assert status() == 200
    assert status("10.0.0.5") == 403
    # A proxy on this machine makes everybody look like this machine.
    assert {
        status(**{name: "127.0.0.1"}) for name in ("X_Forwarded_For", "X_Real_IP", "Forwarded", "Via")
    } == {403}
    app.config["METRICS_TOKEN"] = "of the monitoring"
    assert status() == 403
    assert status(Authorization="Bearer of the monitorinG") == 403
    assert status("10.0.0.5", Authorization="Bearer of the monitoring") == 200
