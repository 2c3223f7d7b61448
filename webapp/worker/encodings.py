"""Encode a project ahead of its first round, then offer a cross-section of the pool as the seed set."""

import time
from pathlib import Path

import numpy as np
from sqlite_utils import Database

from learner import encoders
from learner.cold_start import informed_seed_queue
from learner.embeddings import StoredEmbeddings, in_chunks
from learner.features import FeatureCache
from learner.progress import Progress
from webapp.store import jobs, projects, rankings, reviews, work
from webapp.store.connection import utc_now
from webapp.worker.rounds import said_by_stars

# Enough for the first rounds; the queue goes on at random where it ends.
SEED_SIZE = 200


def run(db: Database, instance: Path, claim: work.Claim, progress: Progress) -> None:
    """Run a claimed encode job. Every chunk is kept as it comes, so that stopping loses nothing."""
    started = time.monotonic()
    job = jobs.get(db, claim.id)
    encoder = encoders.resolve(instance / "encoders", job.payload["encoder"])
    cache = FeatureCache(instance / "features", encoder)
    texts = reviews.texts_in_reading_order(db, job.project_id)
    missing = cache.missing(texts)
    for _ in in_chunks(cache.encode, texts, progress):
        pass  # kept by now
    if projects.get(db, job.project_id).model_version_id is None:
        _publish_seed(db, job.project_id, cache, progress)
    seconds = time.monotonic() - started
    jobs.save_result(db, claim, {"texts": len(texts), "encoded": missing, "seconds": seconds})


def _publish_seed(db: Database, project_id: int, cache: FeatureCache, progress: Progress) -> None:
    """Put medoids of the pool, by what stars say, before people; a model's ranking would be better still."""
    progress("query", 0, 1)
    ids, texts = reviews.pool_texts(db, project_id)
    if not ids:
        return
    rows = np.array(ids, dtype=np.int64)
    stars = said_by_stars(db, projects.get(db, project_id), rows)
    embeddings = StoredEmbeddings(cache.encode, texts)
    chosen = informed_seed_queue(embeddings, rows, min(SEED_SIZE, len(ids)), project_id, stars)
    items = [rankings.RankedReview(item.id, item.origin, item.probability) for item in chosen]
    rankings.publish(db, project_id, rankings.write(db, project_id, items, utc_now()))
