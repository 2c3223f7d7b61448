"""What the database asks of the file system it lies on: shared memory, and locks that hold."""

import fcntl
import mmap
import os
import tempfile
from pathlib import Path

from webapp.store.errors import StoreError

MOUNTS = Path("/proc/self/mounts")
# Other machines write there too, and neither shared memory nor locks reach them (https://sqlite.org/wal.html).
NETWORK_TYPES = frozenset(
    "nfs nfs4 cifs smb smb2 smb3 smbfs ncpfs afs ceph glusterfs lustre gpfs beegfs orangefs ocfs2 gfs2 davfs"
    " fuse.sshfs fuse.glusterfs fuse.ceph fuse.s3fs fuse.rclone fuse.gcsfuse fuse.davfs2".split()
)


class UnfitFileSystem(StoreError):
    """The database would not be safe in this folder."""


def require_fit(folder: Path, mounts: str | None = None) -> None:
    """UnfitFileSystem where the folder lies on the network, or cannot give what SQLite's log needs."""
    kind = type_of(folder, _mounts() if mounts is None else mounts)
    if kind in NETWORK_TYPES:
        raise UnfitFileSystem(
            f"{folder} lies on a network file system ({kind}), where two processes can damage the database."
            " Move the instance folder to a disk of this machine."
        )
    try:
        _try_shared_memory_and_locks(folder)
    except OSError as error:
        raise UnfitFileSystem(
            f"The file system of {folder}{f' ({kind})' if kind else ''} has no shared memory or no locks"
            f" ({error.strerror or error}), which the database needs. Move the instance folder to a local disk."
        ) from error


def type_of(folder: Path, mounts: str) -> str:
    """The type of the file system that holds the folder, by the text of /proc/mounts; empty when it is not told."""
    best, found = -1, ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = Path(fields[1].replace("\\040", " "))
        # Of two mounts at one place the later one covers the earlier.
        if folder.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), fields[2]
    return found


def _mounts() -> str:
    try:
        return MOUNTS.read_text("utf-8", "replace")
    except OSError:
        return ""  # not Linux: the trial below decides


def _try_shared_memory_and_locks(folder: Path) -> None:
    """What SQLite does with its -shm file, on a file of our own: some overlays and network drives cannot."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".trial-") as file:
        os.ftruncate(file.fileno(), mmap.PAGESIZE)
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with mmap.mmap(file.fileno(), mmap.PAGESIZE) as written, mmap.mmap(file.fileno(), 0) as read:
            written[:4] = b"seen"
            if read[:4] != b"seen":
                raise OSError("one mapping does not see what another wrote")
