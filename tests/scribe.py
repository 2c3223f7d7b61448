"""A process that answers reviews as fast as it can and says each answer once it is stored, so that it can be killed.

    python scribe.py DATABASE USER_ID

Each line on its standard input starts a new life: it writes "life PID", then one line of JSON an answer, at last
"dead". A life forks from a process that holds no connection, so that it is at work within milliseconds.
"""

import json
import os
import random
import sys
from pathlib import Path

# The tests' folder is where this file is started from; the packages stand beside it.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from webapp.store import annotations, projects, queue
from webapp.store.annotations import Answer
from webapp.store.connection import open_database, utc_now
from webapp.store.queue import Lease

PROJECT = 1


def live(path: Path, user_id: int) -> None:
    """Lease, answer, say so; now and then withdraw the last answer."""
    db = open_database(path)
    labels = [label.id for label in projects.get(db, PROJECT).labels]
    last: dict[str, object] | None = None
    while True:
        if last is not None and random.random() < 0.3:
            annotations.undo(db, int(str(last["annotation"])), user_id, utc_now())
            tell(json.dumps({**last, "undone": True}))
            last = None
            continue
        lease = queue.claim(db, PROJECT, user_id, utc_now())
        if not isinstance(lease, Lease):
            break
        label = random.choice([*labels, None])
        given = Answer("label", label) if label else Answer("skip")
        stored = annotations.record(db, lease.token, user_id, given, utc_now())
        last = {"annotation": stored.id, "lease": lease.token, "label": label, "undone": False}
        tell(json.dumps(last))


def tell(line: str) -> None:
    """One write, so that a line is whole or not there."""
    os.write(1, f"{line}\n".encode())


def main(path: Path, user_id: int) -> None:
    for _ in iter(sys.stdin.readline, ""):
        pid = os.fork()
        if pid == 0:
            tell(f"life {os.getpid()}")
            live(path, user_id)
            os._exit(0)
        os.waitpid(pid, 0)
        tell("dead")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
