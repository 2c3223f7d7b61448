"""One database connection a request: the only Flask around the store."""

from flask import Flask, current_app, g
from sqlite_utils import Database

from webapp.store.connection import open_database


def get_db() -> Database:
    """This request's connection, opened at its first use."""
    if "db" not in g:
        g.db = open_database(current_app.config["INSTANCE"].database)
    db: Database = g.db
    return db


def init_app(app: Flask) -> None:
    """Close the connection when the request ends."""
    app.teardown_appcontext(_close)


def _close(_error: BaseException | None) -> None:
    db = g.pop("db", None)
    if db is not None:
        db.close()
