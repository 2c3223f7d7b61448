"""Forget the features of texts that are gone: the files of each encoder are written anew without their rows."""

import os
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from learner.features import ENTRY, HEADER, MAGIC, writing_alone
from learner.progress import Progress, silent

CHUNK = 8_192
WIDEST = 8_192


def forget_features(folder: Path, known: Callable[[], Iterable[bytes]], progress: Progress = silent) -> int:
    """Drop each stored row whose text's sha256 is none of `known`, asked once nobody else writes. Rows dropped."""
    dropped = 0
    caches = sorted(folder.glob("*.index"))
    for number, index in enumerate(caches):
        progress("features", number, len(caches))
        with writing_alone(index.with_suffix(".lock"), "features", progress):
            dropped += _rewrite(index, _keys(b"".join(known())))
    return dropped


def _rewrite(index: Path, known: np.ndarray) -> int:
    rows = index.with_suffix(".rows")
    entries = (
        np.fromfile(index, ENTRY, offset=HEADER) if index.stat().st_size > HEADER else np.zeros(0, ENTRY)
    )
    keep = np.isin(_keys(entries["digest"].tobytes()), known)
    if keep.all():
        return 0
    width = _row_bytes(rows, entries)
    if width is None:  # damaged: what cannot be read cannot be sorted out; it is encoded anew
        rows.unlink(missing_ok=True)
        index.unlink()
        return len(entries)
    header = MAGIC.ljust(HEADER - 32) + os.urandom(32)
    stored = np.memmap(rows, np.uint8, "r", HEADER, (len(entries), width))
    kept = np.flatnonzero(keep)
    pieces = (stored[kept[start : start + CHUNK]].tobytes() for start in range(0, len(kept), CHUNK))
    new_rows = _written(rows, header, pieces)
    new_index = _written(index, header, [entries[kept].tobytes()])
    # A kill between the two leaves headers that differ: the cache then starts anew by itself.
    new_rows.replace(rows)
    new_index.replace(index)
    return int((~keep).sum())


def _written(path: Path, header: bytes, pieces: Iterable[bytes]) -> Path:
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        file.write(header)
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())
    return new


def _row_bytes(rows: Path, entries: np.ndarray) -> int | None:
    """How long a row is, told by the checksum of the first: the file itself does not say."""
    if not rows.is_file():
        return None
    with rows.open("rb") as file:
        file.seek(HEADER)
        start = file.read(2 * WIDEST)
    available = rows.stat().st_size - HEADER
    for width in range(2, len(start) + 1, 2):
        if width * len(entries) > available:
            return None
        if zlib.crc32(start[:width], zlib.crc32(entries["digest"][0].tobytes())) == entries["checksum"][0]:
            return width
    return None


def _keys(digests: bytes) -> np.ndarray:
    """The first eight bytes of each digest as a number."""
    return np.ascontiguousarray(np.frombuffer(digests, "<u8")[::4])
