"""A file's bytes, unpacked where it is gzip, never more of them than allowed."""

import gzip
import io
import zlib
from pathlib import Path

from webapp.importing.errors import FileError

GZIP_MAGIC = b"\x1f\x8b"
# Texts pack to a fifth or a tenth; only made-up files pack to a hundredth. A small file may be odd.
_RATIO_FREE_BYTES = 16 * 1024 * 1024


class UnpackedFile(io.RawIOBase):
    """The unpacked bytes of a file; reading past a limit or into damage raises FileError."""

    def __init__(self, path: Path, max_bytes: int, max_ratio: int) -> None:
        try:
            self._disk = path.open("rb")
        except OSError as error:
            raise FileError("unreadable", f"The file cannot be opened: {error.strerror}.") from error
        self.gzipped = self._disk.peek(2)[:2] == GZIP_MAGIC
        self._source: io.BufferedIOBase = gzip.GzipFile(fileobj=self._disk) if self.gzipped else self._disk
        self._max_bytes, self._max_ratio = max_bytes, max_ratio
        self._unpacked = 0
        self.bytes_read = 0  # of the file on disk, for progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        try:
            data = self._source.read(len(view))
        except EOFError as error:
            message = "The gzip file is cut off: its end is missing. Copy or upload it again."
            raise FileError("truncated", message) from error
        except (OSError, zlib.error) as error:
            message = f"The file is damaged and cannot be read to its end ({error}). Copy or upload it again."
            raise FileError("damaged", message) from error
        view[: len(data)] = data
        self._unpacked += len(data)
        self.bytes_read = self._disk.tell()
        self._check_limits()
        return len(data)

    def _check_limits(self) -> None:
        if self._unpacked > self._max_bytes:
            limit = f"{self._max_bytes / 2**30:.3g} GiB"
            raise FileError(
                "too_big", f"The unpacked file is larger than {limit}. Split it and import the parts."
            )
        if self.gzipped and self._unpacked > max(_RATIO_FREE_BYTES, self.bytes_read * self._max_ratio):
            message = (
                f"The gzip file unpacks to over {self._max_ratio} times its size, as reviews never do. "
                "If it is one, unpack it and import that."
            )
            raise FileError("bomb", message)

    def close(self) -> None:
        if not self.closed:
            self._source.close()
            self._disk.close()
        super().close()


def unpack_head(head: bytes) -> bytes:
    """The unpacked start of a gzip file, or the bytes themselves where it is none."""
    if not head.startswith(GZIP_MAGIC):
        return head
    try:
        return zlib.decompressobj(wbits=31).decompress(head, 256 * 1024)
    except zlib.error as error:
        raise FileError("damaged", f"The gzip file is damaged ({error}). Copy or upload it again.") from error
