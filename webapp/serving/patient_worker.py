"""gunicorn's threads for requests that are there: whoever sends slowly waits outside and keeps nobody from one.

gthread gives a thread to each connection that has sent a byte. Twenty half requests then hold all threads for good.
Here the loop that accepts connections gathers each request first, in bounded time and memory; nothing of it is
interpreted, only how long it will be. A proxy in front that buffers requests, as nginx does, makes this idle.
"""

import re
import selectors
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

# From the first byte of a request to its last, and between two bytes of an upload or a download.
PATIENCE_SECONDS = 30
# As much as a form may have, with its head; of a longer request the rest is read by its thread.
MOST_OF_ONE = 1_100_000
MOST_OF_ALL = 64_000_000
HEAD_END = b"\r\n\r\n"
LONGEST_HEAD = 64_000
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.I)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.I)
EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue", re.I)
LAST_CHUNK = re.compile(rb"\r\n0\r\n\r\n\Z")
LONGEST_END = 7
_A_READ = 65_536
# For the rest of a request that was answered without it, and for the other side to close after the last answer.
DRAIN_SECONDS = 0.2
FAREWELL_SECONDS = 2.0


@dataclass
class Arriving:
    """A request on its way; `by` is on the monotonic clock, `head` what stands before its body, once that is there."""

    by: float
    content: bytearray = field(default_factory=bytearray)
    head: bytes | None = None
    searched: int = 0
    is_answered: bool = False  # what it asked before its body

    def is_whole(self) -> bool:
        """Whether a thread may take it up: all there, or so long that only a thread can read or refuse it."""
        if self.head is None:
            end = self.content.find(HEAD_END, self.searched)
            self.searched = max(0, len(self.content) - len(HEAD_END))
            if end < 0:
                return len(self.content) > LONGEST_HEAD
            self.head = bytes(self.content[: end + 2])
        body = len(self.content) - len(self.head) - 2
        if CHUNKED.search(self.head):
            return body > MOST_OF_ONE or LAST_CHUNK.search(self.content[-LONGEST_END:]) is not None
        length = LENGTH.search(self.head)
        return length is None or int(length[1]) > MOST_OF_ONE or body >= int(length[1])


@dataclass
class Farewell:
    """A connection after its last answer: until when the other side may close it, and what it may still send."""

    by: float
    left: int = MOST_OF_ONE


class PatientWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A thread takes a request up once it has arrived, or so much of it that the rest is an upload."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.arriving: dict[Any, Arriving] = {}
        self.gathered = 0
        self.leaving: dict[Any, Farewell] = {}

    def enqueue_req(self, conn: Any) -> None:
        """Called where gthread would start a thread: for a new connection, and for each further request on it."""
        if self.cfg.is_ssl:  # what arrives then is not readable here; our command line never asks for it
            super().enqueue_req(conn)
            return
        if conn not in self.arriving:
            conn.close = partial(self._close, conn)
            stop_waiting_for_peer(conn.sock)
            self.arriving[conn] = Arriving(time.monotonic() + PATIENCE_SECONDS)
            if conn.parser is not None:  # the request before left what it had read too much
                self._keep(conn, conn.parser.unreader.take_buffered())
        conn.sock.setblocking(False)
        if self.arriving[conn].is_whole():
            self._start(conn)
        else:
            self._gather(conn)

    def handle(self, conn: Any) -> Any:
        """In the thread: give gunicorn's own parser all that has arrived, then go on as ever."""
        conn.sock.setblocking(True)
        conn.init()
        conn.parser.unreader.unread(conn.content)
        conn.content = b""
        return super().handle(conn)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """A body that nobody read, as of a refused upload, is not waited for as long as gthread would."""
        deadline = time.monotonic() + DRAIN_SECONDS
        return keepalive and bool(conn.parser.finish_body(deadline=deadline))

    def murder_pending(self) -> None:
        """Also whoever did not send a request in time. While the worker stops, less time is given."""
        super().murder_pending()
        for conn in [conn for conn, farewell in self.leaving.items() if farewell.by < time.monotonic()]:
            self._part(conn)
        latest = time.monotonic() + (PATIENCE_SECONDS if self.alive else STOP_KEEPALIVE_LINGER)
        for conn, request in list(self.arriving.items()):
            request.by = min(request.by, latest)
            if request.by < time.monotonic():
                self._give_up(conn)

    def _close(self, conn: Any, graceful: bool = False) -> None:
        """gthread closes gracefully by waiting in this loop, in front of everybody; here the loop goes on."""
        if not graceful or len(self.leaving) > self.worker_connections:
            type(conn).close(conn)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, lambda _: self._on_farewell(conn))
            self.leaving[conn] = Farewell(time.monotonic() + FAREWELL_SECONDS)
        except OSError:
            type(conn).close(conn)

    def _on_farewell(self, conn: Any) -> None:
        try:
            received = len(conn.sock.recv(_A_READ))
        except BlockingIOError:
            return
        except OSError:
            received = 0
        self.leaving[conn].left -= received
        if not received or self.leaving[conn].left < 0:
            self._part(conn)

    def _part(self, conn: Any) -> None:
        del self.leaving[conn]
        self.poller.unregister(conn.sock)
        type(conn).close(conn)

    def _gather(self, conn: Any) -> None:
        try:
            received = conn.sock.recv(_A_READ)
        except BlockingIOError:
            self._wait(conn)
            return
        except OSError:
            received = b""
        if not received:
            self._give_up(conn)
            return
        self._keep(conn, received)
        request = self.arriving[conn]
        if request.is_whole():
            self._start(conn)
        elif self.gathered > MOST_OF_ALL:
            self._give_up(conn)
        else:
            self._let_continue(conn, request)
            self._wait(conn)

    def _keep(self, conn: Any, received: bytes) -> None:
        self.arriving[conn].content += received
        self.gathered += len(received)

    def _let_continue(self, conn: Any, request: Arriving) -> None:
        """Some programs ask before they send a body."""
        if request.head and not request.is_answered and EXPECTS.search(request.head):
            request.is_answered = True
            with suppress(OSError):  # gone already; the next reading finds out
                conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _wait(self, conn: Any) -> None:
        self.poller.register(conn.sock, selectors.EVENT_READ, lambda _: self._on_more(conn))

    def _on_more(self, conn: Any) -> None:
        self.poller.unregister(conn.sock)
        self._gather(conn)

    def _start(self, conn: Any) -> None:
        conn.content = bytes(self._forget(conn).content)
        super().enqueue_req(conn)

    def _give_up(self, conn: Any) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.close()

    def _forget(self, conn: Any) -> Arriving:
        request = self.arriving.pop(conn)
        self.gathered -= len(request.content)
        if conn.sock.fileno() in self.poller.get_map():
            self.poller.unregister(conn.sock)
        return request


def stop_waiting_for_peer(sock: socket.socket) -> None:
    """A thread that reads or writes gives up on a peer that is silent for so long."""
    limit = struct.pack("ll", PATIENCE_SECONDS, 0)
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, option, limit)
