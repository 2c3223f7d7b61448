"""Guessing passwords against the real server: one limit for all its processes, and one that a restart does not lift."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import psutil
import pytest
from builders import PASSWORD, a_user
from served import START_SECONDS, free_port
from sqlite_utils import Database
from visitor import TOKEN

from webapp.instance import Instance
from webapp.serving import supervise
from webapp.store import login_attempts

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = 4


@dataclass
class Server:
    instance: Instance
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    def start(self, processes: int) -> None:
        words = ["--instance", str(self.instance.folder), "web", "--port", str(self.port)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "webapp.cli", *words, "--processes", str(processes), "--threads", "4"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while not supervise.answers(("127.0.0.1", self.port)):
            assert time.monotonic() < deadline and self.process.poll() is None, "the server did not start"
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=40)
            self.process = None

    def log_in(self, name: str, password: str) -> int:
        """One try in a browser of its own."""
        opener = build_opener(HTTPCookieProcessor(CookieJar()))
        address = f"http://127.0.0.1:{self.port}/login"
        with opener.open(address) as page:
            found = TOKEN.search(page.read().decode())
        assert found is not None
        form = urlencode({"name": name, "password": password, "csrf_token": found[1]}).encode()
        try:
            with opener.open(Request(address, form)) as answer:
                return 422 if re.search("/login$", answer.url) else 200
        except HTTPError as error:
            return error.code


@pytest.fixture
def server(web_instance: Instance, web_db: Database) -> Iterator[Server]:
    a_user(web_db)
    running = Server(web_instance, free_port())
    running.start(PROCESSES)
    yield running
    running.stop()


def test_four_processes_let_no_more_guesses_through_than_one(server: Server) -> None:
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda n: server.log_in("ada", f"guess {n}"), range(100)))
    limit = login_attempts.LIMIT_PER_NAME_AND_ADDRESS
    assert (statuses.count(422), statuses.count(429)) == (limit, 100 - limit)
    assert server.process is not None
    assert len(psutil.Process(server.process.pid).children(recursive=True)) >= PROCESSES
    server.stop()
    server.start(1)
    assert server.log_in("ada", PASSWORD) == 429
    # Somebody else at the same address is not locked out by it.
    assert server.log_in("bob", "a guess") == 422
