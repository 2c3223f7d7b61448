"""The way to the predictor: a Unix socket in the instance folder, and JSON in lines. Imports nothing heavy."""

import json
import os
import socket
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from webapp.instance import Instance
from webapp.store.errors import StoreError

NAME = "predictor.sock"
# A path to a socket has about a hundred bytes at most, wherever the instance lies.
LONGEST_PATH = 100
# Texts and scores of one answer, escaped: a body of the API has a megabyte.
LONGEST_LINE = 16_000_000
# What one question may take, loading the model included; the predictor itself gives up then.
SECONDS = 30.0
# What a reply may come late.
MARGIN_SECONDS = 5.0
# Questions at once, waiting ones included, of this process and of all together. Each holds a thread, of which a web
# process has eight: people find one free even when the predictor hangs.
MOST_AT_ONCE = 4
BUSY = {"error": "busy", "message": f"{MOST_AT_ONCE} requests are under way. Try again in a moment."}
_places = threading.BoundedSemaphore(MOST_AT_ONCE)


class PredictorAway(StoreError):
    """Nobody listens: the predictor is starting, or was not started."""


@contextmanager
def address(instance: Instance) -> Generator[str]:
    """A path to the socket that is short enough."""
    path = str(instance.folder / NAME)
    if len(os.fsencode(path)) <= LONGEST_PATH or sys.platform != "linux":
        yield path
        return
    folder = os.open(instance.folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{NAME}"
    finally:
        os.close(folder)


def ask(
    instance: Instance, project_id: int, texts: Sequence[str], seconds: float = SECONDS
) -> dict[str, Any]:
    """What the predictor says, in full; PredictorAway when it says nothing."""
    if not _places.acquire(blocking=False):
        return BUSY
    try:
        question = {"project": project_id, "texts": list(texts), "seconds": seconds}
        answer = json.loads(_exchange(instance, json.dumps(question).encode(), seconds + MARGIN_SECONDS))
    except (OSError, ValueError) as error:
        raise PredictorAway("The predictor does not answer. `winnow run` starts it.") from error
    finally:
        _places.release()
    if not isinstance(answer, dict):
        raise PredictorAway("The predictor says what nobody asked for.")
    return answer


def _exchange(instance: Instance, line: bytes, seconds: float) -> bytes:
    with address(instance) as path, closing(socket.socket(socket.AF_UNIX)) as connection:
        connection.settimeout(seconds)
        connection.connect(path)
        connection.sendall(line + b"\n")
        with connection.makefile("rb") as lines:
            return lines.readline(LONGEST_LINE)
