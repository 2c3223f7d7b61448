"""Workers that die, hang or are cut off where a test says; each a process of its own.

As a program: `python killing.py watch INSTANCE LIMIT` keeps one such worker under a watchdog. Files and folders named
after a fate (poison, hang, hungry) bring it upon whoever opens them.
"""

import multiprocessing
import os
import resource
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from webapp import instance as instances
from webapp.store import work
from webapp.store.connection import utc_now
from webapp.worker import loop, watchdog

# Phases of a round, statements and events on disk, in the order in which a round comes to them.
POINTS = (
    "phase encode",
    "phase train",
    "phase evaluate",
    "phase score",
    "phase query",
    "phase save",
    "event os.rename",
    "statement INSERT INTO model_versions",
    "statement INSERT INTO predictions",
    "statement INSERT INTO ranking_items",
    "statement UPDATE projects SET ranking_id",
    "statement UPDATE projects SET model_version_id",
)


def forkserver() -> ForkServerContext:
    """Processes that start at once, and need not load torch again.

    There is one server for all tests, and the first to ask decides what it has loaded: the same for everybody.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["racing", "killing", "webapp.worker.rounds"])
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # the server looks nowhere else for what it preloads
    return context


def run_round(instance: Path, minutes: int, point: str = "", number: int = signal.SIGKILL) -> None:
    """Run the next round, `minutes` from now; at the point this process gets the signal."""
    from webapp.worker import rounds  # loads torch

    db = instances.open_instance(instances.locate(instance))
    claim = work.claim_next(db, "rounds", utc_now() + timedelta(minutes=minutes))
    assert claim is not None
    kind, _, name = point.partition(" ")

    def strike(seen: str) -> None:
        if name in seen:
            os.kill(os.getpid(), number)

    if kind == "statement":
        db.conn.set_trace_callback(strike)
    if kind == "event":
        sys.addaudithook(lambda event, args: strike(event) if "checkpoints" in str(args[:1]) else None)
    watch: Callable[[str, int, int], None] | None = None
    if kind == "phase":
        watch = lambda phase, done, total: strike(phase)  # noqa: E731
    loop._run(db, instance, claim, rounds.run, None, progress=watch)


def run_script(words: list[str], folder: Path) -> None:
    """As `python WORDS` does, but with torch loaded before; what it prints goes to files stdout and stderr there."""
    for number, name in enumerate(("stdout", "stderr"), 1):
        with (folder / name).open("w") as file:
            os.dup2(file.fileno(), number)
    sys.argv = words
    sys.path.insert(0, str(Path(words[0]).parent))
    runpy.run_path(words[0], run_name="__main__")


def run_offline(instance: Path) -> None:
    """Run the next round in a process that may reach no network."""

    def refuse(event: str, args: Any) -> None:
        if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
            os.write(2, f"{event} {args}\n".encode())
            os._exit(3)

    sys.addaudithook(refuse)
    run_round(instance, 0)


def meet_fate(event: str, args: Any) -> None:
    """An audit hook: what is named after a fate brings it."""
    if event != "open" or not isinstance(args[0], str | os.PathLike):
        return
    name = Path(args[0]).name
    if name.startswith("poison"):
        os._exit(137)
    if name.startswith("hang"):
        subprocess.Popen(["sleep", "1000"])
        time.sleep(1_000)
    if name.startswith("hungry"):
        resource.setrlimit(resource.RLIMIT_AS, (1 << 32, 1 << 32))
        bytearray(1 << 33)


def work_on(instance: Path, worker_id: str) -> None:
    """A worker as `winnow worker` has it under its watchdog, with the fates."""
    sys.addaudithook(meet_fate)
    loop.run_forever(instance, threading.Event(), worker_id)


def watch_over(instance: Path, limit: float) -> None:
    """A watchdog that is as quick as its limit."""
    work.SHORTEST_PAUSE = timedelta(seconds=0.2)
    watchdog.SHORTEST_WAIT = watchdog.LOOK_SECONDS = 0.1

    def command(worker_id: str) -> list[str]:
        return [sys.executable, __file__, "work", str(instance), worker_id]

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    watchdog.Watchdog(instance, command, limit, cancel_grace_seconds=limit).run(stop)


def states(db: Database, table: str = "rounds") -> list[tuple[Any, ...]]:
    """State, attempts and error of every row, oldest first."""
    return [tuple(row) for row in db.execute(f"SELECT state, attempts, error FROM {table} ORDER BY id")]


if __name__ == "__main__":
    what, folder, value = sys.argv[1:4]
    if what == "watch":
        watch_over(Path(folder), float(value))
    else:
        work_on(Path(folder), value)
