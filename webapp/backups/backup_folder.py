"""The backups in an instance's folder, known by their names alone: there may be no database to ask."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

FOLDER = "backups"
STAMP = "%Y%m%dT%H%M%SZ"
NAME = re.compile(r"winnow-(\d{8}T\d{6}Z)\.tar")
ALL_KEPT = timedelta(hours=24)


def name_at(now: datetime) -> str:
    """What a backup begun at that time is called."""
    return f"winnow-{now.astimezone(UTC).strftime(STAMP)}.tar"


def files(folder: Path) -> list[Path]:
    """The backups in the folder of an instance, newest first."""
    found = (path for path in (folder / FOLDER).glob("winnow-*.tar") if NAME.fullmatch(path.name))
    return sorted(found, key=lambda path: path.name, reverse=True)


def newest(folder: Path) -> Path | None:
    """The newest backup in the folder of an instance."""
    return next(iter(files(folder)), None)


def made_at(path: Path) -> datetime:
    """When a backup in the folder was begun, by its name."""
    found = NAME.fullmatch(path.name)
    assert found, "only files of ours are asked about"
    return datetime.strptime(found[1], STAMP).replace(tzinfo=UTC)


def superseded(paths: list[Path], now: datetime, daily: int, weekly: int) -> list[Path]:
    """Which of our files rotation removes: kept are a day's worth, then the newest of each day and of each week."""
    newest_first = sorted(paths, key=made_at, reverse=True)
    kept = {path for path in newest_first if now - made_at(path) < ALL_KEPT} | set(newest_first[:1])
    for count, period in ((daily, "%Y-%j"), (weekly, "%G-%V")):
        of_period: dict[str, Path] = {}
        for path in newest_first:
            of_period.setdefault(made_at(path).strftime(period), path)
        kept |= set(list(of_period.values())[:count])
    return [path for path in newest_first if path not in kept]


def rotate(folder: Path, now: datetime, daily: int, weekly: int) -> list[Path]:
    """Remove what is superseded in the folder of an instance; a file of another name is never touched."""
    removed = superseded(files(folder), now, daily, weekly)
    for path in removed:
        path.unlink(missing_ok=True)
    return removed
