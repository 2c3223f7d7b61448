"""Kill what writes at random moments, and remember what it had said was stored."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from invariants import missing, violations

from webapp.store.connection import open_database

SCRIBE = Path(__file__).with_name("scribe.py")
# About as long as ten answers take.
LONGEST_LIFE_SECONDS = 0.12
LOOK_EVERY = 10


class Scribe:
    """A writing process (scribe.py) with as many lives as it is given."""

    def __init__(self, database: Path, user_id: int) -> None:
        self.acknowledged: dict[int, dict[str, Any]] = {}
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIBE), str(database), str(user_id)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self) -> None:
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self._pid = int(self._line().split()[1])

    def end(self, seconds: float) -> None:
        """The kill, so many seconds after the first answer was stored."""
        self._hear(self._line())
        time.sleep(seconds)  # the moment is what is drawn: there is nothing to wait for
        os.kill(self._pid, signal.SIGKILL)
        while (line := self._line()) != "dead":
            self._hear(line)
        last = self.acknowledged[max(self.acknowledged)]
        if not last["undone"]:
            last["undone"] = None  # perhaps: the kill may have cut off the word of it

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _line(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline().strip()
        assert line, "the scribe is gone"
        return line

    def _hear(self, line: str) -> None:
        told = json.loads(line)
        self.acknowledged[told["annotation"]] = told


def kill_writers(database: Path, kills: int, draw: random.Random) -> tuple[int, list[str]]:
    """Kill two processes that write at once in turn, one goes on while the other dies.

    Returns how many answers had been acknowledged, and all that is wrong with the database after it.
    """
    both = [Scribe(database, user_id) for user_id in (1, 2)]
    wrong: list[str] = []
    both[0].begin()
    for kill in range(kills):
        both[(kill + 1) % 2].begin()
        both[kill % 2].end(draw.uniform(0, LONGEST_LIFE_SECONDS))
        if kill % LOOK_EVERY == 0:
            wrong += _wrong(database, both[kill % 2])
    both[kills % 2].end(0)
    wrong += [each for scribe in both for each in _wrong(database, scribe)]
    for scribe in both:
        scribe.close()
    acknowledged = sum(len(scribe.acknowledged) for scribe in both)
    with closing(open_database(database)) as db:
        stored = db.execute("SELECT count(*) FROM annotations WHERE action <> 'undo'").fetchone()[0]
    # What a kill cut off between the commit and its acknowledgement is there too: at most one answer a life.
    if not acknowledged <= stored <= acknowledged + kills + 1:
        wrong.append(f"{acknowledged} acknowledged and {stored} stored")
    return acknowledged, wrong


def _wrong(database: Path, dead: Scribe) -> list[str]:
    with closing(open_database(database)) as db:
        return [*violations(db), *(f"lost: {told}" for told in missing(db, dead.acknowledged.values()))]
