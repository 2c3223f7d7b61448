"""How long a backup takes while people label, and how long they wait meanwhile.

python benchmarks/backing_up.py --reviews 200000
"""

import argparse
import statistics
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from random import Random

from webapp import instance as instances
from webapp.backups import making
from webapp.importing import ParsedReview
from webapp.instance import Instance
from webapp.store import insertion, jobs, projects, users, work
from webapp.store.connection import open_database, utc_now, write_transaction

WORDS = "good bad fine broken great awful nice slow fast cheap strong weak loud clear dull".split()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reviews", type=int, default=200_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        instance = instances.locate(Path(folder) / "instance")
        build(instance, options.reviews)
        over = threading.Event()
        waits: list[tuple[float, float]] = []
        writer = threading.Thread(target=write, args=(instance, over, waits))
        writer.start()
        time.sleep(5)
        began = time.monotonic()
        made = making.make(instance)
        seconds = time.monotonic() - began
        over.set()
        writer.join()
        size = instance.database.stat().st_size
        print(
            f"{options.reviews:,} reviews, database {size / 1e6:,.0f} MB: backup {made.bytes / 1e6:,.0f} MB",
            end="",
        )
        print(f" made and verified in {seconds:.1f} s")
        for when, part in (
            ("before", [w for at, w in waits if at < began]),
            ("during", [w for at, w in waits if at >= began]),
        ):
            percentile = statistics.quantiles(part, n=20)[-1]
            print(f"{when}: {len(part)} commits, p95 {percentile:.1f} ms, longest {max(part):.1f} ms")


def build(instance: Instance, size: int) -> None:
    """A project with many reviews."""
    instances.create(instance)
    chance, columns = (
        Random(0),
        ("external_id", "rating", "product_id", "author_id", "reviewed_at", "category", "label", "part"),
    )
    with closing(instances.open_instance(instance)) as db:
        users.add(db, "root", "no password", "admin")
        project = projects.create(db, "Benchmark")
        job = jobs.create(db, project.id, "import", {"name": "x"}, None, utc_now())
        work.claim_this(db, "jobs", job.id, utc_now())
        for start in range(0, size, 5000):
            rows = [
                ParsedReview(
                    row=row,
                    text=f"{' '.join(chance.choices(WORDS, k=40))} {row}",
                    extra={},
                    notes=(),
                    **dict.fromkeys(columns),
                )
                for row in range(start, start + 5000)
            ]
            insertion.insert_batch(db, project, job.id, insertion.with_hashes(rows), None, utc_now())


def write(instance: Instance, over: threading.Event, waits: list[tuple[float, float]]) -> None:
    """A commit every 10 ms, as some dozens of annotators make them; notes how long each took."""
    with closing(open_database(instance.database)) as db:
        while not over.wait(0.01):
            began = time.monotonic()
            with write_transaction(db):
                db.execute("UPDATE reviews SET category = ? WHERE id = 1", [str(began)])
            waits.append((began, 1000 * (time.monotonic() - began)))


if __name__ == "__main__":
    main()
