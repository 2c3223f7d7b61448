"""The erasure of one customer from a large database, and how long others wait to write meanwhile.

python benchmarks/erasing.py --reviews 200000
"""

import argparse
import random
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database

from webapp import erasing
from webapp import instance as instances
from webapp.importing import ParsedReview
from webapp.instance import Instance
from webapp.store import compaction, insertion, jobs, projects
from webapp.store.connection import open_database, utc_now, write_transaction
from webapp.worker.erasures import carry_out

WORDS = "the battery screen works broke late again never always cheap dear good bad blue box arrived asked".split()
BATCH = 5_000


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        where = instances.locate(Path(folder) / "instance")
        instances.create(where)
        with closing(instances.open_instance(where)) as db:
            _fill(db, arguments.reviews, arguments.theirs)
            size = compaction.size(db)
            erasing.request_customer(db, where, "canary", None, None, utc_now())
            phases: dict[str, float] = {}
            waits: list[float] = []
            stop = threading.Event()
            writer = threading.Thread(target=_write, args=(where, stop, waits))
            writer.start()
            started = time.perf_counter()
            found = carry_out(db, where, 1, lambda phase, *_: phases.setdefault(phase, time.perf_counter()))
            seconds = time.perf_counter() - started
            stop.set()
            writer.join()
    print(
        f"{arguments.reviews:,} reviews, {size / 1e6:,.0f} MB; {arguments.theirs} erased in {seconds:.1f} s"
    )
    print({phase: f"from {at - started:.2f} s" for phase, at in phases.items()})
    print(f"{len(waits)} writes beside it, the longest took {max(waits):.2f} s")
    print(f"looked for {found['looked_for']} texts in {found['bytes'] / 1e6:,.0f} MB, left: {found['found']}")


def _fill(db: Database, size: int, theirs: int) -> None:
    draw = random.Random(1)
    project = projects.create(db, "Large")
    job = jobs.create(db, project.id, "import", {"file": "none"}, None, utc_now())
    blank = dict.fromkeys(("external_id", "product_id", "reviewed_at", "category", "label", "part", "rating"))
    for start in range(0, size, BATCH):
        batch = [
            ParsedReview(
                row=row,
                text=f"{' '.join(draw.choices(WORDS, k=40))} {row}",
                author_id="canary" if row % (size // theirs) == 0 else f"customer {row % 50_000}",
                extra={},
                notes=(),
                **blank,
            )
            for row in range(start, min(size, start + BATCH))
        ]
        insertion.insert_batch(db, project, job.id, insertion.with_hashes(batch), None, utc_now())
    jobs.cancel(db, job.id, None, utc_now())


def _write(where: Instance, stop: threading.Event, waits: list[float]) -> None:
    """As people who label: a small write, again and again."""
    with closing(open_database(where.database)) as db:
        db.execute("PRAGMA busy_timeout = 120000")
        while not stop.wait(0.02):
            started = time.perf_counter()
            with write_transaction(db):
                db.execute(
                    "INSERT INTO rate_counts VALUES ('x', 0, 1) ON CONFLICT DO UPDATE SET count = count + 1"
                )
            waits.append(time.perf_counter() - started)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--reviews", type=int, default=200_000)
    parser.add_argument("--theirs", type=int, default=50, help="reviews of the customer")
    return parser.parse_args()


if __name__ == "__main__":
    main()
