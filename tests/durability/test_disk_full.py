"""A full disk at every write: rolled back whole, said plainly, and it works again when there is room (D10)."""

from pathlib import Path

import pysqlite3
import pytest
from full_disk import room_for
from invariants import violations
from sqlite_utils import Database
from writes import BEFORE, WRITES, World, Write, a_world, contents

from webapp.instance import Instance

MOST_FRAMES = 60


@pytest.fixture
def world(web_db: Database) -> World:
    return a_world(web_db)


def fails_then_works(world: World, path: Path, write: Write) -> int:
    """Run the write with ever more room until it goes through; returns how often it failed."""
    before = contents(world.db)
    for frames in range(MOST_FRAMES):
        with room_for(path, frames):
            try:
                write(world)
            except pysqlite3.OperationalError:
                pass
            else:
                assert contents(world.db) != before
                return frames
            assert not world.db.conn.in_transaction
            assert contents(world.db) == before  # whole or not at all, and it can be read meanwhile
    raise AssertionError("it never went through")


@pytest.mark.parametrize("name", WRITES)
def test_a_write_without_room_changes_nothing_and_works_when_there_is_room(
    world: World, web_instance: Instance, name: str
) -> None:
    if name in BEFORE:
        BEFORE[name](world)
    assert fails_then_works(world, web_instance.database, WRITES[name]) > 0
    assert violations(world.db) == []
