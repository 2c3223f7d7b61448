"""Hold a piece of work: a thread renews its heartbeat, and progress tells people and the work itself."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType

import pysqlite3
from sqlite_utils import Database

from learner.errors import Cancelled
from webapp.store import work
from webapp.store.connection import database_path, open_database, utc_now
from webapp.store.errors import StaleToken

log = logging.getLogger(__name__)
# People watch at about this pace; more would only write.
REPORT_EVERY_SECONDS = 1.0


class Stopped(Cancelled):
    """The work must end for a reason of the worker's own; it is not the person's cancel."""


class Lease:
    """A claim kept alive while work runs inside the `with` block; call it with the work's progress."""

    def __init__(
        self, db: Database, instance: Path, claim: work.Claim, must_stop: Callable[[], bool] = lambda: False
    ) -> None:
        self.db, self.claim = db, claim
        self._instance, self._must_stop = instance, must_stop
        self._cancelled, self._lost, self._over = threading.Event(), threading.Event(), threading.Event()
        self._phase, self._phase_since, self._reported = "", 0.0, 0.0
        self._thread = threading.Thread(target=self._keep_alive, name=f"heartbeat-{claim.table}-{claim.id}")

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Tell how far the work is; raises Cancelled (by a person), Stopped (by the worker) or StaleToken."""
        if self._lost.is_set():
            raise StaleToken("This work was given to another worker.")
        if self._cancelled.is_set():
            raise Cancelled("Cancelled.")
        if self._must_stop():
            raise Stopped("The worker has to stop here.")
        now = time.monotonic()
        if phase != self._phase:
            self._phase, self._phase_since = phase, now
        elif now - self._reported < REPORT_EVERY_SECONDS:
            return
        self._reported = now
        eta = (now - self._phase_since) * (total - done) / done if done else None
        if work.report(self.db, self.claim, phase, done / total if total else 0.0, eta, utc_now()):
            self._cancelled.set()

    def _keep_alive(self) -> None:
        db = open_database(database_path(self._instance))
        try:
            while not self._over.wait(work.HEARTBEAT_INTERVAL.total_seconds()):
                self._beat(db, utc_now())
        except StaleToken:
            self._lost.set()
        finally:
            db.close()

    def _beat(self, db: Database, now: datetime) -> None:
        try:
            if work.heartbeat(db, self.claim, now):
                self._cancelled.set()
        except pysqlite3.OperationalError:
            # A busy or full disk: the next beat tries again, and the claim is only lost when another worker takes it.
            log.warning("heartbeat of %s %s failed", self.claim.table, self.claim.id, exc_info=True)
