"""Programs with tokens, each for a person of its own."""

from collections.abc import Callable

import pytest
from builders import Clock, a_user
from flask import Flask
from programs import Program
from sqlite_utils import Database

from webapp.instance import SUBFOLDERS, Instance
from webapp.store import tokens, users

Enrol = Callable[..., Program]


@pytest.fixture(autouse=True)
def folders(web_instance: Instance) -> None:
    for name in SUBFOLDERS:
        (web_instance.folder / name).mkdir(exist_ok=True)


@pytest.fixture
def enrol(app: Flask, web_db: Database, clock: Clock) -> Enrol:
    """enrol("annotate"), enrol("read", "predict", name="bob", role="admin"): a program, with its person if need be."""

    def build(*scopes: str, name: str = "ada", role: str = "annotator") -> Program:
        found = users.by_name(web_db, name)
        user = found[0] if found else a_user(web_db, name, role)
        token, secret = tokens.create(web_db, user.id, scopes, None, clock())
        return Program(app.test_client(), user, token, secret)

    return build


@pytest.fixture
def ruler(enrol: Enrol) -> Program:
    """The program of an admin that may do everything."""
    return enrol("admin", name="root", role="admin")
