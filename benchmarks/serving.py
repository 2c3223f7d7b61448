"""A Winnow to measure, in processes of its own, and people with a browser's manners before it."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from webapp.instance import Instance

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Answered:
    """What the server sent back, and after how many milliseconds."""

    status: int
    text: str
    milliseconds: float


class Connection:
    """One person's browser: a connection kept open, and the cookies that came along."""

    def __init__(self, port: int, session: str) -> None:
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.cookies = {"winnow": session}

    def send(
        self,
        method: str,
        path: str,
        form: list[tuple[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answered:
        """One request, redirects left alone; OSError or HTTPException when the server is away."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {"Cookie": cookie, **(headers or {})}
        if method == "POST":
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        began = time.perf_counter()
        try:
            self.http.request(method, path, urlencode(form or []), sent)
            response = self.http.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException):
            self.http.close()  # the next request opens it anew
            raise
        for each in response.headers.get_all("Set-Cookie") or []:
            name, _, value = each.partition(";")[0].partition("=")
            self.cookies[name] = value
        return Answered(response.status, text, 1000 * (time.perf_counter() - began))


class Server:
    """`winnow web` or `winnow worker`; it can be killed and started again at the same place."""

    def __init__(self, instance: Instance, *command: str) -> None:
        self.words = [sys.executable, "-m", "webapp.cli", "--instance", str(instance.folder), *command]
        self.start()

    def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.running = subprocess.Popen(
            self.words, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def kill(self) -> None:
        """As a power cut would: every process of it, at once."""
        os.killpg(self.running.pid, signal.SIGKILL)
        self.running.wait()

    def stop(self) -> None:
        self.running.terminate()
        self.running.wait(timeout=40)


@contextmanager
def process(instance: Instance, *command: str) -> Iterator[Server]:
    """A server for as long as it is measured."""
    server = Server(instance, *command)
    try:
        yield server
    finally:
        server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("The web server did not start.")
