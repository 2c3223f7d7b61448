"""Exports: the labelled data at once, the model as a job."""

import csv
import io
import json

import pyarrow.parquet
import pytest
from builders import a_finished_round, a_project, a_user, an_annotation
from conftest import Clock
from sqlite_utils import Database
from visitor import Browser

from webapp.instance import Instance
from webapp.store import jobs, labelled, work
from webapp.store.projects import Project
from webapp.worker.consensus import settle

TEXTS = ["=1+1 is what I paid", "Fine,\nreally."]


@pytest.fixture
def project(web_db: Database) -> Project:
    """A project with two labels by ada."""
    made = a_project(web_db, "Phones & more", texts=TEXTS)
    ada = a_user(web_db, "ada-export")
    for position in (0, 2):
        an_annotation(web_db, made, ada, position)
    return made


@pytest.mark.parametrize("address", ["", "/labels.csv", "/1/model.zip"])
def test_annotators_cannot_export(annotator: Browser, project: Project, address: str) -> None:
    assert annotator.get(f"/projects/{project.id}/exports{address}").status_code == 403


def test_without_labels_or_model_the_page_says_what_to_do(admin: Browser, web_db: Database) -> None:
    page = admin.get(f"/projects/{a_project(web_db).id}/exports").text
    assert "No labels yet" in page and "No model yet" in page


def test_csv_and_json_lines_carry_every_label_exactly(admin: Browser, project: Project) -> None:
    answer = admin.get(f"/projects/{project.id}/exports/labels.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert sorted(row["text"] for row in rows) == sorted(TEXTS)
    assert {row["annotator"] for row in rows} == {"ada-export"}
    assert answer.headers["Content-Disposition"] == "attachment; filename=Phones__more-labels.csv"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert (answer.headers["Winnow-Snapshot"], answer.headers["Winnow-Rows"]) == ("2", "2")
    lines = admin.get(f"/projects/{project.id}/exports/labels.jsonl").text.splitlines()
    assert [json.loads(line)["text"] for line in lines] == [row["text"] for row in rows]


def test_a_spreadsheet_gets_no_formula(admin: Browser, project: Project) -> None:
    answer = admin.get(f"/projects/{project.id}/exports/labels.csv?spreadsheet=1")
    assert "'=1+1 is what I paid" in answer.text


def test_each_reviews_label_can_be_taken_out_once_it_is_known(
    admin: Browser, project: Project, web_db: Database
) -> None:
    address = f"/projects/{project.id}/exports"
    assert "consensus=1" not in admin.get(address).text
    settle(web_db, project, labelled.snapshot(web_db, project.id))
    assert "2 reviews with the label agreed on" in admin.get(address).text
    answer = admin.get(f"{address}/labels.csv?consensus=1")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [(row["method"], row["confidence"], row["votes"]) for row in rows] == [("single", "1.0", "1")] * 2
    assert answer.headers["Content-Disposition"].endswith("-consensus.csv")
    parquet = admin.get(f"{address}/labels.parquet?consensus=1")
    assert pyarrow.parquet.read_table(io.BytesIO(parquet.data)).column_names == list(rows[0])


def test_parquet_carries_the_same_rows(admin: Browser, project: Project, web_instance: Instance) -> None:
    answer = admin.get(f"/projects/{project.id}/exports/labels.parquet")
    table = pyarrow.parquet.read_table(io.BytesIO(answer.data))
    assert sorted(table["text"].to_pylist()) == sorted(TEXTS)
    assert list((web_instance.folder / "exports").iterdir()) == []


def test_a_format_that_does_not_exist_is_not_found(admin: Browser, project: Project) -> None:
    assert admin.get(f"/projects/{project.id}/exports/labels.exe").status_code == 404


def test_a_model_is_exported_by_the_worker_and_downloaded_as_a_zip(
    admin: Browser, project: Project, web_db: Database, web_instance: Instance, clock: Clock
) -> None:
    version = a_finished_round(web_db, project)
    address = f"/projects/{project.id}/exports"
    admin.post(address, {"version": str(version.id), "format": "onnx"})
    job = jobs.of_project(web_db, project.id, "export")[0]
    assert job.payload == {"format": "onnx", "version": version.id}
    assert "every 2s" in admin.get(address, htmx=True).text
    assert admin.get(f"{address}/{job.id}/model.zip").status_code == 404
    claim = work.claim_next(web_db, "jobs", clock(), ("export",))
    assert claim is not None
    (web_instance.folder / "exports").mkdir(exist_ok=True)
    (web_instance.folder / "exports" / "made.zip").write_bytes(b"PK zip")
    jobs.save_result(web_db, claim, {"archive": "made.zip", "bytes": 6})
    work.finish(web_db, claim, "done", clock())
    assert "every 2s" not in admin.get(address, htmx=True).text
    answer = admin.get(f"{address}/{job.id}/model.zip")
    assert answer.data == b"PK zip"
    assert answer.headers["Content-Disposition"] == "attachment; filename=Phones__more-v1-onnx.zip"


@pytest.mark.parametrize(
    ("typed", "field"),
    [({"format": "hf"}, "format"), ({"format": "pickle"}, "format"), ({"version": "999"}, "version")],
)
def test_what_cannot_be_exported_is_said(
    admin: Browser, project: Project, web_db: Database, typed: dict[str, str], field: str
) -> None:
    version = a_finished_round(web_db, project, classifier="head")
    answer = admin.post(
        f"/projects/{project.id}/exports", {"version": str(version.id), "format": "onnx", **typed}
    )
    assert answer.status_code == 422 and f'id="{field}-error"' in answer.text
    assert jobs.of_project(web_db, project.id, "export") == []


def test_a_finetune_version_goes_out_as_a_hugging_face_folder(
    admin: Browser, project: Project, web_db: Database
) -> None:
    version = a_finished_round(web_db, project, classifier="finetune")
    admin.post(f"/projects/{project.id}/exports", {"version": str(version.id), "format": "hf"})
    assert jobs.of_project(web_db, project.id, "export")[0].payload["format"] == "hf"


def test_another_projects_version_and_export_are_out_of_reach(
    admin: Browser, project: Project, web_db: Database, clock: Clock
) -> None:
    other = a_project(web_db, "Books", texts=[])
    version = a_finished_round(web_db, project)
    answer = admin.post(f"/projects/{other.id}/exports", {"version": str(version.id), "format": "onnx"})
    assert answer.status_code == 422
    job = jobs.create(web_db, project.id, "export", {"format": "onnx", "version": version.id}, None, clock())
    assert admin.get(f"/projects/{other.id}/exports/{job.id}/model.zip").status_code == 404
    assert admin.post(f"/projects/{other.id}/exports/{job.id}/cancel").status_code == 404
    admin.post(f"/projects/{project.id}/exports/{job.id}/cancel")
    assert jobs.get(web_db, job.id).state == "cancelled"
