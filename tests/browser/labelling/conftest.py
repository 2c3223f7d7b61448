"""Ada at the labelling page of a server that may be killed, with reviews enough to hold 26 of them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_encoder
from builders import a_project, a_user
from desk import Desk
from served import Served, free_port
from sqlite_utils import Database

from learner import encoders
from webapp import instance as instances

# What the browser itself says of a server that is away or refuses; the page takes it calmly.
EXPECTED = ("net::ERR_", "401 (", "403 (", "409 (", "422 (", "503 (")
HELD = 26


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Served]:
    instance = instances.locate(tmp_path / "instance")
    instances.create(instance)
    encoders.add(instance.encoders, str(tiny_encoder.build(tmp_path / "tiny")))
    db = instances.open_instance(instance)
    a_user(db, "ada")
    a_user(db, "ben")
    a_project(db, size=60, ahead=HELD - 1, auto_round_every=0, learner={"encoder": "tiny"})
    db.close()
    served = Served(instance, free_port())
    served.start()
    yield served
    served.stop()


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
