"""A Winnow that a test can kill and start again, at the same address."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from webapp.instance import Instance
from webapp.serving import supervise

START_SECONDS = 60
ROOT = Path(__file__).parents[1]


@dataclass
class Served:
    """An instance behind `winnow run`, or another command, on one port."""

    instance: Instance
    port: int
    command: tuple[str, ...] = ("run", "--processes", "1")
    processes: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start all processes and wait until the web server answers."""
        words = [sys.executable, "-m", "webapp.cli", "--instance", str(self.instance.folder)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        with (self.instance.folder / "winnow.log").open("ab") as log:
            process = subprocess.Popen(
                [*words, *self.command, "--port", str(self.port)],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        deadline = time.monotonic() + START_SECONDS
        while not supervise.answers(("127.0.0.1", self.port)):
            assert process.poll() is None and time.monotonic() < deadline, "the server did not start"
            time.sleep(0.1)

    def kill(self) -> None:
        """As a power cut would: every process at once, without a word."""
        for pid in family(self.processes[-1].pid):
            os.kill(pid, signal.SIGKILL)
        self.processes[-1].wait(timeout=20)

    def stop(self) -> None:
        """In good order, if it runs."""
        if self.processes and self.processes[-1].poll() is None:
            self.processes[-1].terminate()
            self.processes[-1].wait(timeout=40)


def family(pid: int) -> list[int]:
    """A process and all that it started, the parents first."""
    tasks = Path(f"/proc/{pid}/task")
    children = [int(child) for task in tasks.glob("*/children") for child in task.read_text("ascii").split()]
    return [pid, *(each for child in children for each in family(child))]


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
