"""Start the web server and the workers, keep them running, and stop them in good order."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from webapp.instance import ENVIRONMENT, Instance
from webapp.store.errors import StoreError
from webapp.worker.processes import die_with_parent

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.2
READY_SECONDS = 60.0
# A worker in the middle of a batch ends it first; gunicorn lets answers under way finish.
GRACE_SECONDS = 25.0
SHORTEST_WAIT, LONGEST_WAIT = 1.0, 60.0
# A process that lived this long was sound: its next failure is the first one again.
SOUND_SECONDS = 60.0
# gunicorn's own codes for an application that cannot be loaded: starting it again would not help.
HOPELESS = {3, 4}


class SuperviseError(StoreError):
    """A process that cannot be started, or not kept running."""


@dataclass
class Child:
    """One process under watch; `next_start` is on the monotonic clock, `renewal` what makes it begin anew."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    failures: int = 0
    next_start: float = 0.0
    last_code: int | None = None
    renewal: signal.Signals = signal.SIGTERM
    renewing: bool = False

    def start(self, now: float) -> None:
        """Start it, out of reach of the terminal's Ctrl-C, which only the supervisor hears."""
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            start_new_session=True,
            # A child of a killed supervisor ends too, and leaves the port and the instance free.
            preexec_fn=partial(die_with_parent, signal.SIGTERM),  # noqa: PLW1509 - the supervisor has no other thread
        )
        self.started = now

    def look(self, now: float) -> None:
        """Notice its end, and start it again after a pause that doubles with every failure in a row."""
        if self.process is None:
            if now >= self.next_start:
                self.start(now)
            return
        code = self.process.poll()
        if code is None:
            return
        self.last_code = code
        if self.renewing:  # it ended because it was asked to
            self.renewing = False
            self.start(now)
            return
        self.failures = 1 if now - self.started > SOUND_SECONDS else self.failures + 1
        pause = min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** (self.failures - 1))
        self.next_start = now + pause
        self.process = None
        log.error("The %s ended with code %s; it starts again in %g s.", self.name, code, pause)

    def renew(self) -> None:
        """Let it finish what it holds and begin anew: the web server goes on listening, a worker is started again."""
        if self.process is not None and self.process.poll() is None:
            self.renewing = self.renewal == signal.SIGTERM
            self.process.send_signal(self.renewal)


class Supervisor:
    """The children of one `winnow run`."""

    def __init__(self, children: list[Child], address: tuple[str, int]) -> None:
        self._children, self._address = children, address
        self._signals = 0
        self._renew = False

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Run until SIGTERM or SIGINT; a second signal does not wait. SIGHUP renews the children.

        ready: called once the address answers. In a terminal SIGHUP means that it was closed, which ends all.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._count_signal)
        in_terminal = sys.stdin is not None and sys.stdin.isatty()
        signal.signal(signal.SIGHUP, self._count_signal if in_terminal else self._ask_to_renew)
        try:
            for child in self._children:
                child.start(time.monotonic())
            deadline: float | None = time.monotonic() + READY_SECONDS
            while not self._signals:
                if deadline is not None and answers(self._address):
                    ready()
                    deadline = None
                self._watch(deadline)
                time.sleep(LOOK_SECONDS)
        finally:
            self._stop()

    def _count_signal(self, number: int, frame: object) -> None:
        self._signals += 1

    def _ask_to_renew(self, number: int, frame: object) -> None:
        self._renew = True

    def _watch(self, deadline: float | None) -> None:
        now = time.monotonic()
        if deadline is not None and now > deadline:
            raise SuperviseError(
                f"The web server did not answer within {READY_SECONDS:g} s. See its messages above."
            )
        if self._renew:
            self._renew = False
            log.info("begins anew: web server and workers finish what they hold")
            for child in self._children:
                child.renew()
        for child in self._children:
            child.look(now)
            if deadline is not None and child.last_code in HOPELESS:
                raise SuperviseError(f"The {child.name} cannot be started. See its messages above.")

    def _stop(self) -> None:
        """Ask all to end, wait while they finish what they hold, then insist."""
        running = [child.process for child in self._children if child.process is not None]
        for process in running:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        while self._signals < 2 and time.monotonic() < deadline and any(p.poll() is None for p in running):
            time.sleep(LOOK_SECONDS)
        for process in running:
            if process.poll() is None:
                process.kill()
            process.wait()


def web_command(instance: Instance, host: str, port: int, processes: int, threads: int) -> list[str]:
    """The gunicorn command line: threads in a few processes, each loading the application for itself."""
    return [
        *(sys.executable, "-P", "-m", "gunicorn"),
        *("--bind", f"[{host}]:{port}" if ":" in host else f"{host}:{port}"),
        *(
            "--worker-class",
            "webapp.serving.patient_worker.PatientWorker",
            "--workers",
            str(processes),
            "--threads",
            str(threads),
        ),
        # An annotator's next answer finds the connection open; gthread keeps idle ones at no thread's cost.
        *("--keep-alive", "30"),
        *("--graceful-timeout", "10", "--log-level", "warning", "--no-control-socket"),
        *("--chdir", str(instance.folder), "--config", "python:webapp.serving.web_server"),
        "webapp:create_app()",
    ]


def command(instance: Instance, name: str) -> list[str]:
    """The command line of a worker or the predictor."""
    return [sys.executable, "-P", "-m", "webapp.cli", "--instance", str(instance.folder), name]


def supervisor(
    instance: Instance, host: str, port: int, processes: int, threads: int, workers: int
) -> Supervisor:
    """Web server, workers and predictor of an instance, not yet started; SuperviseError when the address is taken."""
    require_free(host, port)
    environment = {**os.environ, ENVIRONMENT: str(instance.folder)}
    web = Child("web server", web_command(instance, host, port, processes, threads), environment)
    web.renewal = signal.SIGHUP  # gunicorn starts new processes, then lets the old ones finish
    names = ["worker"] if workers == 1 else [f"worker {number}" for number in range(1, workers + 1)]
    beside = [(name, command(instance, "worker")) for name in names]
    beside.append(("predictor", command(instance, "predictor")))
    children = [web, *(Child(name, words, environment) for name, words in beside)]
    return Supervisor(children, (host, port))


def require_free(host: str, port: int) -> None:
    """SuperviseError when nothing can listen at this address."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with closing(socket.socket(family, kind, protocol)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise SuperviseError(
            f"Cannot listen at {host} port {port} ({error.strerror or error}). Another Winnow may run there;"
            " stop it, or choose another port with --port."
        ) from error


def answers(address: tuple[str, int]) -> bool:
    """Whether something accepts connections there; 0.0.0.0 and :: are asked by way of this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address[0], address[0])  # noqa: S104 - it is asked, not bound
    try:
        with closing(socket.create_connection((host, address[1]), timeout=1)):
            return True
    except OSError:
        return False
