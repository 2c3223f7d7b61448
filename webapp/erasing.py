"""Erase a customer or an annotator: what would go, the request, and the journal that outlives a restored backup."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from sqlite_utils import Database

from webapp import byte_search
from webapp.instance import Instance
from webapp.store import erasures, jobs, model_versions, projects, users
from webapp.store.connection import write_transaction
from webapp.store.erasures import Erasure
from webapp.store.errors import InvalidValue
from webapp.store.jobs import Job
from webapp.store.model_versions import ModelVersion
from webapp.store.projects import Project
from webapp.store.users import User
from webapp.subject_keys import SubjectKeys

JOURNAL = "erasures.jsonl"


@dataclass(frozen=True)
class CustomerPreview:
    """What would go with a customer; `stale` are the model versions that would be marked."""

    reviews: int
    projects: dict[str, int]
    annotations: int
    predictions: int
    stale: list[ModelVersion]
    excerpts: list[str]


def preview_customer(
    db: Database, instance: Instance, customer: str, project: Project | None
) -> CustomerPreview:
    """What an erasure of this customer would take, in one project or in all."""
    found = _reviews_of(db, SubjectKeys(instance), customer, project)
    ids = [row["id"] for row in found]
    names = {each.id: each.name for each in projects.everything(db)}
    counts: dict[str, int] = {}
    for row in found:
        counts[names[row["project_id"]]] = counts.get(names[row["project_id"]], 0) + 1
    return CustomerPreview(
        len(found),
        counts,
        erasures.annotation_count(db, ids),
        erasures.prediction_count(db, ids),
        [model_versions.get(db, version) for version in erasures.versions_that_saw(db, ids)],
        [row["text"][:200] for row in found[:5]],
    )


def customer_pieces(db: Database, instance: Instance, customer: str, project: Project | None) -> list[str]:
    """By what the customer can be recognised in a file, but for what others say as well; to be taken before."""
    keys = SubjectKeys(instance)
    texts = [row["text"] for row in _reviews_of(db, keys, customer, project)]
    return byte_search.pieces_of(texts, [] if project else _authors(db, keys, customer, None))


def said_by_nobody_else(db: Database, pieces: list[str]) -> list[str]:
    """The pieces that no text still there holds; to be asked afterwards."""
    return [piece for piece in pieces if not erasures.is_said_by_others(db, piece)]


def request_customer(
    db: Database, instance: Instance, customer: str, project: Project | None, by: int | None, now: datetime
) -> Job:
    """Queue the erasure of a customer; the job names nobody. Later imports refuse rows of theirs."""
    key = SubjectKeys(instance).customer(_id(customer))
    return _queue(db, instance, "customer", key, project, by, now)


def request_annotator(db: Database, instance: Instance, user: User, by: int | None, now: datetime) -> Job:
    """Queue the erasure of an account; LastAdmin where nobody else could look after things."""
    users.keep_an_admin(db, user.id)
    key = SubjectKeys(instance).annotator(user.name, user.created_at)
    return _queue(db, instance, "annotator", key, None, by, now)


def open_job(db: Database, erasure: Erasure) -> Job | None:
    """The job that carries out an erasure, while it waits or runs."""
    return next((job for job in jobs.open_of_kind(db, "erase") if job.payload["erasure"] == erasure.id), None)


def queue_again(db: Database, erasure: Erasure, by: int | None, now: datetime) -> Job:
    """The open job of an erasure that is not finished, or a new one."""
    with write_transaction(db):
        return open_job(db, erasure) or jobs.create(
            db, _home(db, erasure.project_id), "erase", {"erasure": erasure.id}, by, now
        )


def _queue(
    db: Database,
    instance: Instance,
    kind: erasures.Kind,
    key: bytes,
    project: Project | None,
    by: int | None,
    now: datetime,
) -> Job:
    with write_transaction(db):
        erasure = erasures.begin(db, kind, key, project.id if project else None, by, now)
        job = queue_again(db, erasure, by, now)
    write_journal(instance, erasure)
    return job


def _home(db: Database, project_id: int | None) -> int:
    """The project that a job is filed under; an erasure in all projects is filed under the first."""
    if project_id is not None:
        return project_id
    every = projects.everything(db)
    if not every:
        raise InvalidValue("There is no project yet, so there is nothing to erase.")
    return min(each.id for each in every)


def _id(customer: str) -> str:
    if not customer:
        raise InvalidValue("Say whose reviews to erase: the id that the column of authors holds.")
    return customer


def authors_of(db: Database, keys: SubjectKeys, subject_key: bytes, project_id: int | None) -> list[str]:
    """The ids of authors that mean this customer, as they were imported: plain, or as a pseudonym."""
    return [each for each in erasures.customers(db, project_id) if keys.customer(each) == subject_key]


def _authors(db: Database, keys: SubjectKeys, customer: str, project_id: int | None) -> list[str]:
    """The same by an id that was typed; only whoever knows but the pseudonym needs a look at all customers."""
    pseudonym = keys.pseudonym(_id(customer))
    if customer == pseudonym:
        return authors_of(db, keys, keys.customer(customer), project_id)
    return [customer, pseudonym]


def _reviews_of(db: Database, keys: SubjectKeys, customer: str, project: Project | None) -> list[Any]:
    project_id = project.id if project else None
    return erasures.reviews_of(db, _authors(db, keys, customer, project_id), project_id)


def write_journal(instance: Instance, erasure: Erasure) -> None:
    """Note an erasure beside the database, on disk before anything goes: an old backup does not know of it."""
    entry = {
        "kind": erasure.kind,
        "subject_key": erasure.subject_key.hex(),
        "project": erasure.project_id,
        "at": erasure.created_at,
    }
    if any({**entry, "at": each.get("at")} == each for each in read_journal(instance)):
        return
    path = instance.folder / JOURNAL
    # On a line of its own: one that was cut short must not take this one with it.
    start = "\n" if path.is_file() and not path.read_bytes().endswith(b"\n") else ""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="ascii") as file:
        file.write(f"{start}{json.dumps(entry)}\n")
        file.flush()
        os.fsync(file.fileno())


def read_journal(instance: Instance) -> Iterator[dict[str, Any]]:
    """The erasures ever asked for here; a line that a kill cut short is passed over."""
    path = instance.folder / JOURNAL
    for line in path.read_text("ascii", "replace").splitlines() if path.is_file() else ():
        try:
            entry = json.loads(line)
            bytes.fromhex(entry["subject_key"])
            if entry["kind"] in get_args(erasures.Kind):
                yield entry
        except (ValueError, KeyError, TypeError):
            continue


def account_of(db: Database, keys: SubjectKeys, erasure: Erasure) -> User | None:
    """The account that an erasure means, as long as it has its name."""
    return next(
        (
            each
            for each in users.everyone(db)
            if keys.annotator(each.name, each.created_at) == erasure.subject_key
        ),
        None,
    )
