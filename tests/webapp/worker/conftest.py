"""An instance folder with the tiny encoder, and a labelled project in it."""

import csv
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rounds_at_work import label_some
from sqlite_utils import Database
from tiny_encoder import build

from learner import encoders
from webapp import instance as instances
from webapp.importing import ColumnMap
from webapp.store import jobs, projects, users
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


@pytest.fixture
def instance(tmp_path: Path, encoders_folder: Path) -> Path:
    where = instances.locate(tmp_path / "instance")
    instances.create(where)
    shutil.copytree(encoders_folder, where.encoders, dirs_exist_ok=True)
    return where.folder


@pytest.fixture
def db(instance: Path) -> Iterator[Database]:
    database = instances.open_instance(instances.locate(instance))
    users.add(database, "root", "hash", "admin")
    yield database
    database.close()


@pytest.fixture
def project(db: Database) -> Project:
    settings = ProjectSettings(
        holdout_size=30, validation_size=30, auto_round_every=0, learner={"encoder": "tiny", "query_size": 20}
    )
    return projects.create(db, "shop", settings=settings)


def opinions(size: int) -> Iterator[tuple[str, str]]:
    """Made-up reviews with their labels, no two alike."""
    for number in range(size):
        label = list(OPINIONS)[number % 3]
        words = OPINIONS[label]
        first, second = words[number % 7], words[number // 7 % 7]
        thing = THINGS[number % len(THINGS)]
        yield f"the {thing} was {first} and {second} {number}", label


@pytest.fixture
def an_import(instance: Path, db: Database, project: Project) -> Callable[..., Job]:
    """Queue the import of a file of `size` made-up reviews, their labels human gold."""

    def queue(
        size: int = 300, human_labels: bool = True, dry_run: bool = False, text: str | None = None
    ) -> Job:
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

    return queue


@pytest.fixture
def labelled(db: Database, instance: Path, project: Project, an_import: Callable[..., Job]) -> Project:
    """The project with 300 reviews: holdout and validation labelled, and 30 of the pool."""
    an_import(300, human_labels=False)
    run_next(db, instance, utc_now())
    label_some(db, project, users.add(db, "ada", "hash", "annotator").id, 100)
    return project
