"""What tests of backups ask about an instance."""

from contextlib import closing
from pathlib import Path

import pytest
from builders import NOON, a_checkpoint, a_finished_round, a_project, a_user, an_annotation

from webapp import instance_lock
from webapp.backups import making, restoring
from webapp.instance import Instance
from webapp.store import sessions
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


def backup_of_a_life(instance: Instance) -> Path:
    """The backup of an instance with a label, a round and its checkpoint, and people logged in; it lives on since."""
    with closing(open_database(instance.database)) as db:
        project, ada = a_project(db), a_user(db)
        an_annotation(db, project, ada)
        a_checkpoint(instance, db, a_finished_round(db, project))
        sessions.start(db, ada.id, NOON)
        columns = "user_id, prefix, token_hash, scopes, created_at"
        db.execute(f"INSERT INTO api_tokens ({columns}) VALUES (1, 'w', x'00', 'read', '2026')")
        (instance.folder / "config.py").write_text('HOSTS = ["old.example"]\n')
        path = making.make(instance).path
        an_annotation(db, project, ada)
        (instance.folder / "uploads").mkdir()
        (instance.folder / "uploads" / "later.csv").touch()
    return path
