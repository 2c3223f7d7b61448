"""Where the database may lie: not on the network, and not where shared memory fails (D14)."""

from pathlib import Path

import pytest

from webapp import file_system
from webapp.file_system import UnfitFileSystem
from webapp.instance import Instance, check

MOUNTS = """\
overlay / overlay rw,relatime,lowerdir=/a,upperdir=/b 0 0
proc /proc proc rw 0 0
tmpfs /dev/shm tmpfs rw 0 0
server:/export /srv nfs4 rw 0 0
/dev/sdb1 /srv/local ext4 rw 0 0
//nas/share /mnt/with\\040space cifs rw 0 0
host:/x /mnt/far fuse.sshfs rw 0 0
/dev/sdc1 /twice ext4 rw 0 0
server:/y /twice nfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/anywhere/deep", "overlay"), ("/srv/winnow", "nfs4"), ("/srv/local/winnow", "ext4"), ("/srvother", "overlay"),
        ("/mnt/with space/winnow", "cifs"), ("/mnt/far/winnow", "fuse.sshfs"), ("/twice", "nfs"),
    ],
)  # fmt: skip
def test_the_innermost_mount_tells_the_type(folder: str, kind: str) -> None:
    assert file_system.type_of(Path(folder), MOUNTS) == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "ceph", "fuse.sshfs", "glusterfs", "lustre"])
def test_a_network_file_system_is_refused_with_the_way_out(tmp_path: Path, kind: str) -> None:
    with pytest.raises(UnfitFileSystem, match=rf"network file system \({kind}\).*Move the instance folder"):
        file_system.require_fit(tmp_path, f"somewhere {tmp_path} {kind} rw 0 0\n")


@pytest.mark.parametrize("kind", ["overlay", "ext4", "btrfs", "tmpfs", "fuse.mergerfs", "9p"])
def test_any_other_may_be_used_if_shared_memory_and_locks_work(tmp_path: Path, kind: str) -> None:
    file_system.require_fit(tmp_path, f"somewhere {tmp_path} {kind} rw 0 0\n")
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_shared_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_mapping(*_: object) -> None:
        raise OSError(19, "No such device")  # what a mount without mmap answers

    monkeypatch.setattr("webapp.file_system.mmap.mmap", no_mapping)
    with pytest.raises(UnfitFileSystem, match=r"no shared memory.*No such device.*local disk"):
        file_system.require_fit(tmp_path, f"somewhere {tmp_path} overlay rw 0 0\n")


def test_the_start_looks_at_the_file_system(web_instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = web_instance.folder / "mounts"
    mounts.write_text(f"somewhere {web_instance.folder} nfs rw 0 0\n")
    check(web_instance)
    monkeypatch.setattr("webapp.file_system.MOUNTS", mounts)
    with pytest.raises(UnfitFileSystem, match="nfs"):
        check(web_instance)
