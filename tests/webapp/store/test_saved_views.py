"""Filters under a name."""

import pytest
from builders import a_project, a_user
from conftest import NOON
from sqlite_utils import Database

from webapp.store import saved_views
from webapp.store.errors import InvalidValue, NameTaken, NotFound


def test_views_are_kept_by_name_and_belong_to_their_project(db: Database) -> None:
    root = a_user(db, "root", "admin")
    phones, books = a_project(db, "Phones"), a_project(db, "Books", texts=["a book"])
    for name in ("Quarrels", "angry"):
        saved_views.save(db, phones.id, name, "state=disagreed", root.id, NOON)
    saved_views.save(db, books.id, "Quarrels", "state=disagreed", root.id, NOON)
    views = saved_views.of_project(db, phones.id)
    assert [(view.name, view.query) for view in views] == [
        ("angry", "state=disagreed"),
        ("Quarrels", "state=disagreed"),
    ]
    with pytest.raises(NotFound):
        saved_views.delete(db, books.id, views[0].id, root.id, NOON)
    saved_views.delete(db, phones.id, views[0].id, root.id, NOON)
    assert [view.name for view in saved_views.of_project(db, phones.id)] == ["Quarrels"]


def test_a_view_needs_a_name_of_its_own_and_a_filter(db: Database) -> None:
    root, project = a_user(db, "root", "admin"), a_project(db)
    saved_views.save(db, project.id, "Quarrels", "state=disagreed", root.id, NOON)
    with pytest.raises(NameTaken):
        saved_views.save(db, project.id, "quarrels", "state=flagged", root.id, NOON)
    for name, query in (
        ("", "state=flagged"),
        ("x" * 61, "state=flagged"),
        ("a\nb", "state=x"),
        ("Empty", ""),
    ):
        with pytest.raises(InvalidValue):
            saved_views.save(db, project.id, name, query, root.id, NOON)
