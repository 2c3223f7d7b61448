"""The way to the predictor: a Unix socket in the instance folder, and JSON in lines. Imports nothing heavy."""

import json
import os
import socket
import sys
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
    question = json.dumps({"project": project_id, "texts": list(texts), "seconds": seconds})
    try:
        with address(instance) as path, closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(seconds + MARGIN_SECONDS)
            connection.connect(path)
            connection.sendall(question.encode() + b"\n")
            with connection.makefile("rb") as lines:
                line = lines.readline(LONGEST_LINE)
        answer = json.loads(line)
    except (OSError, ValueError) as error:
        raise PredictorAway("The predictor does not answer. `winnow run` starts it.") from error
    if not isinstance(answer, dict):
        raise PredictorAway("The predictor says what nobody asked for.")
    return answer
