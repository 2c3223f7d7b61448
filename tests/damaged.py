"""A database one of whose pages is overwritten, as by a failing disk or a stray write."""

from contextlib import closing
from pathlib import Path

from webapp.store.connection import open_database

PAGE = 4096
INTERIOR = 5
# Where an interior page has the number of its rightmost child, and where any page has the places of its rows.
RIGHTMOST, PLACES = slice(8, 12), 8
NOISE = b"\xff" * 200


def damage_a_leaf(database: Path, table: str) -> None:
    """Overwrite where the last page of a table has its rows."""
    page = root = _root(database, table)
    while (content := _read(database, page))[0] == INTERIOR:
        page = int.from_bytes(content[RIGHTMOST], "big")
    assert page != root, "the table has one page only"
    _overwrite(database, page, PLACES)


def damage_the_root(database: Path, table: str) -> None:
    """Overwrite the page that leads to all others of a table."""
    _overwrite(database, _root(database, table), 0)


def _root(database: Path, table: str) -> int:
    with closing(open_database(database)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # else the log has a sound copy
        return int(db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]).fetchone()[0])


def _read(database: Path, page: int) -> bytes:
    with database.open("rb") as file:
        file.seek((page - 1) * PAGE)
        return file.read(PAGE)


def _overwrite(database: Path, page: int, offset: int) -> None:
    with database.open("r+b") as file:
        file.seek((page - 1) * PAGE + offset)
        file.write(NOISE)
