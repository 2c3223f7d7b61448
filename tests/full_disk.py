"""A disk with little room left: for the whole process by a limit on file sizes, or a small disk of its own."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

FRAME = 24 + 4096


@contextmanager
def room_for(database: Path, frames: int) -> Iterator[None]:
    """Let the write-ahead log grow by so many pages and no more; the write after that fails in the middle."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = database.with_name(f"{database.name}-wal").stat().st_size
    # A log shorter than the index beside it could not be told from a disk that takes nothing at all.
    assert log > 64_000, "write more first"
    resource.setrlimit(resource.RLIMIT_FSIZE, (log + frames * FRAME + FRAME // 2, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def small_disk(folder: Path, megabytes: float) -> Iterator[Path]:
    """A disk of that size at the folder; the test is skipped where mounting is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={int(megabytes * 1024)}k", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
