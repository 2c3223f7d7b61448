"""Time the insights of a large project: counting all of its reviews, and finding the newest of one label.

python benchmarks/insights.py --reviews 1000000

The reviews are made up (60 words each, as many days and products as asked for); nothing is kept.
"""

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlite_utils import Database

import migrations
from webapp.figures.insights import insights
from webapp.store import insights as store
from webapp.store import projects
from webapp.store.connection import open_database, write_transaction
from webapp.store.projects import Project

WORDS = 500


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        db = open_database(Path(folder) / "insights.sqlite", create=True)
        migrations.apply(db)
        project = projects.create(db, "Large")
        _fill(db, project, options)
        before = _memory()
        for by in ("product", "category"):
            scope = store.Scope(project.id, 1, by)
            watched = project.labels[0].id
            started = time.process_time()
            found = insights(store.readings(db, scope), store.newest_day(db, scope), watched)
            counted = time.process_time()
            store.newest(db, scope, watched, "", 5)
            ended = time.process_time()
            print(
                f"{found.share.n:,} reviews by {by} ({len(found.groups):,}), in seconds of processor time:"
                f" counted {counted - started:.1f}, the newest {ended - counted:.1f};"
                f" {_memory() - before:.0f} MB more at most"
            )
        db.close()


def _fill(db: Database, project: Project, options: argparse.Namespace) -> None:
    """Reviews, and what a version would have said of them."""
    labels = [label.id for label in project.labels]
    chance = random.Random(0)
    with write_transaction(db):
        db.execute(
            "INSERT INTO rounds (id, project_id, number, cause, settings, snapshot, state, created_at)"
            " VALUES (1, ?, 1, 'button', '{}', 0, 'done', '2026-01-01')",
            [project.id],
        )
        db.execute(
            "INSERT INTO model_versions (id, project_id, round_id, number, encoder, encoder_sha256, classifier,"
            " checkpoint, manifest_sha256, training_labels, verdict, reason, created_at)"
            " VALUES (1, ?, 1, 1, '', '', 'head', '', '', 0, 'first', '', '2026-01-01')",
            [project.id],
        )
        db.conn.executemany(
            "INSERT INTO reviews (id, project_id, text, text_hash, near_key, rating, product_id, reviewed_at, category,"
            " part, shuffle_key, wanted, needed, created_at)"
            " VALUES (?, ?, ?, ?, x'00', ?, ?, ?, ?, 'pool', ?, 1, 1, '2026-01-01')",
            _rows(project, options, chance),
        )
        db.conn.executemany(
            "INSERT INTO predictions (model_version_id, review_id, label_id, confidence, margin, scores)"
            " VALUES (1, ?, ?, 0.8, 0.5, '[0.1, 0.1, 0.8]')",
            ((number, chance.choice(labels)) for number in range(1, options.reviews + 1)),
        )


def _rows(project: Project, options: argparse.Namespace, chance: random.Random) -> Iterator[tuple[Any, ...]]:
    words = [f"word{number}" for number in range(WORDS)]
    for number in range(1, options.reviews + 1):
        day = date(2026, 1, 1) - timedelta(days=chance.randrange(options.days))
        text = " ".join(chance.choices(words, k=60))
        product = f"product {min(int(chance.paretovariate(0.7)), options.products)}"
        yield (
            number, project.id, text, number.to_bytes(32, "big"), chance.randint(1, 5), product, day.isoformat(),
            f"category {chance.randrange(20)}", chance.getrandbits(60),
        )  # fmt: skip


def _memory() -> float:
    """The most this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reviews", type=int, default=200_000)
    parser.add_argument("--products", type=int, default=5_000)
    parser.add_argument("--days", type=int, default=1_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
