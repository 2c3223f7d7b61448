import gzip
import zlib
from collections import deque
from pathlib import Path

import pytest

from webapp.importing import FileError, FileOptions, open_file
from webapp.importing.unpacking import UnpackedFile, unpack_head

ROWS = b"id,text\n" + b"".join(b"%d,review number %d\n" % (n, n * n) for n in range(20_000))


def packed(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "reviews.csv.gz"
    path.write_bytes(data)
    return path


def test_gzip_is_known_by_its_content_and_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_bytes(gzip.compress(ROWS[:100_000]) + gzip.compress(ROWS[100_000:]))
    with UnpackedFile(path, 2**30, 200) as file:
        assert file.gzipped
        assert file.readall() == ROWS
        assert file.bytes_read == path.stat().st_size


def test_a_gzip_file_that_is_cut_off_is_an_error_and_no_short_import(tmp_path: Path) -> None:
    data = gzip.compress(ROWS)
    with pytest.raises(FileError) as cut:
        list(open_file(packed(tmp_path, data[: len(data) - 100])).rows())
    assert cut.value.code == "truncated"


def test_a_damaged_gzip_file_is_an_error(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(ROWS))
    data[-6] ^= 1  # in the checksum
    with pytest.raises(FileError) as damaged:
        list(open_file(packed(tmp_path, bytes(data))).rows())
    assert damaged.value.code == "damaged"


def test_a_file_over_the_limit_is_refused_while_it_is_read(tmp_path: Path) -> None:
    path = packed(tmp_path, gzip.compress(ROWS))
    with pytest.raises(FileError) as big:
        list(open_file(path, FileOptions(max_bytes=300_000)).rows())
    assert big.value.code == "too_big"


def test_a_gzip_bomb_is_refused_early(tmp_path: Path) -> None:
    packer = zlib.compressobj(wbits=31)
    row = b"1," + b"a" * 5_000 + b"\n"
    bomb = (
        packer.compress(b"id,text\n")
        + b"".join(packer.compress(row * 200) for _ in range(100))
        + packer.flush()
    )
    rows = open_file(packed(tmp_path, bomb)).rows()
    with pytest.raises(FileError) as refused:
        deque(rows, maxlen=0)
    assert refused.value.code == "bomb"
    assert len(bomb) < 200_000


def test_a_head_that_is_no_gzip_is_left_alone_and_a_broken_one_is_named() -> None:
    assert unpack_head(b"id,text\n") == b"id,text\n"
    with pytest.raises(FileError, match="damaged"):
        unpack_head(b"\x1f\x8b\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")


def test_a_file_that_is_not_there_is_a_file_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be opened"):
        open_file(tmp_path / "nothing.csv")
