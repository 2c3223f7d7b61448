"""A real server under clients that are slow, greedy or hostile, by raw sockets; others notice nothing."""

import os
import re
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest
from builders import a_project, a_user
from served import family, free_port

from webapp import instance as instances
from webapp.serving import supervise
from webapp.store import sessions
from webapp.store.connection import utc_now

ROOT = Path(__file__).parents[3]
# As `winnow web` starts it, with less patience, so that the test need not have much.
PATIENCE_SECONDS = 2
START = (
    f"import webapp.serving.patient_worker as it; it.PATIENCE_SECONDS = {PATIENCE_SECONDS};"
    "from gunicorn.app.wsgiapp import run; run()"
)
HEAD = "POST {} HTTP/1.1\r\nHost: localhost\r\nCookie: winnow={}\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
MULTIPART = "Content-Type: multipart/form-data; boundary=b\r\n"
LOGIN = f"POST /login HTTP/1.1\r\nHost: localhost\r\n{FORM}"
MEGABYTE = 1_000_000
QUICKLY = 1.0  # seconds, on a machine that runs other tests beside
SLOWNESS = {
    "says nothing": "",
    "half a head": "GET /login HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n",
    "half a form": f"{LOGIN}Content-Length: 1000\r\n\r\nname=",
    "no last chunk": f"{LOGIN}Transfer-Encoding: chunked\r\n\r\n5\r\nname=\r\n",
    "an upload that stops": f"{LOGIN}Content-Length: 900000000\r\n\r\n--b",
    "never hangs up": "GET /login HTTP/1.0\r\nHost: localhost\r\n\r\n",
}


@dataclass
class Server:
    """gunicorn with one process of eight threads; `cookie` is an admin's, `project` has an upload page."""

    port: int
    pid: int
    cookie: str

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def seconds_to_answer(self) -> float:
        """How long somebody else waits for a page."""
        start = time.monotonic()
        page = HTTPConnection("127.0.0.1", self.port, timeout=20)
        page.request("GET", "/login")
        assert page.getresponse().read().endswith(b"</html>")
        page.close()
        return time.monotonic() - start

    def memory(self) -> int:
        """Bytes that the server's processes hold."""
        return sum(psutil.Process(pid).memory_info().rss for pid in family(self.pid))

    def answer(self, head: str, body: Iterator[bytes] | tuple[bytes, ...] = ()) -> int:
        """The status given to a request, which may come before all of it was sent."""
        with self.connect() as sock:
            try:
                sock.sendall(head.encode())
                for piece in body:
                    sock.sendall(piece)
            except OSError:
                pass
            return status(sock)


def status(sock: socket.socket) -> int:
    """The status of the answer, 0 where the connection was closed without one."""
    try:
        found = re.match(rb"HTTP/1\.[01] (\d+)", sock.recv(65_536))
    except ConnectionError:
        return 0
    return int(found[1]) if found else 0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    instance = instances.locate(tmp_path_factory.mktemp("patient") / "instance")
    instances.create(instance)
    db = instances.open_instance(instance)
    a_project(db)
    cookie = sessions.start(db, a_user(db, "root", "admin").id, utc_now())
    db.close()
    port = free_port()
    command = supervise.web_command(instance, "127.0.0.1", port, 1, 8)
    arguments = command[command.index("gunicorn") + 1 :]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "WINNOW_INSTANCE": str(instance.folder)}
    process = subprocess.Popen(
        [sys.executable, "-c", START, *arguments],
        cwd=ROOT,
        env=environment | {"WINNOW_COOKIE_SECURE": "false"},
    )
    deadline = time.monotonic() + 60
    while not supervise.answers(("127.0.0.1", port)):
        assert process.poll() is None and time.monotonic() < deadline, "the server did not start"
        time.sleep(0.05)
    started = Server(port, process.pid, cookie)
    started.seconds_to_answer()
    yield started
    process.terminate()
    process.wait(timeout=20)


def test_slow_clients_harm_nobody_and_are_sent_away(server: Server) -> None:
    """Twenty of each sort, more than twice as many as there are threads, first by themselves and then all together."""
    with ExitStack() as stack:
        slow: list[socket.socket] = []
        for kind, request in SLOWNESS.items():
            several = [stack.enter_context(server.connect()) for _ in range(20)]
            for sock in several:
                sock.sendall(request.encode())
            slow += several
            assert server.seconds_to_answer() < QUICKLY, kind
        for sock in slow:
            while sock.recv(65_536):  # until the server hangs up
                pass


def test_clients_that_vanish_in_the_middle_leave_the_server_as_it_was(server: Server) -> None:
    worker = family(server.pid)
    for request in [*SLOWNESS.values(), f"{LOGIN}Content-Length: 9\r\nExpect: 100-continue\r\n\r\n"] * 10:
        with server.connect() as sock:
            sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )  # a reset, not a farewell
            sock.sendall(request.encode())
    assert server.seconds_to_answer() < QUICKLY
    assert family(server.pid) == worker


def test_a_request_in_single_bytes_and_two_in_one_piece_are_answered(server: Server) -> None:
    request = b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with server.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request:
            sock.sendall(bytes([byte]))
        assert b" 200 OK" in read_pages(sock, 1)
        sock.sendall(request * 2 + request[:20])
        assert read_pages(sock, 2).count(b"HTTP/1.1 200 OK") == 2
        sock.sendall(request[20:])
        assert read_pages(sock, 1).count(b"HTTP/1.1 200 OK") == 1


def read_pages(sock: socket.socket, count: int) -> bytes:
    received = b""
    while received.count(b"</html>") < count:
        piece = sock.recv(65_536)
        assert piece, received
        received += piece
    return received


@pytest.mark.parametrize("asks", ["", "Expect: 100-continue\r\n"])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_come_through_however_they_are_sent(server: Server, chunked: bool, asks: str) -> None:
    body = b"name=ada&password=" + b"x" * 40_000
    length = "Transfer-Encoding: chunked\r\n" if chunked else f"Content-Length: {len(body)}\r\n"
    pieces = [body[start : start + 10_000] for start in range(0, len(body), 10_000)]
    with server.connect() as sock:
        sock.sendall(f"{LOGIN}{length}{asks}\r\n".encode())
        if asks:
            assert sock.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        for piece in pieces:
            sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            sock.sendall(b"0\r\n\r\n")
        answer = read_pages(sock, 1)
    assert b"HTTP/1.1 403" in answer  # the form came in whole, and has no token


def form_of(server: Server) -> tuple[str, str]:
    """The cookies and the token with which an admin's form is sent."""
    page = HTTPConnection("127.0.0.1", server.port, timeout=20)
    page.request("GET", "/projects/1/imports", headers={"Cookie": f"winnow={server.cookie}"})
    answer = page.getresponse()
    token = re.search(r'name="csrf_token" value="([^"]+)"', answer.read().decode())
    assert token is not None
    page.close()
    return f"{server.cookie}; {answer.headers['Set-Cookie'].partition(';')[0]}", token[1]


def part(name: str, content: bytes, file: str = "") -> bytes:
    named = f'; filename="{file}"' if file else ""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"


def test_an_upload_larger_than_what_is_gathered_comes_in_whole(server: Server) -> None:
    cookies, token = form_of(server)
    rows = b"text\n" + b"".join(b"review number %d of many\n" % number for number in range(200_000))
    body = part("csrf_token", token.encode()) + part("file", rows, "a.csv") + b"--b--\r\n"
    head = HEAD.format("/projects/1/imports", cookies)
    assert server.answer(f"{head}{MULTIPART}Content-Length: {len(body)}\r\n\r\n", (body,)) == 303


def a_thousand_and_one_parts() -> bytes:
    return b"".join(part(f"p{number}", b"x") for number in range(1_001)) + b"--b--\r\n"


def a_large_field() -> bytes:
    return part("name", b"x" * 501_000) + b"--b--\r\n"


def a_thousand_files() -> bytes:
    return b"".join(part("file", b"x", "a.csv") for _ in range(1_001)) + b"--b--\r\n"


def line_ends_to_begin_with(end: bytes) -> bytes:
    """What made parsers look for the boundary again and again: a part that begins with megabytes of line ends."""
    return part("name", end * (20 * MEGABYTE // len(end))) + b"--b--\r\n"


def no_boundary_at_all() -> bytes:
    return b"-" * 20 * MEGABYTE


def endless_headers() -> bytes:
    return b"--b\r\n" + b"X-A: b\r\n" * 200_000


BOMBS = {
    "1,001 parts": a_thousand_and_one_parts(),
    "a field of 501 kB": a_large_field(),
    "1,001 files": a_thousand_files(),
    "20 MB of LF": line_ends_to_begin_with(b"\n"),
    "20 MB of CR": line_ends_to_begin_with(b"\r"),
    "20 MB of CR LF": line_ends_to_begin_with(b"\r\n"),
    "no boundary": no_boundary_at_all(),
    "headers without end": endless_headers(),
}


@pytest.mark.parametrize("path", ["/login", "/projects/1/imports"])
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_multipart_bomb_is_refused_quickly_and_takes_no_memory(
    server: Server, bomb: str, path: str
) -> None:
    """From a stranger at a small form, and from an admin at the page that takes files."""
    before, start = server.memory(), time.monotonic()
    head = HEAD.format(path, server.cookie if path != "/login" else "")
    answered = server.answer(f"{head}{MULTIPART}Content-Length: {len(BOMBS[bomb])}\r\n\r\n", (BOMBS[bomb],))
    assert answered in (400, 403, 413) or (answered == 0 and path == "/login")  # hung up while it still came
    assert time.monotonic() - start < 2 * QUICKLY
    assert server.memory() - before < 30 * MEGABYTE
    assert server.seconds_to_answer() < QUICKLY


@pytest.mark.parametrize("path", ["/login", "/projects/1/imports"])
def test_chunks_without_end_are_refused(server: Server, path: str) -> None:
    chunk = b"%x\r\n%s\r\n" % (MEGABYTE, part("name", b"x" * MEGABYTE)[:MEGABYTE])
    before = server.memory()
    head = HEAD.format(path, server.cookie if path != "/login" else "")
    with server.connect() as sock:
        sock.sendall(f"{head}{MULTIPART}Transfer-Encoding: chunked\r\n\r\n".encode())
        try:
            for _ in range(100):
                sock.sendall(chunk)
        except OSError:
            pass  # it has heard enough
        else:
            pytest.fail("a hundred megabytes were taken")
    assert server.memory() - before < 30 * MEGABYTE
    assert server.seconds_to_answer() < QUICKLY
