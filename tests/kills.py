"""Kill what writes at random moments, and remember what it had said was stored."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SCRIBE = Path(__file__).with_name("scribe.py")


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

    def live(self, draw: random.Random, longest: float = 0.12) -> None:
        """Let it write for a moment, then kill it."""
        self.begin()
        self.end(draw.uniform(0, longest))

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
