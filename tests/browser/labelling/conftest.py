"""Ada at the labelling page of a server that may be killed, with reviews enough to hold 26 of them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
import tiny_encoder
from builders import a_project, a_user
from desk import Desk
from served import Served, free_port
from sqlite_utils import Database

from learner import encoders
from webapp import instance as instances
from webapp.instance import Instance

# What the browser itself says of a server that is away or refuses; the page takes it calmly.
EXPECTED = ("net::ERR_", "401 (", "403 (", "409 (", "422 (", "503 (")
HELD = 26


def an_instance(folder: Path) -> Instance:
    """Two annotators before sixty reviews."""
    instance = instances.locate(folder / "instance")
    instances.create(instance)
    encoders.add(instance.encoders, str(tiny_encoder.build(folder / "tiny")))
    db = instances.open_instance(instance)
    a_user(db, "ada")
    a_user(db, "ben")
    a_project(db, size=60, ahead=HELD - 1, auto_round_every=0, learner={"encoder": "tiny"})
    db.close()
    return instance


@pytest.fixture(scope="session")
def web_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Any]]:
    """The web server alone, since starting one takes longer than most tests, and its database at the beginning."""
    served = Served(an_instance(tmp_path_factory.mktemp("desk")), free_port(), ("web", "--processes", "1"))
    db, beginning = instances.open_instance(served.instance), pysqlite3.connect(":memory:")
    db.conn.backup(beginning)
    db.close()
    served.start()
    yield served, beginning
    served.stop()


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """The web server with its database as at the beginning; for "run" one of its own, with a worker."""
    if getattr(request, "param", "web") == "run":
        served = Served(an_instance(tmp_path), free_port())
        served.start()
        yield served
        served.stop()
        return
    served, beginning = request.getfixturevalue("web_server")
    db = instances.open_instance(served.instance)
    beginning.backup(db.conn)  # into the log, as any other transaction: the server need not be stopped
    db.close()
    yield served


@pytest.fixture
def db(site: Served) -> Iterator[Database]:
    database = instances.open_instance(site.instance)
    yield database
    database.close()


@pytest.fixture
def ada(visitor: Callable[[], Any], site: Served, db: Database) -> Iterator[Desk]:
    one = visitor()
    desk = Desk(one.page, site, db)
    desk.log_in()
    assert desk.open() == HELD
    yield desk
    one.troubles[:] = [each for each in one.troubles if not any(known in each for known in EXPECTED)]
