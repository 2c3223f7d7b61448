import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from webapp.serving import supervise
from webapp.serving.supervise import Child, SuperviseError, Supervisor

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Give pytest its signal handlers back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def child() -> Iterator[Child]:
    one = Child("sleeper", SLEEPER, dict(os.environ))
    yield one
    if one.process is not None:
        one.process.kill()
        one.process.wait()


@pytest.fixture
def listening() -> Iterator[tuple[str, int]]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()


def end(child: Child) -> None:
    assert child.process is not None
    child.process.kill()
    child.process.wait()


def test_a_dead_child_starts_again_after_a_pause(child: Child) -> None:
    child.start(now=100)
    end(child)
    child.look(now=101)
    assert child.process is None
    child.look(now=101.5)
    assert child.process is None
    child.look(now=102.1)
    assert child.process is not None


def test_the_pause_doubles_while_it_keeps_dying_and_has_a_limit(child: Child) -> None:
    pauses = []
    now = 0.0
    for _ in range(8):
        child.start(now)
        end(child)
        child.look(now)
        pauses.append(child.next_start - now)
        now = child.next_start
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_child_that_was_sound_for_long_starts_again_soon(child: Child) -> None:
    child.failures = 6
    child.start(now=0)
    end(child)
    child.look(now=1_000)
    assert child.next_start == 1_001


def test_sigterm_ends_all_children_in_good_order(tmp_path: Path, listening: tuple[str, int]) -> None:
    mark = tmp_path / "ended"
    code = (
        f"import pathlib, signal, sys, time; p = pathlib.Path({str(mark)!r})\n"
        "signal.signal(signal.SIGTERM, lambda *_: (p.write_text('well'), sys.exit()))\n"
        "p.with_suffix('.up').touch()\n"
        "time.sleep(60)"
    )
    polite = Child("polite", [sys.executable, "-c", code], dict(os.environ))

    def stop_when_up() -> None:
        while not mark.with_suffix(".up").exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    ready: list[bool] = []
    threading.Thread(target=stop_when_up).start()
    Supervisor([polite], listening).run(lambda: ready.append(True))
    assert ready == [True]
    assert mark.read_text() == "well"
    assert polite.process is not None and polite.process.returncode == 0


def test_a_server_that_cannot_load_stops_everything(child: Child) -> None:
    hopeless = Child("web server", [sys.executable, "-c", "raise SystemExit(3)"], dict(os.environ))
    with pytest.raises(SuperviseError, match="web server cannot be started"):
        Supervisor([hopeless, child], ("127.0.0.1", 1)).run()
    assert child.process is not None and child.process.returncode is not None


def test_a_taken_address_is_said_with_the_way_out(listening: tuple[str, int]) -> None:
    with pytest.raises(SuperviseError, match="--port"):
        supervise.require_free(*listening)


def test_begun_anew_a_worker_starts_again_at_once_and_the_web_server_goes_on(child: Child) -> None:
    child.start(now=0)
    first = child.process
    assert first is not None
    child.renew()
    first.wait()
    child.look(now=1)
    assert child.process is not None and child.process is not first
    assert (child.failures, child.renewing) == (0, False)


def test_a_hangup_renews_and_does_not_end_winnow(tmp_path: Path, listening: tuple[str, int]) -> None:
    mark = tmp_path / "signals"
    code = (
        f"import pathlib, signal, time; p = pathlib.Path({str(mark)!r})\n"
        "signal.signal(signal.SIGHUP, lambda *_: p.write_text('renewed'))\n"
        "p.with_suffix('.up').touch()\n"
        "time.sleep(60)"
    )
    web = Child("web server", [sys.executable, "-c", code], dict(os.environ), renewal=signal.SIGHUP)

    def hang_up_then_stop() -> None:
        for reached, number in ((mark.with_suffix(".up"), signal.SIGHUP), (mark, signal.SIGTERM)):
            while not reached.exists():
                time.sleep(0.02)
            os.kill(os.getpid(), number)

    threading.Thread(target=hang_up_then_stop).start()
    Supervisor([web], listening).run()
    assert mark.read_text() == "renewed"
