"""Watch the process that does the work: end it when it hangs, note what it held when it died, start it again.

Work may load gigabytes, call foreign code and be killed for it, so it never runs in the process that must survive it.
"""

import logging
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pysqlite3
from sqlite_utils import Database

from webapp.store import deaths, work
from webapp.store.connection import database_path, open_database, utc_now
from webapp.store.errors import StaleToken
from webapp.worker.processes import die_with_parent, is_gone

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.5
# Within it a worker told to stop ends its batch; the supervisor of `winnow run` waits a little longer.
GRACE_SECONDS = 20.0
# Long enough for any single batch; what does not hear of its cancelling is in foreign code.
CANCEL_GRACE_SECONDS = 30.0
# A slow disk takes a while to load it.
START_SECONDS = 120.0
SHORTEST_WAIT, LONGEST_WAIT = 1.0, 60.0
# A process that lived this long was sound: its next failure is the first one again.
SOUND_SECONDS = 60.0

GONE = "The worker process was gone, as after a restart of the machine."
OUT_OF_MEMORY = (
    "The memory ran out, and the system killed the worker process."
    " Give it more memory, or choose a smaller encoder or fewer reviews to score."
)
KILLED = (
    "The worker process was killed; most likely the memory ran out."
    " Give it more memory, or choose a smaller encoder or fewer reviews to score."
)


@dataclass
class Watched:
    """One run of the worker process; what it said last and since when, on the monotonic clock."""

    id: str
    process: "subprocess.Popen[bytes]"
    started: float
    oom_kills: int
    said: dict[object, tuple[object, float]] = field(default_factory=dict)

    def quiet_seconds(self, who: object, says: object, now: float) -> float:
        """How long it has said the same."""
        before, since = self.said.get(who, (None, now))
        if before != says or who not in self.said:
            since = now
        self.said[who] = (says, since)
        return now - since


class Watchdog:
    """Keeps one worker process running; `command` makes its command line from the id it shall work under."""

    def __init__(
        self,
        instance: Path,
        command: Callable[[str], Sequence[str]],
        limit_seconds: float,
        cancel_grace_seconds: float = CANCEL_GRACE_SECONDS,
    ) -> None:
        self._instance, self._command = instance, command
        self._limit, self._cancel_grace = limit_seconds, cancel_grace_seconds

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set."""
        failures = 0
        with closing(open_database(database_path(self._instance))) as db:
            while not stop.is_set():
                self._try(recover, db)
                watched = self._start()
                guilty = self._watch(db, watched, stop)
                end_group(watched.process)
                self._try(self._bury, db, watched, guilty)
                failures = 1 if time.monotonic() - watched.started > SOUND_SECONDS else failures + 1
                if not stop.is_set():
                    log.warning("the worker process ended with code %s", watched.process.returncode)
                    stop.wait(min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** (failures - 1)))

    def _start(self) -> Watched:
        worker_id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        # A group of its own, which ends with it; out of reach of the terminal's Ctrl-C, which only the watchdog hears.
        process = subprocess.Popen(
            self._command(worker_id),
            start_new_session=True,
            preexec_fn=partial(die_with_parent, signal.SIGKILL),  # noqa: PLW1509 - the watchdog has no other thread
        )
        return Watched(worker_id, process, time.monotonic(), oom_kills())

    def _watch(self, db: Database, watched: Watched, stop: threading.Event) -> dict[work.Claim, str]:
        """Look until it ended or must be ended; returns what it must be ended for, with the reason."""
        while not has_ended(watched.process):
            if stop.wait(LOOK_SECONDS):
                watched.process.terminate()
                self._wait(watched.process, GRACE_SECONDS)
                return {}
            try:
                guilty = self._stuck(db, watched, time.monotonic())
            except pysqlite3.OperationalError:
                log.warning("the watchdog could not look", exc_info=True)
                continue
            if guilty is not None:
                return guilty
        return {}

    def _stuck(self, db: Database, watched: Watched, now: float) -> dict[work.Claim, str] | None:
        """What hangs, or goes on though it was cancelled long ago; None while all is well."""
        minutes = round(self._limit / 60, 1)
        hung = f"It made no progress for {minutes:g} minutes, so it was ended."
        guilty = {}
        for held in deaths.held(db, watched.id):
            if watched.quiet_seconds(held.claim, held.steps, now) > self._limit:
                guilty[held.claim] = hung
            asked = watched.quiet_seconds(("cancel", held.claim), held.cancel_requested, now)
            if held.cancel_requested and asked > self._cancel_grace:
                guilty[held.claim] = "Cancelled."
        pulse = deaths.last_pulse(db, watched.id)
        patience = self._limit if pulse else max(self._limit, START_SECONDS)
        if guilty or watched.quiet_seconds("pulse", pulse, now) > patience:
            return guilty
        return None

    def _bury(self, db: Database, watched: Watched, guilty: dict[work.Claim, str]) -> None:
        """Note what became of the work it held; what only ran beside the guilty is put back, not counted."""
        why = reason_of(watched.process.returncode, oom_kills() > watched.oom_kills)
        for held in deaths.held(db, watched.id):
            if guilty and held.claim not in guilty:
                with suppress(StaleToken):
                    work.put_back(db, held.claim, utc_now())
            else:
                deaths.note(db, held.claim, guilty.get(held.claim, why), utc_now())
        work.worker_gone(db, watched.id)

    def _wait(self, process: "subprocess.Popen[bytes]", seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not has_ended(process) and time.monotonic() < deadline:
            time.sleep(0.05)

    def _try(self, write: Callable[..., None], *values: object) -> None:
        """What cannot be written now is found by the next start, or by the stale heartbeat."""
        try:
            write(*values)
        except pysqlite3.OperationalError:
            log.warning("the watchdog could not write", exc_info=True)


def recover(db: Database) -> None:
    """Put back at once what processes held that are gone, as after a restart of the machine."""
    for holder in deaths.holders(db):
        if is_gone(holder):
            for held in deaths.held(db, holder.id):
                deaths.note(db, held.claim, GONE, utc_now())
            work.worker_gone(db, holder.id)


def has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether it ended; it is not reaped yet, so that its number still names its group."""
    if process.returncode is not None:
        return True
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill the process and all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def oom_kills() -> int:
    """How many processes the system has killed for want of memory since it started, where it tells."""
    try:
        lines = Path("/proc/vmstat").read_text("ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def reason_of(code: int | None, memory_ran_out: bool) -> str:
    """What people read of a process that ended with that code; a shell says 128 + the signal."""
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return OUT_OF_MEMORY if memory_ran_out else KILLED
    if code is not None and code < 0:
        return f"The worker process crashed ({signal.Signals(-code).name})."
    return f"The worker process ended with code {code}."
