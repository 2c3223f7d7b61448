"""Carry out an erasure, step by step; each can be repeated, so a killed erasure goes on where it stopped."""

import secrets
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from learner.forgetting import forget_features
from learner.progress import Progress, silent
from webapp import byte_search, erasing
from webapp.access.passwords import hash_password
from webapp.instance import Instance
from webapp.store import compaction, erased_people, erased_reviews, erasures, jobs, work
from webapp.store.connection import utc_now
from webapp.store.erasures import Erasure
from webapp.subject_keys import SubjectKeys
from webapp.worker import erased_files

# Backups hold what they held: rotation ends that. Encoders were downloaded, no text of ours is in them.
NOT_SEARCHED = ("backups", "encoders")
# Texts looked for by the job itself; the command looks for all.
SEARCHED = 50


def run(db: Database, instance: Path, claim: work.Claim, progress: Progress) -> None:
    """Run a claimed erase job."""
    job = jobs.get(db, claim.id)
    jobs.save_result(db, claim, carry_out(db, Instance(instance), job.payload["erasure"], progress))


def carry_out(
    db: Database,
    instance: Instance,
    erasure_id: int,
    progress: Progress = silent,
    last_admin_too: bool = False,
) -> dict[str, Any]:
    """Erase, bring it to the disk, and look whether anything is left; what was found out, for people.

    LastAdmin where nobody else could look after things, unless `last_admin_too`.
    """
    erasure = erasures.get(db, erasure_id)
    erasing.write_journal(instance, erasure)
    with erased_reviews.overwriting(db):
        if erasure.kind == "customer":
            pieces = _erase_customer(db, instance, erasure, progress)
        else:
            pieces = _erase_annotator(db, instance, erasure, progress, last_admin_too)
        progress("compact", 0, 1)
        rewritten = compaction.size(db) <= compaction.LARGEST_WITH_WRITERS
        if rewritten:
            compaction.rewrite(db)
        compaction.empty_log(db, lambda: progress("compact", 0, 1))
    sought = erasing.said_by_nobody_else(db, pieces[:SEARCHED])
    searched = byte_search.search(instance.folder, sought, NOT_SEARCHED, progress)
    erasures.finish(db, erasure.id, utc_now())
    return {
        "rewritten": rewritten,
        "looked_for": len(sought),
        "files": searched.files,
        "bytes": searched.bytes,
        "found": searched.found,
    }


def _erase_customer(db: Database, instance: Instance, erasure: Erasure, progress: Progress) -> list[str]:
    keys = SubjectKeys(instance)
    names = erasing.authors_of(db, keys, erasure.subject_key, erasure.project_id)
    found = erasures.reviews_of(db, names, erasure.project_id)
    # In another project the customer's id may stay.
    pieces = byte_search.pieces_of(
        [row["text"] for row in found], names if erasure.project_id is None else []
    )
    # Before the rows go: they tell which uploaded files hold the same texts.
    hashes = {bytes(row["text_hash"]) for row in found}
    erased_files.drop_uploads(db, instance, erasure, keys, hashes, progress)
    erased_files.drop_error_files(db, instance, erasure.project_id)
    ids = [row["id"] for row in found]
    for start in range(0, len(ids), erased_reviews.CHUNK):
        progress("reviews", start, len(ids))
        erased_reviews.erase(db, erasure.id, ids[start : start + erased_reviews.CHUNK], utc_now())
    erased_reviews.forget_categories(db)
    erased_files.drop_model_archives(db, instance, erasures.get(db, erasure.id).model_versions)
    forget_features(instance.features, lambda: erasures.text_hashes(db), progress)
    return pieces


def _erase_annotator(
    db: Database, instance: Instance, erasure: Erasure, progress: Progress, last_admin_too: bool
) -> list[str]:
    account = erasing.account_of(db, SubjectKeys(instance), erasure)
    if account is None:  # an earlier attempt came that far
        return []
    progress("people", 0, 1)
    no_password = hash_password(secrets.token_urlsafe(32))
    erased_people.erase(db, erasure.id, account.id, no_password, utc_now(), last_admin_too)
    return byte_search.pieces_of([], [account.name])
