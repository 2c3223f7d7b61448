"""The command line against an instance of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tiny_encoder
from builders import a_user
from click.testing import CliRunner, Result
from sqlite_utils import Database

from learner import encoders
from webapp.cli import main
from webapp.instance import SUBFOLDERS, Instance
from webapp.store.connection import open_database

Winnow = Callable[..., Result]


@pytest.fixture
def instance(web_instance: Instance) -> Instance:
    for name in SUBFOLDERS:
        (web_instance.folder / name).mkdir()
    return web_instance


@pytest.fixture
def db(instance: Instance) -> Iterator[Database]:
    """A connection beside the commands'; one admin is there already."""
    database = open_database(instance.database)
    a_user(database, "root", "admin")
    yield database
    database.close()


@pytest.fixture
def winnow(instance: Instance) -> Winnow:
    """winnow("user", "list"): the command's result, with `exit_code`, `stdout` and `stderr`."""

    def run(*arguments: object, stdin: str | bytes | None = None) -> Result:
        words = ["--instance", str(instance.folder), *map(str, arguments)]
        return CliRunner().invoke(main, words, input=stdin, prog_name="winnow")

    return run


@pytest.fixture
def encoder(instance: Instance, tmp_path: Path) -> str:
    """The name of a tiny encoder that was added."""
    return encoders.add(instance.encoders, str(tiny_encoder.build(tmp_path / "tiny"))).name


@pytest.fixture
def reviews_file(tmp_path: Path) -> Path:
    """60 reviews of two kinds with stars and labels, told apart by one word."""
    words = [("good", "positive", 5), ("bad", "negative", 1)]
    lines = ["id,text,stars,label"]
    for row in range(60):
        word, label, stars = words[row % 2]
        lines.append(f"r{row},this {word} phone is number {row},{stars},{label}")
    path = tmp_path / "reviews.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path
