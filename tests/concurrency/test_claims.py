"""Many processes at one queue: no review goes to two people, no label is lost, no lock is shown to anybody.

The long form is `WINNOW_CLAIMS=5000 pytest -s tests/concurrency/test_claims.py`; it prints its figures.
"""

import os
import sys
import time

import numpy as np
from builders import a_project, a_user
from killing import forkserver
from racing import claim_many
from sqlite_utils import Database

from webapp.instance import Instance

PROCESSES = 16
CLAIMS = int(os.environ.get("WINNOW_CLAIMS", "60"))


def test_processes_racing_for_reviews_never_get_one_twice(web_db: Database, web_instance: Instance) -> None:
    people = [a_user(web_db, f"person {number}").id for number in range(PROCESSES)]
    project = a_project(web_db, size=PROCESSES * CLAIMS)
    context = forkserver()
    out, start = context.Queue(), context.Barrier(PROCESSES)
    processes = [
        context.Process(
            target=claim_many,
            args=(web_instance.database, project.id, user, project.labels[0].id, CLAIMS, start, out),
        )
        for user in people
    ]
    began = time.perf_counter()
    for process in processes:
        process.start()
    done = [out.get(timeout=60 + CLAIMS) for _ in processes]
    seconds = time.perf_counter() - began
    for process in processes:
        process.join()
    taken = [review for reviews, _ in done for review in reviews]
    assert len(taken) == len(set(taken)) == PROCESSES * CLAIMS
    stored = web_db.execute("SELECT count(*), count(DISTINCT review_id) FROM current_labels").fetchone()
    assert tuple(stored) == (len(taken), len(taken))
    assert web_db.execute("SELECT count(*) FROM leases WHERE ended <> 'answered'").fetchone()[0] == 0
    waits = np.array([wait for _, claims in done for wait in claims]) * 1000
    sys.stdout.write(
        f"{PROCESSES} processes x {CLAIMS}: {len(taken)} claims and answers in {seconds:.1f} s, 0 doubles,"
        f" a claim took {np.median(waits):.1f} ms (p95 {np.percentile(waits, 95):.1f}, max {waits.max():.0f})\n"
    )
