"""A real Winnow (gunicorn and worker processes) and a real Chromium before it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import tiny_encoder
from builders import PASSWORD, a_user
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect, sync_playwright

from learner import encoders
from webapp import instance as instances
from webapp.assets import HTMX_ADDRESS
from webapp.instance import Instance

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--no-first-run",
]
START_SECONDS = 60
PATIENCE_MS = 30_000
ROOT = Path(__file__).parents[2]


@dataclass
class Site:
    """A running Winnow."""

    address: str
    instance: Instance


@dataclass
class Visitor:
    """One person's browser; `troubles` collects what a visitor should never meet."""

    page: Page
    troubles: list[str] = field(default_factory=list)

    def log_in(self, site: Site, name: str) -> None:
        """As a person would, by the form."""
        self.page.goto(f"{site.address}/login")
        self.page.fill("#name", name)
        self.page.fill("#password", PASSWORD)
        self.page.click("main button")
        self.page.wait_for_url(lambda address: "/login" not in address)


@pytest.fixture(scope="session")
def htmx(request: pytest.FixtureRequest) -> bytes:
    """The file that the CDN serves, from the package registry; the page checks its hash."""
    package = HTMX_ADDRESS.split("/npm/")[1].split("/")[0]
    folder = request.config.cache.mkdir("htmx")  # type: ignore[union-attr]
    archive = folder / f"{package.replace('@', '-')}.tgz"
    if not archive.exists():
        if shutil.which("npm") is None:
            pytest.skip("no npm here to fetch htmx with")
        subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, timeout=120)
    with tarfile.open(archive) as packed:
        member = packed.extractfile("package/dist/htmx.min.js")
        assert member is not None
        return member.read()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if path is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A new instance with an admin and a tiny encoder, served by `winnow run`."""
    instance = instances.locate(tmp_path / "instance")
    instances.create(instance)
    db = instances.open_instance(instance)
    a_user(db, "root", "admin")
    db.close()
    encoders.add(instance.encoders, str(tiny_encoder.build(tmp_path / "tiny")))
    port = free_port()
    log = tmp_path / "winnow.log"
    command = [
        sys.executable,
        "-m",
        "webapp.cli",
        "--instance",
        str(instance.folder),
        "run",
        "--port",
        str(port),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        wait_until_ready(process, log)
        yield Site(f"http://127.0.0.1:{port}", instance)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=40)


@pytest.fixture
def visitor(chromium: Browser, site: Site, htmx: bytes) -> Iterator[Callable[[], Visitor]]:
    """visitor(): a browser of their own for one more person. At the end nobody may have met any trouble."""
    everybody: list[Visitor] = []

    def build() -> Visitor:
        context = chromium.new_context(viewport={"width": 1200, "height": 850})
        context.set_default_timeout(PATIENCE_MS)
        one = Visitor(context.new_page())
        watch(one, site, htmx)
        everybody.append(one)
        return one

    yield build
    for one in everybody:
        one.page.context.close()
        assert one.troubles == []


def watch(visitor: Visitor, site: Site, htmx: bytes) -> None:
    """Note console errors (CSP violations are some), script errors and requests to anybody else."""

    def console(message: ConsoleMessage) -> None:
        if message.type == "error":
            visitor.troubles.append(message.text)

    def answer(route: Route) -> None:
        if route.request.url == HTMX_ADDRESS:
            headers = {"Content-Type": "text/javascript", "Access-Control-Allow-Origin": "*"}
            route.fulfill(body=htmx, headers=headers)
        elif route.request.url.startswith(f"{site.address}/"):
            route.continue_()
        else:
            visitor.troubles.append(f"asked for {route.request.url}")
            route.abort()

    visitor.page.on("console", console)
    visitor.page.on("pageerror", lambda error: visitor.troubles.append(str(error)))
    visitor.page.route("**/*", answer)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while "Winnow is ready" not in log.read_text():
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
