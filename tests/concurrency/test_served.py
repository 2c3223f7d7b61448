"""Many at a real server of two processes: a form sent fifty times at once counts once, and nobody is told to wait.

The long form is `WINNOW_SECONDS=60 pytest -s tests/concurrency/test_served.py`; it prints its figures.
"""

import http.client
import json
import os
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from builders import a_lease, a_project, a_user
from served import Served, free_port
from sqlite_utils import Database

from webapp import instance as instances
from webapp.store import model_versions, projects, rankings, reviews, rounds, sessions, work
from webapp.store.connection import open_database, utc_now
from webapp.store.model_versions import Scores
from webapp.store.projects import Project

TIMES = 50
ANNOTATORS = 20
SECONDS = float(os.environ.get("WINNOW_SECONDS", "3"))
THINK_SECONDS = 0.05
LEASE = re.compile(r'data-held="([^" ]+)')
TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    instance = instances.locate(tmp_path_factory.mktemp("served") / "instance")
    instances.create(instance)
    served = Served(instance, free_port(), ("web", "--processes", "2"))
    served.start()
    yield served
    served.stop()


@pytest.fixture
def db(site: Served) -> Iterator[Database]:
    with closing(instances.open_instance(site.instance)) as database:
        yield database


class Person:
    """Somebody logged in, with a connection of their own for each thread."""

    def __init__(self, site: Served, db: Database, name: str, role: str = "annotator") -> None:
        self.port = site.port
        self.id = a_user(db, name, role).id
        self.cookies = {"winnow": sessions.start(db, self.id, utc_now())}
        self.connections = threading.local()
        _, page, _ = self.ask("GET", "/account")
        found = TOKEN.search(page)
        assert found, "the page has no form"
        self.token = found[1]

    def post(self, path: str, script: bool = False, **form: object) -> tuple[int, str, str]:
        headers = {"X-Requested-With": "fetch"} if script else {}
        return self.ask("POST", path, {"csrf_token": self.token, **form}, headers)

    def ask(
        self,
        method: str,
        path: str,
        form: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, str, str]:
        """Status, body and where it leads."""
        if not hasattr(self.connections, "one"):
            self.connections.one = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        kind = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
        self.connections.one.request(method, path, urlencode(form or {}), {**kind, **(headers or {})})
        answer = self.connections.one.getresponse()
        body = answer.read().decode()
        for each in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = each.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, body, answer.headers.get("Location", "")


def at_once(act: Callable[[], tuple[int, str, str]]) -> "Counter[tuple[int, str]]":
    """Do it fifty times at once; how often which status came, and where it led."""
    barrier = threading.Barrier(TIMES)

    def one(_: int) -> tuple[int, str]:
        barrier.wait(30)
        status, _body, location = act()
        return status, location

    with ThreadPoolExecutor(TIMES) as pool:
        return Counter(pool.map(one, range(TIMES)))


def test_the_same_answer_sent_fifty_times_at_once_is_stored_once(site: Served, db: Database) -> None:
    ada = Person(site, db, "ada")
    project = a_project(db, "double", size=5)
    lease = a_lease(db, project, sessions.user_for(db, ada.cookies["winnow"], utc_now()), utc_now())
    answers = at_once(lambda: ada.post(f"/leases/{lease.token}/answer", label=project.labels[0].id))
    assert answers == {(303, f"/projects/{project.id}/annotate"): TIMES}
    stored = db.execute("SELECT lease_token FROM annotations WHERE project_id = ?", [project.id]).fetchall()
    assert [row["lease_token"] for row in stored] == [lease.token]


def test_different_answers_to_one_review_at_once_store_the_first(site: Served, db: Database) -> None:
    ben = Person(site, db, "ben")
    project = a_project(db, "torn", size=5)
    lease = a_lease(db, project, sessions.user_for(db, ben.cookies["winnow"], utc_now()), utc_now())
    labels = [label.id for label in project.labels]
    drawn = iter(labels * TIMES)
    answers = at_once(lambda: ben.post(f"/leases/{lease.token}/answer", True, label=next(drawn)))
    stored = db.execute("SELECT label_id FROM annotations WHERE project_id = ?", [project.id]).fetchall()
    assert len(stored) == 1
    assert {status for status, _ in answers} == {200, 409}


def test_fifty_starts_at_once_queue_one_round(site: Served, db: Database) -> None:
    root = Person(site, db, "root", "admin")
    project = a_project(db, "starts")
    answers = at_once(lambda: root.post(f"/projects/{project.id}/rounds"))
    assert {status for status, _ in answers} == {303}
    assert [each.state for each in rounds.of_project(db, project.id)] == ["queued"]
    claim = work.claim_next(db, "rounds", utc_now())
    assert claim is not None
    at_once(lambda: root.post(f"/projects/{project.id}/rounds"))
    assert [each.state for each in rounds.of_project(db, project.id)] == ["running"]
    work.finish(db, claim, "cancelled", utc_now())


def test_twenty_label_while_a_round_publishes_its_scores(site: Served, db: Database) -> None:
    """What a worker writes in bulk lets submits through (D07), and nothing acknowledged is missing after (C15)."""
    team = [Person(site, db, f"annotator {number}") for number in range(ANNOTATORS)]
    project = a_project(db, "busy", size=20_000, ahead=2)
    over = threading.Event()
    bulk = threading.Thread(target=publish_until, args=(site.instance.database, project, over))
    bulk.start()
    try:
        with ThreadPoolExecutor(ANNOTATORS) as pool:
            told = list(pool.map(lambda person: label_for_a_while(person, project), team))
    finally:
        over.set()
        bulk.join()
    acknowledged = [annotation for annotations, _ in told for annotation in annotations]
    stored = db.execute("SELECT id FROM annotations WHERE project_id = ?", [project.id]).fetchall()
    assert sorted(acknowledged) == sorted(row["id"] for row in stored)
    labelled = db.execute(
        "SELECT review_id FROM current_labels WHERE project_id = ?", [project.id]
    ).fetchall()
    assert len({row["review_id"] for row in labelled}) == len(labelled)
    waits = np.array([wait for _, waits in told for wait in waits]) * 1000
    scored = db["predictions"].count
    assert scored > 0
    sys.stdout.write(
        f"{ANNOTATORS} annotators, {SECONDS:.0f} s beside {scored} scores: {len(waits)} submits, 0 errors,"
        f" median {np.median(waits):.0f} ms, p95 {np.percentile(waits, 95):.0f} ms, max {waits.max():.0f} ms\n"
    )


def label_for_a_while(person: Person, project: Project) -> tuple[list[int], list[float]]:
    """Label at some pace; the annotations acknowledged, and how long each answer took."""
    _, body, _ = person.post(f"/projects/{project.id}/annotate/ahead", True)
    acknowledged, waits = [], []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        found = LEASE.search(body)
        assert found, body[:300]
        began = time.perf_counter()
        status, answer, _ = person.post(
            f"/leases/{found[1]}/answer", True, label=project.labels[0].id, ahead="1"
        )
        waits.append(time.perf_counter() - began)
        assert status == 200, answer
        told = json.loads(answer)
        acknowledged.append(told["annotation"])
        body = told["ahead"]
        time.sleep(THINK_SECONDS)
    return acknowledged, waits


def publish_until(path: Path, project: Project, over: threading.Event) -> None:
    """One round's scores and ranking after another, written as the worker writes them."""
    with closing(open_database(path)) as db:
        ids, _ = reviews.pool_texts(db, project.id)
        while not over.is_set():
            rounds.start(db, project.id, {}, "button", None, utc_now())
            claim = work.claim_next(db, "rounds", utc_now())
            assert claim is not None
            version = model_versions.add(
                db, claim, "tiny", "ab" * 32, "head", f"checkpoint-{claim.id}", "cd" * 32, 1, "first", "", [], utc_now()
            )  # fmt: skip
            scores = [Scores(review, (0.5, 0.3, 0.2)) for review in ids]
            model_versions.add_predictions(db, claim, version.id, projects.get(db, project.id).labels, scores)
            ranking = rankings.write(db, project.id, [], utc_now(), claim.id, version.id)
            rounds.publish(db, claim, version.id, ranking, True, {}, utc_now())
