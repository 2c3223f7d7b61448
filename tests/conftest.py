"""An instance of its own for each test, a clock that stands still, and browsers that are logged in."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import quick_apps
from builders import NOON, Clock, a_user
from flask import Flask
from rights_world import World, a_world
from sqlite_utils import Database
from visitor import Browser

import migrations
from webapp import create_app
from webapp import instance as instances
from webapp.store import sessions
from webapp.store.connection import open_database

quick_apps.install()
SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def shared() -> Path:
    """The data beside the repository; the test is skipped where there is none."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared here")
    return SHARED


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A migrated database without a row, made once and copied."""
    path = tmp_path_factory.mktemp("migrated") / "winnow.sqlite"
    database = open_database(path, create=True)
    migrations.apply(database)
    database.close()  # the last connection folds the log into the file
    return path.read_bytes()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One furnished instance for every test that asks who may do what (tests/rights.py)."""
    return a_world(tmp_path_factory.mktemp("rights") / "instance")


@pytest.fixture
def web_instance(tmp_path: Path, migrated: bytes) -> instances.Instance:
    """An instance folder as `winnow init` leaves it, without people."""
    where = instances.locate(tmp_path / "web-instance")
    where.folder.mkdir(mode=0o700)
    where.database.touch(mode=0o600)
    where.database.write_bytes(migrated)
    where.secret_key_file.write_text("test-" + "0123456789abcdef" * 3)
    where.secret_key_file.chmod(0o600)
    return where


@pytest.fixture
def app(web_instance: instances.Instance, clock: Clock) -> Flask:
    return create_app(web_instance.folder, {"TESTING": True, "COOKIE_SECURE": False, "CLOCK": clock})


@pytest.fixture
def web_db(web_instance: instances.Instance) -> Iterator[Database]:
    """A connection of the test's own to the database that the application uses."""
    database = open_database(web_instance.database)
    yield database
    database.close()


@pytest.fixture
def browser(app: Flask) -> Browser:
    """Somebody who is not logged in."""
    return Browser(app.test_client())


@pytest.fixture
def log_in(app: Flask, web_db: Database, clock: Clock) -> Callable[..., Browser]:
    """log_in("ada"), log_in("root", role="admin"): a new account and its browser, logged in."""

    def build(name: str, role: str = "annotator") -> Browser:
        user = a_user(web_db, name, role)
        client = app.test_client()
        client.set_cookie("winnow", sessions.start(web_db, user.id, clock()))
        return Browser(client, user)

    return build


@pytest.fixture
def annotator(log_in: Callable[..., Browser]) -> Browser:
    return log_in("ada")


@pytest.fixture
def admin(log_in: Callable[..., Browser]) -> Browser:
    return log_in("root", role="admin")
