"""What tests of backups ask about an instance."""

from contextlib import closing
from pathlib import Path

import pytest
from builders import NOON

from webapp import instance_lock, restoring
from webapp.instance import Instance
from webapp.store.backups import BackupError
from webapp.store.connection import open_database


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of an instance but those that locks and backups are made of."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "backups/" not in path.as_posix() and path.name != instance_lock.NAME
    }


def count(instance: Instance, table: str) -> int:
    with closing(open_database(instance.database)) as db:
        return db.table(table).count


def refused(instance: Instance, path: Path, why: str) -> None:
    """The restore says why, and has not touched a thing."""
    before = contents(instance.folder)
    with pytest.raises(BackupError, match=why):
        restoring.restore(instance, path, NOON)
    assert contents(instance.folder) == before
