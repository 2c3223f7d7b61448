"""Backups of an instance while it is at work: made whole and verified or not at all, and the old ones removed."""

import fcntl
import importlib.metadata
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from sqlite_utils import Database
from sqlite_utils.utils import OperationalError

from webapp import checkpoint_files
from webapp.backups import backup_file, backup_folder
from webapp.backups.backup_file import Manifest, Member
from webapp.instance import Instance
from webapp.store import backups
from webapp.store.backups import BackupError, CopyFacts
from webapp.store.connection import open_database, timestamp, utc_now

MAKING, UNFINISHED = ".making-", ".part"
# Some minutes for tens of gigabytes; what takes longer than this hangs.
COPY_SECONDS = 3600.0
# What must stay free for everybody else.
RESERVE_BYTES = 500_000_000


class BackupUnderWay(BackupError):
    """One is being made already."""


@dataclass(frozen=True)
class Made:
    """A backup that was written and verified. `left_out`: files that lie in the instance and are in no backup."""

    path: Path
    bytes: int
    manifest: Manifest
    left_out: list[str]


def make(
    instance: Instance,
    target: Path | None = None,
    cause: str = "command",
    with_encoders: bool = False,
    by: int | None = None,
    now: datetime | None = None,
    unless: Callable[[Database], bool] = lambda _db: False,
) -> Made:
    """Back up an instance that may be at work; BackupUnderWay when somebody does already, BackupError says why not.

    target: a file that does not exist yet, or a folder; otherwise the instance's own folder of backups.
    unless: asked once nobody else can begin one.
    """
    now = now or utc_now()
    with _one_at_a_time(instance) as own, closing(open_database(instance.database)) as db:
        if unless(db):
            raise BackupUnderWay("Somebody else has made one meanwhile.")
        path = _target(own, target, now)
        listed = backups.is_listed(db)
        in_folder = path.parent.resolve() == own.resolve()
        backup_id = backups.begin(db, cause, path.name if in_folder else str(path), now) if listed else 0
        try:
            manifest, left_out = _make(db, instance, path, with_encoders, now)
        except BaseException as error:
            if listed:
                with suppress(
                    OperationalError
                ):  # a full disk may not even take this; the cause is told all the same
                    backups.fail(db, backup_id, reason(error), utc_now())
            raise
        size = path.stat().st_size
        if listed:
            backups.finish(db, backup_id, size, backup_file.sha256(path), by, utc_now())
    return Made(path, size, manifest, left_out)


def verify(path: Path, database: Path | None = None) -> Manifest:
    """Check a backup from its first byte to its last; `database` is the copy it was made from, if it is still here."""
    with tempfile.TemporaryDirectory(prefix="winnow-verify-") as folder:
        wanted = (checkpoint_files.MANIFEST, *((backup_file.DATABASE,) if database is None else ()))
        manifest = backup_file.unpack(path, Path(folder), lambda name: name.endswith(wanted))
        check_content(manifest, Path(folder), database or Path(folder) / backup_file.DATABASE)
    return manifest


def check_content(manifest: Manifest, folder: Path, database: Path) -> CopyFacts:
    """BackupError unless database and checkpoints are sound and are those that the manifest speaks of."""
    if faults := backups.faults(database):
        raise BackupError(f"The database in this backup is damaged ({'; '.join(faults)}). Use another one.")
    facts = backups.facts(database)
    if (facts.migrations, facts.rows) != (manifest.migrations, manifest.rows):
        raise BackupError(
            "The database in this backup is not the one that its manifest counts. Use another one."
        )
    for name, manifest_sha256 in facts.checkpoints.items():
        prefix = f"checkpoints/{name}/"
        hashes = {
            member.removeprefix(prefix): each.sha256
            for member, each in manifest.members.items()
            if member.startswith(prefix)
        }
        fault = checkpoint_files.disagreement(
            hashes, folder / prefix / checkpoint_files.MANIFEST, manifest_sha256
        )
        if fault and name not in manifest.missing:
            raise BackupError(f"The checkpoint {name} in this backup {fault}. Use another one.")
    return facts


@contextmanager
def _one_at_a_time(instance: Instance) -> Generator[Path, None, None]:
    """The folder of backups, under a lock that ends with its holder; sweeps what a killed one left."""
    folder = instance.folder / backup_folder.FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    with open(os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600), "r+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupUnderWay("A backup is being made right now. Try again when it is done.") from None
        for left in folder.glob(f"{MAKING}*"):
            shutil.rmtree(left, ignore_errors=True)
        for left in folder.glob(f".*{UNFINISHED}"):
            left.unlink(missing_ok=True)
        yield folder


def _target(own: Path, asked: Path | None, now: datetime) -> Path:
    name = backup_folder.name_at(now)
    path = own / name if asked is None else asked / name if asked.is_dir() else asked
    if path.exists() or path.is_symlink():
        raise BackupError(f"{path} exists already. Name another file: a backup never replaces one.")
    if not path.parent.is_dir():
        raise BackupError(f"There is no folder {path.parent}. Make it, or name another file.")
    return path


def _make(
    db: Database, instance: Instance, path: Path, with_encoders: bool, now: datetime
) -> tuple[Manifest, list[str]]:
    with tempfile.TemporaryDirectory(prefix=MAKING, dir=instance.folder / backup_folder.FOLDER) as folder:
        copy = Path(folder) / backup_file.DATABASE
        _require_space(copy.parent, instance.database.stat().st_size)
        copy.touch(mode=0o600)
        backups.copy_into(db, copy, COPY_SECONDS)
        if faults := backups.faults(copy):
            raise BackupError(f"The database is damaged ({'; '.join(faults)}). See `winnow doctor`.")
        facts = backups.facts(copy)
        members, missing, left_out = _members(instance, copy, facts, with_encoders)
        _require_space(path.parent, sum(source.stat().st_size for _, source in members))
        written = path.with_name(f".{path.name}{UNFINISHED}")
        written.unlink(missing_ok=True)  # a killed one's, in a folder that is not ours to sweep
        try:
            with open(os.open(written, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
                _write(file, members, missing, facts, now)
            manifest = verify(written, copy)
            written.rename(path)
        finally:
            written.unlink(missing_ok=True)
        backup_file.fsync(path.parent)
    return manifest, left_out


def _write(
    file: IO[bytes], members: list[tuple[str, Path]], missing: list[str], facts: CopyFacts, now: datetime
) -> None:
    def complete(written: dict[str, Member]) -> Manifest:
        version = importlib.metadata.version("winnow")
        return Manifest(version, timestamp(now), facts.migrations, facts.rows, written, missing)

    backup_file.write(file, members, now.timestamp(), complete)
    file.flush()
    os.fsync(file.fileno())


def _members(
    instance: Instance, copy: Path, facts: CopyFacts, with_encoders: bool
) -> tuple[list[tuple[str, Path]], list[str], list[str]]:
    """What goes into the file, the checkpoints that the database names and the instance lacks, and what is left out."""
    members = [(backup_file.DATABASE, copy)]
    members += [
        (name, instance.folder / name)
        for name in (backup_file.SECRET_KEY, backup_file.CONFIG, backup_file.ERASURES)
        if (instance.folder / name).is_file()
    ]
    missing = []
    for name, manifest_sha256 in facts.checkpoints.items():
        if checkpoint_files.fault(instance.checkpoints / name, manifest_sha256):
            missing.append(
                name
            )  # `doctor` says what is wrong with it; the rest is worth keeping all the same
        else:
            members += _below(instance.checkpoints / name, instance.folder)
    for name, _ in members:
        backup_file.require_known(name)
    left_out = []  # people put files there, and so do their editors: no reason to be without a backup
    for folder in ("assets", "encoders") if with_encoders else ("assets",):
        for name, path in _below(instance.folder / folder, instance.folder):
            if backup_file.is_known(name):
                members.append((name, path))
            else:
                left_out.append(name)
    return members, missing, left_out


def _below(folder: Path, root: Path) -> Iterator[tuple[str, Path]]:
    """The plain files of a folder, without what is hidden or half written there."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.is_file() and not path.is_symlink() and not hidden:
            yield path.relative_to(root).as_posix(), path


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + RESERVE_BYTES:
        raise BackupError(
            f"A backup needs {(needed + RESERVE_BYTES) / 1e9:,.1f} GB in {folder}, and {free / 1e9:,.1f} GB are free."
            " Free some space, or name a file on another disk."
        )


def reason(error: BaseException) -> str:
    """What people read of a backup that failed."""
    if isinstance(error, BackupError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}."
    return f"Unexpected {type(error).__name__}."
