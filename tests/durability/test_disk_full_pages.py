"""What people see of a full disk: what was not saved is said, pages can be read, and it goes on (D10, D11)."""

import io
import secrets
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, Clock, a_lease, a_project, a_user, an_annotation, the_user
from full_disk import room_for, small_disk
from invariants import violations
from sqlite_utils import Database
from visitor import Browser

from webapp import create_app
from webapp.instance import Instance
from webapp.store import queue, sessions
from webapp.store.connection import open_database


def _status(browser: Browser, lease: str, label: int, script: bool = True) -> Any:
    return browser.post(f"/leases/{lease}/answer", {"label": str(label)}, script=script)


@pytest.mark.parametrize("script", [True, False])
def test_an_answer_on_a_full_disk_is_said_not_to_be_saved_and_pages_can_be_read(
    web_instance: Instance, web_db: Database, annotator: Browser, clock: Clock, script: bool
) -> None:
    project = a_project(web_db, size=200)
    lease = a_lease(web_db, project, the_user(annotator))
    annotator.token()
    clock.forward(minutes=6)  # the session is due to be renewed, which cannot be written now
    token = annotator.token()
    with room_for(web_instance.database, 0):
        clock.forward(minutes=6)
        form = {"label": str(project.labels[0].id), "csrf_token": token}
        refused = annotator.post(f"/leases/{lease.token}/answer", form, script=script)
        pages = [annotator.get(page).status_code for page in ("/projects/1/annotate", "/account")]
    assert (refused.status_code, pages) == (507, [200, 200])
    assert "Not saved" in refused.text
    assert web_db["annotations"].count == 0
    clock.forward(minutes=-12)
    assert _status(annotator, lease.token, project.labels[0].id).status_code == 200
    assert web_db["annotations"].count == 1


def test_labelling_fills_a_small_disk_keeps_what_was_acknowledged_and_goes_on(
    web_instance: Instance, tmp_path: Path, clock: Clock
) -> None:
    with small_disk(tmp_path / "small", 1.6) as folder:
        for name in ("winnow.sqlite", "secret_key"):
            (folder / name).write_bytes((web_instance.folder / name).read_bytes())
            (folder / name).chmod(0o600)
        app = create_app(folder, {"TESTING": True, "COOKIE_SECURE": False, "CLOCK": clock})
        db = open_database(folder / "winnow.sqlite")
        user, project = a_user(db), a_project(db, size=200)
        client = app.test_client()
        client.set_cookie("winnow", sessions.start(db, user.id, clock()))
        browser, label = Browser(client, user), project.labels[0].id
        leases = queue.claim_ahead(db, project.id, user.id, 3, NOON)
        assert isinstance(leases, list)
        held = [lease.token for lease in leases]
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        ballast = folder / "ballast"
        _fill(ballast)
        assert _status(browser, held[0], label).status_code == 507
        assert browser.get("/projects/1/annotate").status_code == 200
        assert db["annotations"].count == 0 and violations(db) == []
        ballast.unlink()
        assert [_status(browser, token, label).status_code for token in held] == [200, 200, 200]
        assert db["annotations"].count == 3 and violations(db) == []
        db.close()


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 1024)
        except OSError:
            return


def test_a_file_that_does_not_fit_is_removed_and_said(
    web_instance: Instance, web_db: Database, admin: Browser
) -> None:
    project = a_project(web_db, texts=[secrets.token_hex(500) for _ in range(200)])
    for _ in range(150):
        an_annotation(web_db, project, the_user(admin))
    token = admin.token()
    for name, send, status in (
        ("uploads", lambda: admin.post("/projects/1/imports", _upload(token)), 422),
        ("exports", lambda: admin.get("/projects/1/exports/labels.parquet"), 507),
    ):
        with small_disk(web_instance.folder / name, 0.02) as folder:
            answered = send()
            assert answered.status_code == status, name
            assert "No space left" in answered.text or "disk is full" in answered.text
            assert list(folder.iterdir()) == []
    assert admin.get("/projects/1/exports/labels.parquet").status_code == 200


def _upload(token: str) -> dict[str, Any]:
    return {"csrf_token": token, "file": (io.BytesIO(b"text\n" + b"a review\n" * 9_000), "reviews.csv")}
