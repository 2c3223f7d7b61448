"""A project with work for many answers, on disk."""

from collections.abc import Callable
from pathlib import Path

import pytest
from builders import a_project, a_user

from webapp.store.connection import open_database


@pytest.fixture
def shop(tmp_path: Path, migrated: bytes) -> Callable[..., Path]:
    """Make a database with so many open reviews (project 1) and the annotators ada (1) and ben (2)."""

    def make(size: int) -> Path:
        path = tmp_path / "winnow.sqlite"
        path.write_bytes(migrated)
        db = open_database(path)
        a_user(db, "ada")
        a_user(db, "ben")
        a_project(db, size=size)
        db.close()
        return path

    return make
