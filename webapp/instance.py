"""The instance folder: one machine's data. The command line, the web app and the worker all find it here."""

import logging
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

import migrations
from webapp import file_system
from webapp.backups import backup_folder
from webapp.store import soundness
from webapp.store.connection import database_path, open_database
from webapp.store.errors import DatabaseUnusable, StoreError

log = logging.getLogger(__name__)

ENVIRONMENT = "WINNOW_INSTANCE"
DEFAULT_FOLDER = Path("instance")
SECRET_KEY_BYTES = 48
SHORTEST_SECRET_KEY = 32
# A million reviews take 2 s, and 9 s after a kill. Past this the server starts, and says that it has not seen all.
LONGEST_LOOK_SECONDS = 60.0
# A restore that was cut off half way; see webapp/backups/restoring.py.
RESTORE_PLAN = "restore-plan.json"
SUBFOLDERS = ("encoders", "features", "checkpoints", "uploads", "imports", "exports")


class InstanceError(StoreError):
    """The instance folder is missing, incomplete or not safe to start with."""


@dataclass(frozen=True)
class Instance:
    """Where everything of one installation lies; `folder` is absolute."""

    folder: Path

    @property
    def database(self) -> Path:
        """The one database file."""
        return database_path(self.folder)

    @property
    def secret_key_file(self) -> Path:
        """What signs the forms' tokens."""
        return self.folder / "secret_key"

    @property
    def encoders(self) -> Path:
        """The encoders that were added."""
        return self.folder / "encoders"

    @property
    def features(self) -> Path:
        """Each text's features, kept once encoded."""
        return self.folder / "features"

    @property
    def checkpoints(self) -> Path:
        """The files of the model versions."""
        return self.folder / "checkpoints"

    @property
    def uploads(self) -> Path:
        """Files to import, under names of our own."""
        return self.folder / "uploads"


def locate(folder: Path | None = None) -> Instance:
    """The instance asked for, else the environment's, else ./instance; it need not exist."""
    chosen = folder or Path(os.environ.get(ENVIRONMENT) or DEFAULT_FOLDER)
    return Instance(chosen.expanduser().resolve())


def create(instance: Instance) -> None:
    """Make folder, secret key and database, readable by this account alone; completes what is there already."""
    instance.folder.mkdir(parents=True, exist_ok=True)
    instance.folder.chmod(0o700)
    for name in SUBFOLDERS:
        (instance.folder / name).mkdir(exist_ok=True)
    if _is_gone(instance):
        raise _lost(instance)
    if not instance.database.exists():
        file_system.require_fit(instance.folder)
        os.close(os.open(instance.database, os.O_WRONLY | os.O_CREAT, 0o600))
    _apply_pending(instance, new=True)
    # Last, so that a key tells of a database that was made: no empty one ever takes its place.
    if not instance.secret_key_file.exists():
        _write_private(instance.secret_key_file, secrets.token_urlsafe(SECRET_KEY_BYTES))


def migrate(instance: Instance) -> list[str]:
    """Apply the pending steps; returns their names. InstanceError when there is no instance here."""
    _require(instance)
    return _apply_pending(instance)


def check(instance: Instance) -> None:
    """Before a start: refuse a file system that cannot hold the database, and a file that is damaged."""
    _require(instance)
    file_system.require_fit(instance.folder)
    look = soundness.look_through(instance.database, LONGEST_LOOK_SECONDS)
    if look.faults:
        raise DatabaseUnusable(
            f"The database {instance.database} is damaged ({'; '.join(look.faults)}). Nothing was written to it."
            f" {_way_back(instance)}"
        )
    if not look.complete:
        log.warning(
            "The database was not checked to its end: that takes more than %g s.", LONGEST_LOOK_SECONDS
        )


def open_instance(instance: Instance) -> Database:
    """Its database, ready to use; InstanceError or DatabaseUnusable when it is missing or waits for `migrate`."""
    _require(instance)
    db = open_database(instance.database)
    pending = migrations.pending(db)
    if pending:
        db.close()
        raise InstanceError(
            f"The database in {instance.folder} lacks {', '.join(pending)}."
            " Back it up, then bring it up to date with `winnow migrate`."
        )
    return db


def secret_key(instance: Instance) -> str:
    """The key of this instance; InstanceError when it is missing, short or open to other accounts."""
    path = instance.secret_key_file
    try:
        key = path.read_text("ascii").strip()
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise InstanceError(
            f"The secret key {path} cannot be read ({type(error).__name__}). `winnow init` makes a missing one."
        ) from error
    if len(key) < SHORTEST_SECRET_KEY or len(set(key)) < SHORTEST_SECRET_KEY // 4:
        raise InstanceError(
            f"The secret key {path} is too weak. Remove it and run `winnow init` for a new one."
        )
    if mode & 0o077:
        raise InstanceError(f"The secret key {path} can be read by other accounts. Run `chmod 600 {path}`.")
    return key


def _apply_pending(instance: Instance, new: bool = False) -> list[str]:
    db = open_database(instance.database, create=new)
    try:
        return migrations.apply(db)
    finally:
        db.close()


def _is_gone(instance: Instance) -> bool:
    """Whether a database was here once: the key is there, or the log of one, but nothing in the file."""
    empty = not instance.database.exists() or instance.database.stat().st_size == 0
    return empty and (instance.secret_key_file.exists() or soundness.left_behind(instance.database))


def _lost(instance: Instance) -> DatabaseUnusable:
    state = "is empty" if instance.database.exists() else "is missing"
    return DatabaseUnusable(
        f"The database {instance.database} {state}. {_way_back(instance)} To begin anew, choose another folder."
    )


def _way_back(instance: Instance) -> str:
    backup = backup_folder.newest(instance.folder)
    if backup is None:
        folder = instance.folder / backup_folder.FOLDER
        return f"There is no backup in {folder}; restore one from elsewhere with `winnow restore`."
    return f"The newest backup is {backup}: `winnow restore {backup}`."


def _require(instance: Instance) -> None:
    if (instance.folder / RESTORE_PLAN).exists():
        raise InstanceError(
            f"A restore of {instance.folder} was cut off half way. Finish it with `winnow restore --finish`."
        )
    if _is_gone(instance):
        raise _lost(instance)
    if not instance.database.exists():
        raise InstanceError(
            f"There is no Winnow instance in {instance.folder}. Make one with `winnow init`,"
            f" or name another with --instance or {ENVIRONMENT}."
        )


def _write_private(path: Path, text: str) -> None:
    """Write a file that only this account reads, from its first byte on."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text + "\n")
