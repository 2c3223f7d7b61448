"""How often a token may ask: so many requests a minute, counted in the database for all processes together."""

import math
import threading
from dataclasses import dataclass
from datetime import datetime

from flask import Flask, Response, current_app, g
from sqlite_utils import Database

from webapp.api.access import right_wanted
from webapp.api.problems import Busy
from webapp.clock import now
from webapp.db import get_db
from webapp.store import rate_counts

WINDOW_SECONDS = 60
# A process takes a sixtieth of the minute's requests at a time: most requests then write nothing. What a process has
# taken and not used is lost to the others, at most so much a process.
SHARES = 60


@dataclass
class Standing:
    """What a process holds of one subject's allowance in one window."""

    window: int
    left: int = 0  # taken by this process and not used yet
    unclaimed: int = 0  # by any process, when it was last asked
    is_over: bool = False


class Allowance:
    """The counts that one process holds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._standings: dict[str, Standing] = {}

    def take(self, db: Database, subject: str, limit: int, moment: datetime) -> int | None:
        """Count one request; how many more there may be in this window, None when this one was too many."""
        window = int(moment.timestamp()) // WINDOW_SECONDS * WINDOW_SECONDS
        with self._lock:
            held = self._standings.get(subject)
            if held is None or held.window != window:
                held = self._standings[subject] = Standing(window)
            if held.is_over:
                return None
            if held.left:
                held.left -= 1
                return held.left + held.unclaimed
        share = max(1, limit // SHARES)
        # Not under the lock: it may wait for the database.
        count = rate_counts.add(db, subject, window, share)
        granted = min(share, limit - (count - share))
        with self._lock:
            held.unclaimed = max(0, limit - count)
            held.is_over = granted < 1
            held.left += max(0, granted - 1)  # the first of them is this request
            return held.left + held.unclaimed if granted > 0 else None


def init_app(app: Flask) -> None:
    """Give the application its own counts."""
    app.extensions["api_allowance"] = Allowance()


def count() -> None:
    """Count this request for its token; Busy when it asked too often."""
    if right_wanted() is None:
        return
    limit = int(current_app.config["API_REQUESTS_PER_MINUTE"])
    allowance: Allowance = current_app.extensions["api_allowance"]
    g.remaining = allowance.take(get_db(), f"token:{g.token.id}", limit, now())
    if g.remaining is None:
        seconds = WINDOW_SECONDS - int(now().timestamp()) % WINDOW_SECONDS
        raise Busy(f"This token may ask {limit:,} times a minute. Go on in {seconds} s.", retry_after=seconds)


def set_headers(response: Response) -> Response:
    """Say how much is left, so that a client can pace itself."""
    if "remaining" not in g:
        return response
    limit = int(current_app.config["API_REQUESTS_PER_MINUTE"])
    reset = WINDOW_SECONDS - now().timestamp() % WINDOW_SECONDS
    response.headers["RateLimit-Policy"] = f"{limit};w={WINDOW_SECONDS}"
    response.headers["RateLimit-Limit"] = str(limit)
    response.headers["RateLimit-Remaining"] = str(g.remaining or 0)
    response.headers["RateLimit-Reset"] = str(math.ceil(reset))
    return response
