from collections.abc import Callable
from pathlib import Path

import pytest

from webapp.importing import FileOptions, ReviewFile, open_file

SHARED_DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
OpenBytes = Callable[..., ReviewFile]


@pytest.fixture
def shared_data() -> Path:
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the shared review data")
    return SHARED_DATA


@pytest.fixture
def open_bytes(tmp_path: Path) -> OpenBytes:
    """Opens bytes as if they had been uploaded."""

    def open_them(
        data: bytes | str, options: FileOptions | None = None, name: str = "reviews.csv"
    ) -> ReviewFile:
        path = tmp_path / "upload"
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return open_file(path, options, name)

    return open_them
