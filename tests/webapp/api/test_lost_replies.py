"""A reply that was lost on the way: the server has done it, the program does not know, and sends the same again."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from builders import a_project
from flask import Flask
from programs import Program
from sqlite_utils import Database
from werkzeug.serving import make_server

from webapp.instance import Instance
from webapp.store import jobs

Drop = Callable[..., None]


@pytest.fixture
def drop_reply(app: Flask) -> Iterator[Drop]:
    """drop_reply(program, address, body, key): the request arrives; whoever sent it is gone before the answer.

    missing: so many bytes of the body never come.
    """
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def send(program: Program, address: str, body: object, key: str = "", missing: int = 0) -> None:
        content = json.dumps(body).encode()
        kind = "application/json" if not missing else "application/x-ndjson"
        head = (
            f"POST /api/v1{address} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {program.secret}\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {len(content) + missing}\r\n"
            + (f"Idempotency-Key: {key}\r\n" if key else "")
            + "\r\n"
        )
        with closing(socket.create_connection(server.server_address[:2])) as connection:
            connection.sendall(head.encode() + content)

    yield send
    server.shutdown()
    thread.join()
    server.server_close()


def wait_for_row(db: Database, table: str) -> None:
    deadline = time.monotonic() + 20
    while not db[table].count:
        assert time.monotonic() < deadline, f"nothing came into {table}"
        time.sleep(0.01)


def test_an_annotation_sent_again_is_the_one_that_was_stored(
    drop_reply: Drop, enrol: Callable[..., Program], web_db: Database
) -> None:
    project, program = a_project(web_db), enrol("annotate")
    lease = program.post(f"/projects/{project.id}/leases").get_json()["lease"]
    drop_reply(program, f"/leases/{lease}/annotation", {"label": "negative", "note": "first"})
    wait_for_row(web_db, "annotations")
    again = program.post(f"/leases/{lease}/annotation", {"label": "negative", "note": "first"})
    (stored,) = web_db["annotations"].rows
    assert again.status_code == 200
    assert (again.get_json()["id"], again.get_json()["note"]) == (stored["id"], "first")


def test_a_project_sent_again_under_its_key_is_the_one_that_was_made(
    drop_reply: Drop, ruler: Program, web_db: Database
) -> None:
    drop_reply(ruler, "/projects", {"name": "Shoes"}, key="shoes")
    wait_for_row(web_db, "projects")
    again = ruler.post("/projects", {"name": "Shoes"}, key="shoes")
    (stored,) = web_db["projects"].rows
    assert (again.status_code, again.get_json()["id"]) == (201, stored["id"])
    assert ruler.post("/projects", {"name": "Shoes"}).status_code == 422  # without the key it is another one


def test_a_round_sent_again_under_its_key_is_the_one_that_was_queued(
    drop_reply: Drop, ruler: Program, web_db: Database
) -> None:
    project = a_project(web_db)
    drop_reply(ruler, f"/projects/{project.id}/rounds", {"seed": 4}, key="r")
    wait_for_row(web_db, "rounds")
    again = ruler.post(f"/projects/{project.id}/rounds", {"seed": 4}, key="r")
    assert (again.status_code, again.get_json()["number"]) == (201, 1)
    assert web_db["rounds"].count == 1


def test_a_file_that_never_came_to_its_end_leaves_nothing_behind(
    app: Flask, drop_reply: Drop, ruler: Program, web_db: Database, web_instance: Instance
) -> None:
    project, seen = a_project(web_db, texts=[]), threading.Event()
    app.teardown_request(lambda _error: seen.set())
    drop_reply(ruler, f"/projects/{project.id}/reviews", {"text": "half"}, missing=1000)
    assert seen.wait(20)
    assert list(web_instance.uploads.iterdir()) == []
    assert jobs.of_project(web_db, project.id, "import") == []
