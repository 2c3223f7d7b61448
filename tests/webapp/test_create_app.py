"""What the application needs before it starts, and where its configuration comes from."""

import re
from contextlib import nullcontext
from pathlib import Path

import pytest
from builders import a_project
from full_disk import room_for
from rights_world import pages
from sqlite_utils import Database
from visitor import Browser

from webapp import create_app
from webapp import instance as instances
from webapp.instance import Instance, InstanceError
from webapp.store import projects, users
from webapp.store.connection import open_database
from webapp.store.errors import DatabaseUnusable


@pytest.mark.parametrize("key", ["", "short", "x" * 64, "changeme" * 8])
def test_a_weak_secret_key_stops_the_start(web_instance: Instance, key: str) -> None:
    web_instance.secret_key_file.write_text(key)
    with pytest.raises(InstanceError, match="weak"):
        create_app(web_instance.folder)


def test_a_missing_secret_key_stops_the_start(web_instance: Instance) -> None:
    web_instance.secret_key_file.unlink()
    with pytest.raises(InstanceError, match="winnow init"):
        create_app(web_instance.folder)


def test_a_secret_key_that_others_can_read_stops_the_start(web_instance: Instance) -> None:
    web_instance.secret_key_file.chmod(0o644)
    with pytest.raises(InstanceError, match="chmod 600"):
        create_app(web_instance.folder)


def test_a_database_with_steps_pending_stops_the_start_and_is_left_alone(web_instance: Instance) -> None:
    web_instance.database.unlink()
    open_database(web_instance.database, create=True).close()
    before = web_instance.database.read_bytes()
    with pytest.raises(InstanceError, match="winnow migrate"):
        create_app(web_instance.folder)
    assert web_instance.database.read_bytes() == before


def test_a_start_applies_the_overlap_settings_that_a_killed_process_left_unless_the_disk_is_full(
    web_instance: Instance, web_db: Database
) -> None:
    project = a_project(web_db, size=3)
    projects.update_settings(web_db, project.id, overlap_share=1.0, overlap_labels=3)
    for room, needed in ((room_for(web_instance.database, 0), [1, 1, 1]), (nullcontext(), [3, 3, 3])):
        with room:
            create_app(web_instance.folder)
        assert [row[0] for row in web_db.execute("SELECT needed FROM reviews")] == needed


def test_an_empty_database_file_stops_the_start(web_instance: Instance) -> None:
    web_instance.database.write_bytes(b"")
    with pytest.raises(DatabaseUnusable):
        create_app(web_instance.folder)


def test_debug_mode_stops_the_start(web_instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    with pytest.raises(InstanceError, match="FLASK_DEBUG"):
        create_app(web_instance.folder)


def test_each_layer_of_configuration_is_stronger_than_the_one_before(
    web_instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("WTF_CSRF_TIME_LIMIT", "MAX_FORM_PARTS", "PROXY_COUNT", "ASSETS")
    (web_instance.folder / "config.py").write_text("MAX_FORM_PARTS = 11\nPROXY_COUNT = 11\nASSETS = 'file'\n")
    monkeypatch.setenv("WINNOW_PROXY_COUNT", "1")
    monkeypatch.setenv("WINNOW_ASSETS", "environment")
    config = create_app(web_instance.folder, {"ASSETS": "override"}).config
    assert [config[name] for name in names] == [None, 11, 1, "override"]


def test_the_instance_folder_comes_from_the_environment(
    web_instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINNOW_INSTANCE", str(web_instance.folder))
    assert Path(create_app().instance_path) == web_instance.folder


def test_no_other_key_than_the_instance_s_own_is_taken(
    web_instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    (web_instance.folder / "config.py").write_text("SECRET_KEY = 'from the file'\n")
    monkeypatch.setenv("WINNOW_SECRET_KEY", "from the environment")
    app = create_app(web_instance.folder, {"SECRET_KEY": "from the caller"})
    assert app.config["SECRET_KEY"] == instances.secret_key(web_instance)


def test_no_key_stands_in_the_sources() -> None:
    root = Path(__file__).resolve().parents[2]
    given = re.compile(r"""SECRET_KEY\W{1,5}=\s*["'][^"']""")
    sources = [*(root / "webapp").rglob("*.py"), *root.glob("*.*"), *(root / "docs").rglob("*")]
    texts = {path.name: path.read_text("utf-8") for path in sources if path.is_file()}
    assert [name for name, text in texts.items() if given.search(text)] == []


def test_a_new_instance_has_no_account_and_lets_nobody_make_one(web_instance: Instance) -> None:
    app = create_app(web_instance.folder, {"COOKIE_SECURE": False})
    db = open_database(web_instance.database)
    assert users.everyone(db) == []
    for name, password in (("admin", "admin"), ("admin", "password"), ("root", "root"), ("argilla", "1234")):
        assert (
            Browser(app.test_client()).post("/login", {"name": name, "password": password}).status_code == 422
        )
    views = app.view_functions
    assert {rule.endpoint for rule in pages(app) if getattr(views[rule.endpoint], "access", "") == "public"} == {
        "auth.log_in_form", "auth.log_in", "auth.log_out", "assets.htmx", "health.probe", "metrics.show",
    }  # fmt: skip
    assert users.everyone(db) == []
    db.close()
