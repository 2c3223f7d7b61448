"""A file that a command writes: there whole, or as it was before."""

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(out: Path) -> Generator[Path, None, None]:
    """Where to write what shall be OUT: beside it, and renamed at the end, so that no error leaves half of it."""
    if out.exists() and not out.is_file():  # a pipe or a terminal has no half, and nothing may take its place
        yield out
        return
    place = out.resolve()  # a link stays one
    partial = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    try:
        yield partial
        os.replace(partial, place)
    finally:
        partial.unlink(missing_ok=True)
