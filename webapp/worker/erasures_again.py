"""After a restore: erase again what was erased since the backup was made, by the journal beside the database."""

from contextlib import closing

from sqlite_utils import Database

from webapp import erasing
from webapp.instance import Instance, open_instance
from webapp.store import erasures, projects
from webapp.store.connection import utc_now
from webapp.store.erasures import Erasure
from webapp.subject_keys import SubjectKeys
from webapp.worker.erasures import carry_out


def replay(instance: Instance) -> int:
    """Erase again whatever the journal names and the database still has, as after a restore. How many subjects.

    The only admin of an old backup goes as well: whoever restores can make another, and would be without a backup else.
    """
    with closing(open_instance(instance)) as db:
        due = [erasure for erasure in _journalled(db, instance) if _has(db, SubjectKeys(instance), erasure)]
        for erasure in due:
            carry_out(db, instance, erasure.id, last_admin_too=True)
    return len(due)


def _journalled(db: Database, instance: Instance) -> list[Erasure]:
    """The journal's erasures as the table has them; those it does not know are entered.

    A project that is younger than the backup has nobody to erase.
    """
    known = {(each.kind, each.subject_key, each.project_id): each for each in erasures.everything(db)}
    scopes = [None, *(project.id for project in projects.everything(db))]
    for entry in erasing.read_journal(instance):
        key = (entry["kind"], bytes.fromhex(entry["subject_key"]), entry.get("project"))
        if key[2] in scopes and key not in known:
            known[key] = erasures.begin(db, *key, None, utc_now())
    return list(known.values())


def _has(db: Database, keys: SubjectKeys, erasure: Erasure) -> bool:
    if erasure.kind == "customer":
        return bool(erasing.authors_of(db, keys, erasure.subject_key, erasure.project_id))
    return erasing.account_of(db, keys, erasure) is not None
