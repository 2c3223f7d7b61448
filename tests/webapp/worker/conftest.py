"""An instance folder with the tiny encoder, and a labelled project in it."""

import csv
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from rounds_at_work import label_some, started
from sqlite_utils import Database
from tiny_encoder import build

from learner import encoders
from webapp import instance as instances
from webapp.importing import ColumnMap
from webapp.store import jobs, projects, rounds, users
from webapp.store.connection import utc_now
from webapp.store.jobs import Job
from webapp.store.projects import Project, ProjectSettings
from webapp.worker.loop import run_next

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPINIONS = {
    "positive": "great excellent perfect love happy best nice".split(),
    "negative": "terrible awful broken worst hate useless poor".split(),
    "neutral": "ok okay average so so fine day".split(),
}
THINGS = "phone book shirt screen battery story delivery sound size colour product price".split()


@pytest.fixture(scope="session")
def encoders_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("encoders")
    encoders.add(root, str(build(tmp_path_factory.mktemp("source") / "tiny")))
    return root


def an_instance(folder: Path, encoders_folder: Path) -> Path:
    where = instances.locate(folder)
    instances.create(where)
    shutil.copytree(encoders_folder, where.encoders, dirs_exist_ok=True)
    return where.folder


@pytest.fixture
def instance(tmp_path: Path, encoders_folder: Path) -> Path:
    return an_instance(tmp_path / "instance", encoders_folder)


@contextmanager
def opened(instance: Path) -> Iterator[Database]:
    """Its database, with an admin."""
    with closing(instances.open_instance(instances.locate(instance))) as database:
        users.add(database, "root", "hash", "admin")
        yield database


@pytest.fixture
def db(instance: Path) -> Iterator[Database]:
    with opened(instance) as database:
        yield database


def a_shop(db: Database) -> Project:
    settings = ProjectSettings(
        holdout_size=30, validation_size=30, auto_round_every=0, learner={"encoder": "tiny", "query_size": 20}
    )
    return projects.create(db, "shop", settings=settings)


@pytest.fixture
def project(db: Database) -> Project:
    return a_shop(db)


def opinions(size: int) -> Iterator[tuple[str, str]]:
    """Made-up reviews with their labels, no two alike."""
    for number in range(size):
        label = list(OPINIONS)[number % 3]
        words = OPINIONS[label]
        first, second = words[number % 7], words[number // 7 % 7]
        thing = THINGS[number % len(THINGS)]
        yield f"the {thing} was {first} and {second} {number}", label


def queue_import(
    instance: Path,
    db: Database,
    project: Project,
    size: int = 300,
    human_labels: bool = True,
    dry_run: bool = False,
    text: str | None = None,
) -> Job:
    """Queue the import of a file of `size` made-up reviews, their labels human gold."""
    path = instance / "uploads" / "reviews.csv"
    if text is None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            writer.writerows(opinions(size))
    else:
        path.write_text(text, "utf-8")
    payload = {
        "file": path.name,
        "columns": asdict(ColumnMap(text="text", label="label")),
        "human_labels": human_labels,
        "dry_run": dry_run,
    }
    return jobs.create(db, project.id, "import", payload, 1, NOON)


@pytest.fixture
def an_import(instance: Path, db: Database, project: Project) -> Callable[..., Job]:
    """an_import(60, human_labels=False)"""
    return partial(queue_import, instance, db, project)


@pytest.fixture(scope="session")
def after_one_round(tmp_path_factory: pytest.TempPathFactory, encoders_folder: Path) -> Path:
    """An instance whose first round published a version, from 240 labelled reviews of the pool: tests take a copy."""
    instance = an_instance(tmp_path_factory.mktemp("after-one-round") / "instance", encoders_folder)
    with opened(instance) as db:
        project = a_shop(db)
        queue_import(instance, db, project)
        run_next(db, instance, utc_now())
        this = started(db, project)
        run_next(db, instance, utc_now())
        assert rounds.get(db, this.id).state == "done"
    # A checkpoint remembers where its encoder lay: no copy may find this one when its own is gone.
    shutil.rmtree(instance / "encoders")
    return instance


@pytest.fixture
def labelled(db: Database, instance: Path, project: Project, an_import: Callable[..., Job]) -> Project:
    """The project with 300 reviews: holdout and validation labelled, and 30 of the pool."""
    an_import(300, human_labels=False)
    run_next(db, instance, utc_now())
    label_some(db, project, users.add(db, "ada", "hash", "annotator").id, 100)
    return project
