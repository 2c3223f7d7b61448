"""The backups of an instance, as its folder shows them."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webapp.instance import Instance


def newest(instance: "Instance") -> Path | None:
    """The newest backup by its name, which is its time; it can be found where the database cannot be asked."""
    found = sorted((instance.folder / "backups").glob("winnow-*Z.*"), key=lambda path: path.name)
    return found[-1] if found else None
