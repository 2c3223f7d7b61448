"""Files that nothing speaks of any more: found by the doctor, removed by `winnow doctor --clean`."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlite_utils import Database

from webapp.instance import Instance
from webapp.store import health

# Younger ones may belong to work that is under way and has not told the database yet.
AGE = timedelta(hours=24)
# What a killed process leaves half written, by folder.
HALF_WRITTEN = (
    *(
        "checkpoints/.writing-*",
        "exports/.export-*",
        "encoders/.adding-*",
        "backups/.making-*",
        "backups/.*.part",
    ),
    ".restoring",
)


def find(db: Database, instance: Instance, now: datetime) -> list[Path]:
    """Files and folders that no row names, and what was left half written; all older than a day."""
    oldest_kept = (now - AGE).timestamp()
    return sorted(path for path in _candidates(db, instance) if path.lstat().st_mtime < oldest_kept)


def remove(paths: list[Path]) -> None:
    """Remove what `find` found; a link goes, and never what it points to."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    inside = path.rglob("*") if path.is_dir() else [path]
    return sum(each.lstat().st_size for each in inside if each.is_file())


def _candidates(db: Database, instance: Instance) -> Iterator[Path]:
    for pattern in HALF_WRITTEN:
        yield from instance.folder.glob(pattern)
    for folder, names in health.files_in_use(db).items():
        for path in (instance.folder / folder).glob("*"):
            if not path.name.startswith(".") and path.name not in names:
                yield path
