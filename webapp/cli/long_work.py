"""Work that a worker may be doing already: run it in this process, or watch it there."""

import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

import click
from sqlite_utils import Database

from learner.errors import Cancelled
from webapp.cli.output import ProgressLine
from webapp.instance import Instance
from webapp.store import work
from webapp.store.connection import utc_now
from webapp.store.errors import StaleToken, StoreError
from webapp.worker.loop import run_now

LOOK_SECONDS = 0.5
PERCENT = 100


class Failed(StoreError):
    """The work ended without a result; the message is the one that its page shows."""


class LongWork(Protocol):
    """What a round and a job have in common."""

    @property
    def id(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def phase(self) -> str | None: ...
    @property
    def progress(self) -> float: ...
    @property
    def error(self) -> str | None: ...
    @property
    def is_open(self) -> bool: ...


def see_through(instance: Instance, db: Database, table: work.Table, look: Callable[[], LongWork]) -> None:
    """Bring a queued row to its end: by a live worker, else in this process. Failed when it fails or is cancelled.

    Ctrl-C cancels what runs here, and merely stops watching what runs in a worker.
    """
    line = ProgressLine()
    while (seen := look()).is_open:
        if seen.state == "queued" and not work.live_workers(db, utc_now()):
            _run_here(instance, db, table, seen.id, line)
            continue
        line(seen.phase or seen.state, round(seen.progress * PERCENT), PERCENT)
        time.sleep(LOOK_SECONDS)
    line.end()
    ended = look()
    if ended.state != "done":
        raise Failed(ended.error or f"It was {ended.state}.")


def _run_here(instance: Instance, db: Database, table: work.Table, row_id: int, line: ProgressLine) -> None:
    with _interrupt() as interrupted:

        def progress(phase: str, done: int, total: int) -> None:
            if interrupted.is_set():
                raise Cancelled("Cancelled.")
            line(phase, done, total)

        try:
            run_now(db, instance.folder, table, row_id, progress)
        except StaleToken:
            click.echo("A worker has taken it up.", err=True)


@contextmanager
def _interrupt() -> Generator[threading.Event]:
    """An event that Ctrl-C sets, instead of tearing through work that should end in good order."""
    event = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        event.set()

    before = signal.signal(signal.SIGINT, note)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
