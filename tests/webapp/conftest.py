"""An instance that has lived, and its backup."""

from contextlib import closing
from pathlib import Path

import pytest
from builders import NOON, a_checkpoint, a_finished_round, a_project, a_user, an_annotation

from webapp import backups
from webapp.instance import Instance
from webapp.store import sessions
from webapp.store.connection import open_database


@pytest.fixture
def lived(web_instance: Instance) -> Path:
    """The backup of an instance with a label, a round and its checkpoint, and people logged in; it lives on since."""
    with closing(open_database(web_instance.database)) as db:
        project, ada = a_project(db), a_user(db)
        an_annotation(db, project, ada)
        a_checkpoint(web_instance, db, a_finished_round(db, project))
        sessions.start(db, ada.id, NOON)
        columns = "user_id, prefix, token_hash, scopes, created_at"
        db.execute(f"INSERT INTO api_tokens ({columns}) VALUES (1, 'w', x'00', 'read', '2026')")
        (web_instance.folder / "config.py").write_text('HOSTS = ["old.example"]\n')
        path = backups.make(web_instance).path
        an_annotation(db, project, ada)
        (web_instance.folder / "uploads").mkdir()
        (web_instance.folder / "uploads" / "later.csv").touch()
    return path
