"""The import wizard: upload, preview, check, start, report."""

import gzip
import io
from pathlib import Path

import pytest
from builders import a_project
from conftest import Clock
from flask import Flask
from sqlite_utils import Database
from visitor import Browser

from webapp import import_drafts
from webapp.instance import Instance
from webapp.store import jobs, labelled, projects, reviews
from webapp.store.projects import Project
from webapp.worker import loop

CSV = """id,review,stars,sentiment
a,"It works, and well.",5,positive
b,Broke on day two.,1,negative
c,Broke on day two.,1,negative
d,,3,neutral
e,one,two,3,4
"""
READING = {"encoding": "", "format": "", "delimiter": "", "text": "review", "id": "id", "rating": "stars"}


@pytest.fixture
def project(web_db: Database) -> Project:
    return a_project(web_db, texts=[])


def uploaded(admin: Browser, project: Project, content: bytes, name: str = "reviews.csv") -> str:
    """The address of the draft for a file."""
    answer = admin.post(f"/projects/{project.id}/imports", {"file": (io.BytesIO(content), name)})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def checked(admin: Browser, project: Project, content: bytes = CSV.encode(), **reading: str) -> str:
    address = uploaded(admin, project, content)
    answer = admin.post(f"{address}/check", {**READING, **reading})
    assert answer.headers["Location"] == address, answer.text
    return address


def work_through(web_db: Database, instance: Instance, clock: Clock) -> None:
    """Let a worker do the imports that wait, and none of the encoding that follows."""
    while any(jobs.open_job(web_db, project.id, "import") for project in projects.everything(web_db)):
        assert loop.run_next(web_db, instance.folder, clock())


@pytest.mark.parametrize("address", ["", "/1"])
def test_annotators_cannot_import(annotator: Browser, project: Project, address: str) -> None:
    assert annotator.get(f"/projects/{project.id}/imports{address}").status_code == 403


def test_an_annotators_upload_is_refused_and_not_kept(
    annotator: Browser, project: Project, web_instance: Instance
) -> None:
    answer = annotator.post(f"/projects/{project.id}/imports", {"file": (io.BytesIO(CSV.encode()), "x.csv")})
    assert answer.status_code == 403
    assert not web_instance.uploads.exists()


def test_the_preview_shows_rows_and_guesses_the_columns(admin: Browser, project: Project) -> None:
    page = admin.get(uploaded(admin, project, CSV.encode())).text
    assert "It works, and well." in page and "automatic (utf-8)" in page and "automatic (csv)" in page
    for role, column in (("text", "review"), ("id", "id"), ("rating", "stars"), ("label", "sentiment")):
        select = page.partition(f'id="{role}"')[2].partition("</select>")[0]
        assert f'<option value="{column}" selected>' in select


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_encodings_are_recognised(admin: Browser, project: Project, encoding: str) -> None:
    content = "评论,星级\n质量很好，我很喜欢这个产品。,5\n用了两天就坏了，太差了。,1\n".encode(encoding)
    assert "质量很好，我很喜欢这个产品。" in admin.get(uploaded(admin, project, content)).text


def test_another_encoding_draws_the_preview_again(admin: Browser, project: Project) -> None:
    address = uploaded(admin, project, "text\ncafé crème\n".encode("latin-1"))
    changed = {**READING, "text": "text", "id": "", "rating": "", "encoding": "cp1251"}
    fragment = admin.post(f"{address}/reading", changed, htmx=True)
    assert fragment.status_code == 200 and "cafй crиme" in fragment.text and "<html" not in fragment.text
    assert "cafй crиme" in admin.get(address).text  # a reload keeps it
    page = admin.post(f"{address}/reading", {**changed, "encoding": "latin-1"})
    assert "café crème" in page.text and "<html" in page.text


def test_an_encoding_that_does_not_fit_can_be_changed_back(admin: Browser, project: Project) -> None:
    address = uploaded(admin, project, CSV.encode())
    page = admin.post(f"{address}/reading", {**READING, "encoding": "utf-16"}).text
    assert "choose another encoding" in page.lower() and 'id="encoding"' in page
    assert "It works, and well." in admin.post(f"{address}/reading", {**READING, "encoding": ""}).text


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "The file is empty"), (b"  \n ", "The file is empty"), (b"PK\x03\x04rest", "Excel workbook")],
)
def test_a_file_that_cannot_be_read_is_said(
    admin: Browser, project: Project, content: bytes, message: str
) -> None:
    answer = admin.post(
        f"/projects/{project.id}/imports", {"file": (io.BytesIO(content), "x.csv")}, follow_redirects=True
    )
    assert message in answer.text


def test_an_upload_without_a_file_is_said(admin: Browser, project: Project) -> None:
    answer = admin.post(f"/projects/{project.id}/imports", {})
    assert answer.status_code == 422 and "Choose a file first." in answer.text


def test_a_file_over_the_limit_is_refused(admin: Browser, project: Project, app: Flask) -> None:
    app.config["MAX_UPLOAD_LENGTH"] = 1_000
    answer = admin.post(f"/projects/{project.id}/imports", {"file": (io.BytesIO(b"x" * 2_000), "x.csv")})
    assert answer.status_code == 413 and "too large" in answer.text.lower()


def test_an_upload_lies_under_a_name_of_our_own(
    admin: Browser, project: Project, web_instance: Instance
) -> None:
    address = uploaded(admin, project, CSV.encode(), "../../evil<script>.csv")
    stored = list(web_instance.uploads.iterdir())
    assert len(stored) == 1 and stored[0].suffix == ".upload" and stored[0].stat().st_mode & 0o077 == 0
    assert "<script>.csv" not in admin.get(address).text


def test_the_check_counts_and_stores_nothing(admin: Browser, project: Project, web_db: Database) -> None:
    address = checked(admin, project)
    page = admin.get(address).text
    assert "Import 2 reviews" in page and reviews.counts(web_db, project.id)["total"] == 0
    for label, count in (("New", 2), ("Duplicates", 1), ("Empty", 1), ("Bad rows", 1)):
        assert f'{label}</div><div class="stat-value">{count}<' in page
    errors = admin.get(f"{address}/errors.csv")
    assert errors.headers["Content-Disposition"].startswith("attachment")
    assert [line.split(",")[0] for line in errors.text.splitlines()[1:]] == ["5", "6"]


def test_without_a_text_column_there_is_no_check(admin: Browser, project: Project) -> None:
    address = uploaded(admin, project, CSV.encode())
    answer = admin.post(f"{address}/check", {**READING, "text": ""})
    assert answer.status_code == 422 and 'id="text-error"' in answer.text


def test_one_column_cannot_play_two_roles(admin: Browser, project: Project) -> None:
    answer = admin.post(f"{uploaded(admin, project, CSV.encode())}/check", {**READING, "id": "review"})
    assert answer.status_code == 422 and "This column is chosen twice." in answer.text


def test_an_import_from_check_to_report(
    admin: Browser, project: Project, web_db: Database, web_instance: Instance, clock: Clock
) -> None:
    address = checked(admin, project)
    assert admin.post(f"{address}/start").headers["Location"] == address
    waiting = admin.get(address, htmx=True).text
    assert "every 1s" in waiting and "The worker is not running" in waiting
    work_through(web_db, web_instance, clock)
    report = admin.get(address, htmx=True).text
    assert "every 1s" not in report and "2 reviews are in." in report and "Start labelling" in report
    assert f"{address}/errors.csv" in report and admin.get(f"{address}/errors.csv").status_code == 200
    assert reviews.counts(web_db, project.id)["total"] == 2
    assert "reviews.csv" in admin.get(f"/projects/{project.id}/imports").text


def test_a_second_click_starts_nothing_twice(admin: Browser, project: Project, web_db: Database) -> None:
    address = checked(admin, project)
    for _ in range(2):
        assert admin.post(f"{address}/start").status_code == 303
    assert len(jobs.of_project(web_db, project.id, "import")) == 1
    assert admin.post(f"{address}/check", READING).status_code == 422


@pytest.mark.parametrize(("promised", "labels"), [({"human_labels": "1"}, 2), ({}, 0)])
def test_labels_count_only_when_the_admin_says_they_are_human(
    admin: Browser,
    project: Project,
    web_db: Database,
    web_instance: Instance,
    clock: Clock,
    promised: dict[str, str],
    labels: int,
) -> None:
    address = checked(admin, project, label="sentiment", **promised)
    assert ("nobody has confirmed" in admin.get(address).text) == (not labels)
    admin.post(f"{address}/start")
    work_through(web_db, web_instance, clock)
    assert labelled.label_count(web_db, project.id) == labels


def test_the_promise_is_asked_for_only_where_a_label_column_is_chosen(
    admin: Browser, project: Project
) -> None:
    address = uploaded(admin, project, CSV.encode())
    assert "human_labels" in admin.post(f"{address}/reading", {**READING, "label": "sentiment"}).text
    assert "human_labels" not in admin.post(f"{address}/reading", READING).text


def test_a_large_file_is_checked_by_the_worker(
    admin: Browser,
    project: Project,
    web_db: Database,
    web_instance: Instance,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_drafts, "CHECKED_AT_ONCE", 10)
    address = checked(admin, project)
    assert "every 2s" in admin.get(address).text
    work_through(web_db, web_instance, clock)
    page = admin.get(address).text
    assert "Import 2 reviews" in page and "every 2s" not in page
    assert reviews.counts(web_db, project.id)["total"] == 0
    assert admin.get(f"{address}/errors.csv").status_code == 200
    admin.post(f"{address}/start")
    work_through(web_db, web_instance, clock)
    assert reviews.counts(web_db, project.id)["total"] == 2


def test_a_packed_file_counts_by_what_it_unpacks_to(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    plain.write_bytes(b"x" * (import_drafts.CHECKED_AT_ONCE // 2))
    packed.write_bytes(gzip.compress(b"")[:2] + plain.read_bytes())
    assert import_drafts.is_checked_at_once(plain)
    assert not import_drafts.is_checked_at_once(packed)


def test_a_discarded_draft_takes_its_file_along(
    admin: Browser, project: Project, web_instance: Instance
) -> None:
    address = uploaded(admin, project, CSV.encode())
    assert address in admin.get(f"/projects/{project.id}/imports").text
    admin.post(f"{address}/cancel")
    assert list(web_instance.uploads.iterdir()) == []
    assert "not imported yet" not in admin.get(f"/projects/{project.id}/imports").text


def test_a_waiting_import_can_be_cancelled(admin: Browser, project: Project) -> None:
    address = checked(admin, project)
    admin.post(f"{address}/start")
    admin.post(f"{address}/cancel")
    assert "The import was cancelled." in admin.get(address).text


def test_an_import_of_another_project_is_not_found(
    admin: Browser, project: Project, web_db: Database
) -> None:
    job_id = uploaded(admin, project, CSV.encode()).rpartition("/")[2]
    other = a_project(web_db, "Books", texts=[])
    assert admin.get(f"/projects/{other.id}/imports/{job_id}").status_code == 404


def test_markup_in_a_file_is_shown_as_text(admin: Browser, project: Project) -> None:
    content = b"text,<b>x</b>\n<script>alert(1)</script>,<img src=x onerror=alert(1)>\n"
    page = admin.get(uploaded(admin, project, content)).text
    assert "<script>alert" not in page and "<img" not in page and "<b>x</b>" not in page
