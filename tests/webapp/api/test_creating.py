"""What admins' programs create: projects, imports, rounds. A request that was sent twice creates once."""

import gzip
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import tiny_encoder
from builders import Clock, a_finished_round, a_project
from flask import Flask
from programs import Program
from sqlite_utils import Database
from werkzeug.test import TestResponse

from learner import encoders
from learner.advice import Advice
from webapp import import_drafts
from webapp.instance import Instance
from webapp.store import idempotency, jobs, projects, rounds, work

CSV = "id,body,stars\nr1,A good phone,5\nr2,A bad phone,1\nr3,,3\nr4,A good phone,4\nr5,too,many,fields\n"
PERSONAL = "call 212-456-0100 or write to ann@shop.com"
NEW = {"name": "Shoes", "labels": ["bad", "good"], "language": "zh"}


def send_file(
    program: Program, project_id: int, text: str | bytes = CSV, query: str = "text=body", **more: Any
) -> TestResponse:
    options = {"data": text, "content_type": "text/csv", **more}
    return program.post(f"/projects/{project_id}/reviews?{query}", **options)


def test_a_project_is_created_and_shown(ruler: Program) -> None:
    made = ruler.post("/projects", NEW)
    assert made.status_code == 201
    assert made.get_json() == ruler.get(f"/projects/{made.get_json()['id']}").get_json()
    assert made.get_json()["labels"] == ["bad", "good"]
    assert ruler.post("/projects", NEW).status_code == 422  # the name is taken


UNFIT = [
        {}, {"name": ""}, {"name": 1}, {"name": "x" * 101}, {"name": "a\0b"}, {"name": "\ud800"},
        {"name": "x", "labels": ["one"]}, {"name": "x", "labels": ["a", "A"]}, {"name": "x", "labels": "a,b"},
        {"name": "x", "labels": [1, 2]}, {"name": "x", "language": "fr"}, {"name": "x", "settings": {}},
        {"name": "x", "id": 7},
    ]  # fmt: skip


def test_a_project_starts_with_the_encoder_that_reads_its_language_best(
    ruler: Program, web_db: Database, web_instance: Instance, tmp_path: Path
) -> None:
    encoders.add(web_instance.encoders, str(tiny_encoder.build(tmp_path / "bge-small")))
    for language in ("en", "zh"):
        assert ruler.post("/projects", {**NEW, "name": language, "language": language}).status_code == 201
    chosen = {each.name: each.settings.learner for each in projects.everything(web_db)}
    assert chosen == {"en": {"encoder": "bge-small"}, "zh": {}}


def test_a_project_that_does_not_fit_is_422(ruler: Program, web_db: Database) -> None:
    assert {str(sent): ruler.post("/projects", sent).status_code for sent in UNFIT} == {
        str(sent): 422 for sent in UNFIT
    }
    assert projects.everything(web_db) == []


def test_a_key_that_comes_again_is_answered_as_the_first_time(
    ruler: Program, web_db: Database, clock: Clock
) -> None:
    first, again = (ruler.post("/projects", NEW, key="k1") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.data == again.data
    assert "Idempotent-Replayed" not in first.headers and again.headers["Idempotent-Replayed"] == "true"
    assert len(projects.everything(web_db)) == 1
    other = ruler.post("/projects", {**NEW, "name": "Hats"}, key="k1")
    assert other.status_code == 422 and "another request" in other.get_json()["detail"]
    clock.forward(hours=idempotency.KEPT.total_seconds() / 3600 + 1)
    assert ruler.post("/projects", {**NEW, "name": "Hats"}, key="k1").status_code == 201


def test_a_key_belongs_to_its_token(ruler: Program, enrol: Callable[..., Program]) -> None:
    other = enrol("admin", name="eve", role="admin")
    codes = [
        ruler.post("/projects", NEW, key="k").status_code,
        other.post("/projects", NEW, key="k").status_code,
    ]
    assert codes == [201, 422]  # not the first one's answer, but that the name is taken


def test_a_key_that_is_none_is_400(ruler: Program) -> None:
    for key in ("", "x" * 256, "a\tb", "\xff"):
        assert ruler.post("/projects", NEW, headers={"Idempotency-Key": key}).status_code == 400, key


def test_a_key_sent_many_times_at_once_creates_once(app: Flask, ruler: Program, web_db: Database) -> None:
    def send(_: int) -> bytes:
        answer = Program(app.test_client(), ruler.user, ruler.token, ruler.secret).post(
            "/projects", NEW, key="k"
        )
        assert answer.status_code == 201
        return answer.data

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(send, range(16)))) == 1
    assert len(projects.everything(web_db)) == 1


def test_nothing_is_kept_under_a_key_when_nothing_was_created(ruler: Program, web_db: Database) -> None:
    a_project(web_db, "Shoes", texts=[])
    assert ruler.post("/projects", NEW, key="k").status_code == 422
    assert web_db["idempotency_keys"].count == 0


def test_a_file_is_imported_with_what_became_of_each_row(ruler: Program, web_db: Database) -> None:
    project = a_project(web_db, texts=[])
    answer = send_file(ruler, project.id)
    assert answer.status_code == 200, answer.data
    found = answer.get_json()
    assert (found["rows"], found["imported"], found["duplicates"]) == (5, 2, 1)
    assert [(row["row"], row["reason"]) for row in found["rejected"]] == [(4, "empty"), (6, "ragged")]
    stored = web_db.execute("SELECT external_id, rating FROM reviews ORDER BY id").fetchall()
    assert [tuple(row) for row in stored] == [("r1", 5.0), ("r2", 1.0)]


def test_json_lines_and_gzip_are_read_too(ruler: Program, web_db: Database) -> None:
    project = a_project(web_db, texts=[])
    lines = "".join(json.dumps({"text": f"review {n}", "label": "positive"}) + "\n" for n in range(3))
    sent = {"text": gzip.compress(lines.encode()), "content_type": "application/x-ndjson"}
    found = send_file(ruler, project.id, query="label=label", **sent).get_json()
    assert (found["imported"], found["labelled"]) == (3, 3)


def test_a_body_without_a_type_is_read_as_a_file_is(ruler: Program, web_db: Database) -> None:
    project = a_project(web_db, texts=[])
    assert send_file(ruler, project.id, content_type=None).get_json()["imported"] == 2


def test_a_label_column_that_nobody_named_is_no_human_label(ruler: Program, web_db: Database) -> None:
    project = a_project(web_db, texts=[])
    assert send_file(ruler, project.id, "text,label\ngood,positive\n", query="").get_json()["labelled"] == 0


UNREADABLE = [
        ("", "", "text/csv", 422),
        ("text\n", "", "text/csv", 422),
        (CSV, "text=nowhere", "text/csv", 422),
        (CSV, "colour=red", "text/csv", 422),
        (CSV, "encoding=nonsense", "text/csv", 422),
        (CSV, "format=xlsx", "text/csv", 422),
        ("PK\x03\x04", "", "text/csv", 422),
        ("[1, 2]", "", "application/json", 415),
        (CSV, "", "multipart/form-data; boundary=x", 415),
]  # fmt: skip


def test_a_file_that_cannot_be_read_leaves_nothing_behind(
    ruler: Program, web_db: Database, web_instance: Instance
) -> None:
    project = a_project(web_db, texts=[])
    for text, query, kind, status in UNREADABLE:
        answer = send_file(ruler, project.id, text, query, content_type=kind)
        assert answer.status_code == status, (text, query, answer.data)
        assert list(web_instance.uploads.iterdir()) == []
    assert jobs.of_project(web_db, project.id, "import") == []


def test_a_body_over_the_limit_is_413_and_leaves_nothing_behind(
    app: Flask, ruler: Program, web_db: Database, web_instance: Instance
) -> None:
    project = a_project(web_db, texts=[])
    app.config["MAX_UPLOAD_LENGTH"] = 1000
    assert send_file(ruler, project.id, "text\n" + "a review\n" * 1000).status_code == 413
    assert list(web_instance.uploads.iterdir()) == []
    assert ruler.post("/projects", {"name": "x" * 2_000_000}).status_code == 413


def test_an_import_whose_reply_was_lost_is_asked_for_again(ruler: Program, web_db: Database) -> None:
    project = a_project(web_db, texts=[])
    first, again = (send_file(ruler, project.id, key="nightly") for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert first.data == again.data
    assert len(jobs.of_project(web_db, project.id, "import")) == 1
    assert send_file(ruler, project.id, CSV + "r9,more,2\n", key="nightly").status_code == 422


def test_an_import_that_a_killed_server_left_is_brought_to_its_end(
    app: Flask, ruler: Program, web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db, texts=[])
    app.config["API_IMPORT_WAIT_SECONDS"] = 0.3
    # The job was stored with its key, then the process died before the first row.
    first = send_file(ruler, project.id, key="k")
    job = first.get_json()["job"]
    web_db.execute("DELETE FROM reviews WHERE project_id = ?", [project.id])
    import_drafts.path_of(app.config["INSTANCE"], jobs.get(web_db, job)).write_text(CSV, "utf-8")
    web_db.execute(
        "UPDATE jobs SET state = 'running', result = NULL, heartbeat_at = ? WHERE id = ?", ["2026", job]
    )
    waiting = send_file(ruler, project.id, key="k")
    assert waiting.status_code == 503 and waiting.headers["Retry-After"]
    web_db.execute("UPDATE jobs SET state = 'queued' WHERE id = ?", [job])
    assert send_file(ruler, project.id, key="k").get_json()["imported"] == 2


@pytest.fixture
def with_encoder(web_instance: Instance, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tiny_encoder.build(tmp_path_factory.mktemp("source") / "tiny")
    encoders.add(web_instance.encoders, str(folder))


@pytest.mark.usefixtures("with_encoder")
def test_a_round_is_started_shown_and_cancelled(ruler: Program, web_db: Database) -> None:
    project = a_project(web_db)
    address = f"/projects/{project.id}/rounds"
    made = ruler.post(address, {"encoder": "tiny", "query_size": 7, "head": {"c": 0.5}}, key="r")
    assert made.status_code == 201, made.data
    assert (made.get_json()["number"], made.get_json()["cause"]) == (1, "api")
    assert made.get_json()["settings"]["query_size"] == 7
    assert (
        ruler.post(address, {"encoder": "tiny", "query_size": 7, "head": {"c": 0.5}}, key="r").data
        == made.data
    )
    assert ruler.post(address).status_code == 409  # one is open
    assert [each["number"] for each in ruler.get(address).get_json()["rounds"]] == [1]
    assert ruler.delete(f"{address}/1").get_json()["state"] == "cancelled"
    assert ruler.get(f"{address}/1").get_json()["state"] == "cancelled"
    assert ruler.get(f"{address}/2").status_code == 404


UNFIT_SETTINGS = [{"classifier": "oracle"}, {"query_size": 0}, {"encoder": "/etc"}, {"encoder": "../x"}, {"head": 1},
     {"head": {"depth": 3}}, {"snapshot": 0}, {"labels": [1]}]  # fmt: skip


@pytest.mark.usefixtures("with_encoder")
def test_settings_that_do_not_fit_are_422(ruler: Program, web_db: Database) -> None:
    project = a_project(web_db)
    for sent in UNFIT_SETTINGS:
        assert ruler.post(f"/projects/{project.id}/rounds", sent).status_code == 422, sent
    assert rounds.of_project(web_db, project.id) == []


def test_a_running_round_is_asked_to_stop(ruler: Program, web_db: Database, clock: Clock) -> None:
    project = a_project(web_db)
    rounds.start(web_db, project.id, {"classifier": "head"}, "button", None, clock())
    work.claim_next(web_db, "rounds", clock())
    found = ruler.delete(f"/projects/{project.id}/rounds/1").get_json()
    assert (found["state"], found["cancel_requested"]) == ("running", True)


def test_metrics_and_curve_are_those_of_the_serving_version(ruler: Program, web_db: Database) -> None:
    project = a_project(web_db)
    empty = ruler.get(f"/projects/{project.id}/metrics").get_json()
    assert (empty["model_version"], empty["metrics"], empty["learning_curve"]) == (None, [], [])
    assert empty["advice"] is None
    a_finished_round(web_db, project, accuracy=0.8, audited=60)
    stopping = asdict(Advice("stop", "You can stop.", gain=0.001))
    a_finished_round(web_db, project, accuracy=0.7, serves=False, report={"stopping": stopping})
    found = ruler.get(f"/projects/{project.id}/metrics").get_json()
    assert found["model_version"] == 1
    assert (found["advice"]["code"], found["advice"]["gain"]) == ("stop", 0.001)
    assert {metric["part"] for metric in found["metrics"]} == {"holdout", "audit"}
    assert {"part", "slice", "name", "value", "low", "high", "n"} == found["metrics"][0].keys()
    assert [point["serves"] for point in found["learning_curve"]] == [True, False]


@pytest.mark.parametrize(
    ("query", "text", "original"),
    [
        ("", PERSONAL, None),
        ("&mask=email", "call 212-456-0100 or write to [e-mail]", None),
        ("&mask=all&keep_original=true", "call [phone] or write to [e-mail]", PERSONAL),
    ],
)
def test_an_import_masks_what_it_is_told_to(
    ruler: Program, web_db: Database, query: str, text: str, original: str | None
) -> None:
    project = a_project(web_db, texts=[])
    body = f"id,body\nr1,{PERSONAL}\n"
    assert send_file(ruler, project.id, body, f"text=body{query}").status_code == 200
    assert [tuple(row) for row in web_db.execute("SELECT text, original FROM reviews")] == [(text, original)]
    assert send_file(ruler, project.id, body, "text=body&mask=shoes").status_code == 422
