"""The folder an export is written to: whole or not at all, and never over somebody's files."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from learner.errors import ExportError


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """An empty folder that becomes `out` when the block ends well; ExportError where `out` holds files already."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ExportError(f"{out} is there already. Name a new folder, or empty that one first.")
    out.parent.mkdir(parents=True, exist_ok=True)
    written = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield written
        written.chmod(0o755)
        written.replace(out)
    except OSError as error:
        raise ExportError(
            f"The export could not be written: {error.strerror}. Make room and try again."
        ) from error
    finally:
        shutil.rmtree(written, ignore_errors=True)
