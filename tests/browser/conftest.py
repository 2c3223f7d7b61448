"""A real Winnow (gunicorn and worker processes) and a real Chromium before it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import furnished
import poisoned
import pytest
import tiny_encoder
from builders import PASSWORD, a_user
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect, sync_playwright
from routes import addresses

from learner import encoders
from webapp import create_app
from webapp import instance as instances
from webapp.assets import HTMX_ADDRESS
from webapp.instance import Instance
from webapp.serving import supervise
from webapp.store import sessions, users
from webapp.store.connection import utc_now

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
    more_addresses: Sequence[str] = furnished.MORE_ADDRESSES


@dataclass
class Visitor:
    """One person's browser; `troubles` collects what a visitor should never meet."""

    page: Page
    site: Site
    troubles: list[str] = field(default_factory=list)

    def log_in(self, site: Site, name: str) -> None:
        """As a person would, by the form."""
        self.page.goto(f"{site.address}/login")
        self.page.fill("#name", name)
        self.page.fill("#password", PASSWORD)
        self.page.click("main button.button-primary")
        self.page.wait_for_url(lambda address: "/login" not in address)

    def choose_password(self) -> None:
        """In place of the one that an admin typed: that was for the login only."""
        self.page.fill("#current", PASSWORD)
        for name in ("#new", "#again"):
            self.page.fill(name, f"{PASSWORD}, my own")
        self.page.get_by_role("button", name="Save and go on").click()
        self.page.wait_for_url(lambda address: "/account" not in address)

    def hold_session(self, name: str) -> None:
        """Logged in from the start, without the form; where names are spoiled, by what they begin with."""
        db = instances.open_instance(self.site.instance)
        person = next(user for user in users.everyone(db) if user.name.startswith(name))
        token = sessions.start(db, person.id, utc_now())
        db.close()
        self.page.context.add_cookies([{"name": "winnow", "value": token, "url": self.site.address}])

    def pages(self) -> list[str]:
        """Every address that answers this person with a page, wherever a GET route leads."""
        app = create_app(self.site.instance.folder)
        known = dict.fromkeys([*addresses(app, "GET"), *self.site.more_addresses])
        return [address for address in known if self._is_page(address)]

    def _is_page(self, address: str) -> bool:
        """Whether there is something to look at. A page that is broken, or that nothing was put in, is a failure."""
        answer = self.page.request.get(f"{self.site.address}{address}", max_redirects=0)
        is_html = answer.headers.get("content-type", "").startswith("text/html")
        is_file = "." in address.rpartition("/")[2] or address.startswith("/static/")
        assert not is_html or is_file or answer.ok or answer.status in (303, 403), (address, answer.status)
        return is_html and answer.ok


@pytest.fixture(scope="session")
def npm_file(request: pytest.FixtureRequest) -> Callable[[str, str], bytes]:
    """npm_file("axe-core@4.14.1", "axe.min.js"): a file of a package, fetched once from the registry."""

    def read(package: str, name: str) -> bytes:
        folder = request.config.cache.mkdir("npm")  # type: ignore[union-attr]
        archive = folder / f"{package.replace('@', '-')}.tgz"
        if not archive.exists():
            if shutil.which("npm") is None:
                pytest.skip(f"no npm here to fetch {package} with")
            with tempfile.TemporaryDirectory(dir=folder) as fetched:  # others may fetch it at the same time
                subprocess.run(["npm", "pack", "--silent", package], cwd=fetched, check=True, timeout=120)
                os.replace(Path(fetched) / archive.name, archive)
        with tarfile.open(archive) as packed:
            member = packed.extractfile(f"package/{name}")
            assert member is not None
            return member.read()

    return read


@pytest.fixture(scope="session")
def htmx(npm_file: Callable[[str, str], bytes]) -> bytes:
    """The file that the CDN serves; the page checks its hash."""
    package, _, name = HTMX_ADDRESS.split("/npm/")[1].partition("/")
    return npm_file(package, name)


@pytest.fixture(scope="session")
def axe(npm_file: Callable[[str, str], bytes]) -> str:
    """The script that looks for what keeps people out."""
    return npm_file("axe-core@4.14.1", "axe.min.js").decode()


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
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A new instance with an admin and a tiny encoder, served by `winnow run` or the command that a test names."""
    instance = instances.locate(tmp_path / "instance")
    instances.create(instance)
    db = instances.open_instance(instance)
    a_user(db, "root", "admin")
    db.close()
    encoders.add(instance.encoders, str(tiny_encoder.build(tmp_path / "tiny")))
    with serve(instance, *getattr(request, "param", ("run",))) as site:
        yield site


@pytest.fixture(scope="session")
def furnished_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance with something on every page, served without a worker. Tests share it: they label, and no more."""
    instance = instances.locate(tmp_path_factory.mktemp("furnished") / "instance")
    instances.create(instance)
    furnished.furnish(instance)
    with serve(instance, "web", "--processes", "1") as site:
        yield site


@pytest.fixture(scope="session")
def poisoned_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The same with hostile markup in every text."""
    instance = instances.locate(tmp_path_factory.mktemp("poisoned") / "instance")
    instances.create(instance)
    more = poisoned.poison(instance)
    with serve(instance, "web", "--processes", "1") as site:
        site.more_addresses = (*site.more_addresses, *more)
        yield site


@contextmanager
def serve(instance: Instance, *command: str) -> Iterator[Site]:
    """`winnow run` or `winnow web` on a free port, until the test is over."""
    port = free_port()
    log = instance.folder.parent / "winnow.log"
    words = [sys.executable, "-m", "webapp.cli", "--instance", str(instance.folder), *command]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*words, "--port", str(port)], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        wait_until_ready(process, port, log)
        yield Site(f"http://127.0.0.1:{port}", instance)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=40)


@pytest.fixture
def visitor(chromium: Browser, site: Site, htmx: bytes) -> Iterator[Callable[[], Visitor]]:
    """visitor(): a browser of their own for one more person. At the end nobody may have met any trouble."""
    yield from _doorkeeper(chromium, site, htmx)


@pytest.fixture
def guest(chromium: Browser, furnished_site: Site, htmx: bytes) -> Iterator[Callable[..., Visitor]]:
    """guest("root"), guest("ada", color_scheme="dark"): the same in the furnished instance, logged in already."""
    yield from _guests(chromium, furnished_site, htmx)


@pytest.fixture
def victim(chromium: Browser, poisoned_site: Site, htmx: bytes) -> Iterator[Callable[..., Visitor]]:
    """victim("root"): the same in the instance that is full of hostile markup."""
    yield from _guests(chromium, poisoned_site, htmx)


def _guests(chromium: Browser, site: Site, htmx: bytes) -> Iterator[Callable[..., Visitor]]:
    for build in _doorkeeper(chromium, site, htmx):

        def logged_in(name: str, build: Callable[..., Visitor] = build, **options: Any) -> Visitor:
            one = build(**options)
            one.hold_session(name)
            return one

        yield logged_in


def _doorkeeper(chromium: Browser, site: Site, htmx: bytes) -> Iterator[Callable[..., Visitor]]:
    everybody: list[Visitor] = []

    def build(**options: Any) -> Visitor:
        context = chromium.new_context(**{"viewport": {"width": 1200, "height": 850}, **options})
        context.set_default_timeout(PATIENCE_MS)
        one = Visitor(context.new_page(), site)
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


def wait_until_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not supervise.answers(("127.0.0.1", port)):
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
