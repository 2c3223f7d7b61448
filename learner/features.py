"""Features kept on disk: each text is encoded once per encoder, whatever happens in between.

Two files per encoder and settings, appended to only. `.rows` holds float16 vectors, `.index` one entry a row:
the sha256 of the text and a checksum over that and the row. A row counts once its entry is there, and entries
are written after their rows are on disk, so a kill leaves at most an unused tail. A checksum that does not fit
means damage: both files are dropped and made again.
"""

import fcntl
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from learner.encoding import encode_texts
from learner.errors import EncoderError
from learner.progress import Progress, silent

if TYPE_CHECKING:
    from learner.encoders import Encoder

# What a kill or a cancel loses at most: some ten seconds of a slow machine.
CHUNK = 512
ENTRY = np.dtype([("digest", "V32"), ("checksum", "<u4")])
MAGIC = b"winnow features 1"
HEADER = 64  # magic, padding, then 32 bytes that rows and index share


class FeatureCache:
    """The stored features of one encoder; several processes may read while one writes."""

    def __init__(self, folder: Path, encoder: "Encoder") -> None:
        """`folder` is made if need be; nothing is read before the first use."""
        settings = encoder.settings
        what = (
            f"{encoder.sha256} {settings.pooling} {settings.layers} {settings.prefix} {settings.max_length}"
        )
        name = sha256(what.encode()).hexdigest()[:24]
        folder.mkdir(parents=True, exist_ok=True)
        self._encoder = encoder
        self._width = encoder.dimensions
        self._rows, self._index = folder / f"{name}.rows", folder / f"{name}.index"
        self._lock = folder / f"{name}.lock"
        self._state: tuple[int, int] | None = None
        self._entries = np.zeros(0, ENTRY)
        self._keys = np.zeros(0, np.uint64)
        self._order = np.zeros(0, np.int64)

    def missing(self, texts: Sequence[str]) -> int:
        """How many different texts have yet to be encoded."""
        digests = _digests(list(dict.fromkeys(texts)))
        self._refresh()
        return int((self._find(digests) < 0).sum())

    def encode(self, texts: Sequence[str], progress: Progress = silent) -> np.ndarray:
        """Features of the texts, (n, d) float32; only what is missing is encoded, and saved as it goes.

        Progress counts the texts still to encode. EncoderError where the encoder fails or the disk is full; what was
        saved stays.
        """
        unique = list(dict.fromkeys(texts))
        digests = _digests(unique)
        features = self._read(digests)
        if features is None:
            with writing_alone(self._lock, "encode", progress):
                self._complete(unique, digests, progress)
                features = self._read(digests)
                if features is None:  # damage that only reading shows
                    self._start_anew()
                    self._complete(unique, digests, progress)
                    features = self._read(digests)
        if features is None:
            raise EncoderError(f"{self._rows} does not keep what is written to it. Check the disk.")
        if len(unique) == len(texts):
            return features
        position = {text: row for row, text in enumerate(unique)}
        return features[[position[text] for text in texts]]

    def _complete(self, unique: list[str], digests: np.ndarray, progress: Progress) -> None:
        """Encode and append what is missing; the writer's lock is held."""
        self._repair()
        todo = np.flatnonzero(self._find(digests) < 0)
        for start in range(0, len(todo), CHUNK):
            chunk = todo[start : start + CHUNK]

            def report(phase: str, done: int, total: int, start: int = start) -> None:
                progress(phase, start + done, len(todo))

            features = encode_texts(self._encoder, [unique[row] for row in chunk], report)
            self._append(digests[chunk], features.astype(np.float16))
        self._refresh()

    def _append(self, digests: np.ndarray, rows: np.ndarray) -> None:
        entries = np.zeros(len(rows), ENTRY)
        entries["digest"] = digests
        entries["checksum"] = [_checksum(digest, row) for digest, row in zip(digests, rows, strict=True)]
        try:
            for path, content in ((self._rows, rows.tobytes()), (self._index, entries.tobytes())):
                with path.open("ab") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
        except OSError as error:
            self._trim()
            raise EncoderError(
                f"Features could not be saved in {self._rows.parent} ({error.strerror}). Make room and start "
                "again: what was saved before is kept."
            ) from error

    def _read(self, digests: np.ndarray) -> np.ndarray | None:
        """(n, d) float32, or None where a text is missing or its row is damaged."""
        self._refresh()
        found = self._find(digests)
        if (found < 0).any():
            return None
        if not len(found):
            return np.zeros((0, self._width), np.float32)
        try:
            stored = np.memmap(self._rows, np.float16, "r", HEADER, (len(self._entries), self._width))
        except (OSError, ValueError):  # replaced by a writer this very moment
            return None
        rows = np.asarray(stored[found])
        expected = self._entries["checksum"][found]
        sound = all(
            _checksum(digest, row) == checksum
            for digest, row, checksum in zip(digests, rows, expected, strict=True)
        )
        return rows.astype(np.float32) if sound else None

    def _find(self, digests: np.ndarray) -> np.ndarray:
        """Row of each digest, -1 where there is none. Eight bytes are searched for, all 32 are compared."""
        if not len(self._keys) or not len(digests):
            return np.full(len(digests), -1)
        at = np.searchsorted(self._keys, _keys(digests)).clip(max=len(self._keys) - 1)
        rows = self._order[at]
        return np.where(self._entries["digest"][rows] == digests, rows, -1)

    def _refresh(self) -> None:
        """Read the index again if it has grown or was made anew since; whole rows only."""
        state = self._current_state()
        if state == self._state and state is not None:
            return
        self._state = state
        count = self._whole_rows()
        self._entries = np.fromfile(self._index, ENTRY, count, offset=HEADER) if count else np.zeros(0, ENTRY)
        keys = _keys(self._entries["digest"])
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]

    def _current_state(self) -> tuple[int, int] | None:
        try:
            status = self._index.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_size

    def _whole_rows(self) -> int:
        """Rows that both files hold completely; 0 where the headers are damaged or do not belong together."""
        try:
            headers = [path.open("rb").read(HEADER) for path in (self._rows, self._index)]
            sizes = [path.stat().st_size - HEADER for path in (self._rows, self._index)]
        except FileNotFoundError:
            return 0
        if headers[0] != headers[1] or len(headers[0]) != HEADER or not headers[0].startswith(MAGIC):
            return 0
        return min(sizes[0] // (2 * self._width), sizes[1] // ENTRY.itemsize)

    def _repair(self) -> None:
        """Before writing: cut off what a kill left half-written; start anew where nothing is usable."""
        if self._whole_rows():
            self._trim()
        else:
            self._start_anew()
        self._refresh()

    def _trim(self) -> None:
        count = self._whole_rows()
        for path, size in ((self._index, ENTRY.itemsize), (self._rows, 2 * self._width)):
            if path.is_file() and path.stat().st_size > HEADER + count * size:
                os.truncate(path, HEADER + count * size)

    def _start_anew(self) -> None:
        """New, empty files with a header of their own; readers of the old ones keep those until they look again."""
        header = MAGIC.ljust(HEADER - 32) + os.urandom(32)
        for path in (self._index, self._rows):
            path.unlink(missing_ok=True)
        for path in (self._rows, self._index):
            path.write_bytes(header)
        self._state = None


@contextmanager
def writing_alone(lock_file: Path, phase: str, progress: Progress) -> Iterator[None]:
    """Hold the writer's lock of a cache; while another process has it, wait and let the caller cancel."""
    with lock_file.open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress(phase, 0, 1)
                time.sleep(0.2)
        yield


def _digests(texts: Sequence[str]) -> np.ndarray:
    digests = b"".join(sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts)
    return np.frombuffer(digests, "V32")


def _keys(digests: np.ndarray) -> np.ndarray:
    """The first eight bytes of each digest as a number."""
    return np.ascontiguousarray(np.frombuffer(digests.tobytes(), "<u8")[::4])


def _checksum(digest: np.void, row: np.ndarray) -> int:
    return zlib.crc32(row.tobytes(), zlib.crc32(digest.tobytes()))
