"""Who is at work on an instance: many at once, or a restore alone. The lock ends with its process, however it ends."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from webapp.store.errors import StoreError

if TYPE_CHECKING:
    from webapp.instance import Instance

NAME = ".in-use"
RESTORING = "This instance is being restored. Start again when `winnow restore` is done."
IN_USE = "Winnow runs on this instance. Stop it (server, workers, commands under way), then restore."


class InstanceInUse(StoreError):
    """Somebody else works on this instance."""


def share(instance: "Instance") -> int:
    """Be one of those at work, until the descriptor is closed; children inherit it. InstanceInUse during a restore."""
    return _lock(instance, fcntl.LOCK_SH, RESTORING)


@contextmanager
def shared(instance: "Instance") -> Generator[None, None, None]:
    """Be one of those at work inside the block; nothing where there is no instance yet."""
    descriptor = share(instance) if instance.folder.is_dir() else None
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def alone(instance: "Instance") -> Generator[None, None, None]:
    """Be the only one inside the block; InstanceInUse while anybody is at work."""
    descriptor = _lock(instance, fcntl.LOCK_EX, IN_USE)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(instance: "Instance", kind: int, refusal: str) -> int:
    descriptor = os.open(instance.folder / NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise InstanceInUse(refusal) from None
    os.set_inheritable(descriptor, True)
    return descriptor
