"""The backup file: a plain tar of known members that ends with their hashes, and is never trusted further than those.

It is not compressed, so it unpacks to no more than its own size.
"""

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from webapp.store.backups import BackupError

MANIFEST = "manifest.json"
FORMAT = 1
DATABASE, SECRET_KEY, CONFIG, ERASURES = "winnow.sqlite", "secret_key", "config.py", "erasures.jsonl"
FILES = (DATABASE, SECRET_KEY, CONFIG, ERASURES, MANIFEST)
FOLDERS = ("checkpoints", "encoders", "assets")
# No leading dot, no slash, no backslash, nothing invisible.
PART = re.compile(r"\w[\w.+@ -]*")
MOST_PARTS = 8
MOST_MEMBERS = 100_000
LONGEST_NAME = 1_000
# Ours has some kilobytes; a hostile one should not fill the memory.
MANIFEST_LIMIT = 32_000_000
CHUNK = 1 << 20


@dataclass(frozen=True)
class Member:
    """What the manifest says of one file."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What is in a backup. `missing`: what the database names and the instance no longer had."""

    winnow: str
    created_at: str
    migrations: list[str]
    rows: dict[str, int]
    members: dict[str, Member]
    missing: list[str]


class _PlainMember(tarfile.TarInfo):
    """Only plain files, and names too long for the header: no link, no device, no sparse file, no metadata to swell."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_PlainMember":
        member = super().frombuf(buf, encoding, errors)
        long_name = member.type == tarfile.GNUTYPE_LONGNAME and member.size <= LONGEST_NAME
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) and not long_name:
            raise BackupError("This backup holds something that is no plain file, so nothing of it was used.")
        return member


def write(
    file: IO[bytes],
    members: Iterable[tuple[str, Path]],
    moment: float,
    complete: Callable[[dict[str, Member]], Manifest],
) -> Manifest:
    """Put files into a tar; `complete` makes the manifest, which comes last: a file without it was cut off."""
    written = {}
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, path in members:
            with path.open("rb") as content:
                reader = _Hashing(content)
                header = _header(name, os.fstat(content.fileno()).st_size, moment)
                tar.addfile(header, reader)
            written[name] = Member(header.size, reader.digest.hexdigest())
        manifest = complete(written)
        text = json.dumps({"format": FORMAT, **asdict(manifest)}, indent=2, sort_keys=True).encode()
        tar.addfile(_header(MANIFEST, len(text), moment), io.BytesIO(text))
    return manifest


def unpack(path: Path, into: Path, keep: Callable[[str], bool] = lambda _name: True) -> Manifest:
    """Check every member of a backup, and write those to keep into an empty folder; BackupError when one is amiss."""
    found: dict[str, Member] = {}
    try:
        with tarfile.open(path, "r:", tarinfo=_PlainMember) as tar:
            for member in tar:
                require_known(member.name)
                if member.name in found or len(found) >= MOST_MEMBERS:
                    raise BackupError(
                        "This backup names a file twice, or too many files; nothing of it was used."
                    )
                content = tar.extractfile(member)
                assert content is not None, "plain files have content"
                wanted = member.name == MANIFEST or keep(member.name)
                found[member.name] = _extract(content, into / member.name if wanted else None)
    except (tarfile.TarError, EOFError) as error:
        raise BackupError(f"{path.name} is no backup of Winnow's, or it is cut off ({error}).") from error
    manifest = _read_manifest(into / MANIFEST)
    found.pop(MANIFEST)
    _compare(manifest.members, found)
    return manifest


def is_known(name: str) -> bool:
    """Whether a member of that name may be in a backup."""
    parts = name.split("/")
    in_folder = len(parts) > 1 and parts[0] in FOLDERS and len(parts) <= MOST_PARTS
    return name in FILES or (in_folder and all(PART.fullmatch(part) for part in parts))


def require_known(name: str) -> None:
    """BackupError unless a member of that name may be in a backup."""
    if not is_known(name):
        raise BackupError(
            f"This backup holds {name[:80]!r}, which no backup of Winnow's has; nothing was used."
        )


def sha256(path: Path) -> str:
    """The hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Hashing:
    """A file that notes the hash of what is read from it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self.digest.update(content)
        return content


def _header(name: str, size: int, moment: float) -> tarfile.TarInfo:
    """A member that says nothing of whoever made it."""
    header = tarfile.TarInfo(name)
    header.size, header.mode, header.mtime = size, 0o600, int(moment)
    return header


def _extract(content: IO[bytes], path: Path | None) -> Member:
    if path is None:
        path = Path(os.devnull)
        flags = os.O_WRONLY
    else:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    reader, size = _Hashing(content), 0
    with open(os.open(path, flags, 0o600), "wb") as file:
        while chunk := reader.read(CHUNK):
            size += file.write(chunk)
    return Member(size, reader.digest.hexdigest())


def _read_manifest(path: Path) -> Manifest:
    try:
        if path.stat().st_size > MANIFEST_LIMIT:
            raise ValueError("too large")
        values = json.loads(path.read_text("utf-8"))
        return _manifest(values)
    except OSError as error:
        raise BackupError("This backup is not complete: its manifest is missing. Use another one.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BackupError("The manifest of this backup cannot be read. Use another backup.") from error


def _manifest(values: dict[str, Any]) -> Manifest:
    if values["format"] != FORMAT:
        raise BackupError("This backup was made by a newer Winnow. Install that one, then restore.")
    members = {
        str(name): Member(int(each["bytes"]), str(each["sha256"])) for name, each in values["members"].items()
    }
    rows = {str(table): int(count) for table, count in values["rows"].items()}
    steps, missing = ([str(each) for each in values[key]] for key in ("migrations", "missing"))
    return Manifest(str(values["winnow"]), str(values["created_at"]), steps, rows, members, missing)


def _compare(expected: dict[str, Member], found: dict[str, Member]) -> None:
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        raise BackupError(
            f"This backup is damaged: {', '.join(wrong[:5])} is not what its manifest says. Use another one."
        )
    for name in (DATABASE, SECRET_KEY):
        if name not in found:
            raise BackupError(f"This backup is not complete: {name} is missing. Use another one.")


def fsync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
