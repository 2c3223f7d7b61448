"""Finished runs, kept so that none is run twice: as JSON lines in a file, or wherever the caller keeps them."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Protocol

from learner.errors import LearnerError
from learner.simulation.arms import Bench, Task
from learner.simulation.replay import Run

Line = dict[str, Any]

WORDS: Final = {
    "data": "other texts, labels or test part",
    "ratings": "other ratings",
    "encoder": "another encoder",
    "settings": "other settings",
    "start": "another start",
    "batch": "another batch",
    "budget": "another budget",
}


class OtherRuns(LearnerError):
    """The record holds runs of the same arms with other data or settings."""


class Record(Protocol):
    """Where finished runs are kept, as plain values."""

    def lines(self) -> Iterable[Line]:
        """Every run that was kept, oldest first."""

    def add(self, line: Line) -> None:
        """Keep one more, for good once this returns."""


class RunFile:
    """JSON lines in a file, one a run. A line that a kill tore is dropped; the run is run again."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[Line]:
        """The whole lines; OtherRuns when one of them is none of ours."""
        if not self.path.is_file():
            return []
        content = self.path.read_bytes()
        try:
            found = [json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines()]
            if all({"task", "made_with", "run"} <= set(line) for line in found):
                return found
        except (ValueError, TypeError):
            pass
        raise OtherRuns(f"{self.path} does not hold runs of a simulation. Choose another folder.")

    def add(self, line: Line) -> None:
        """Append and bring to the disk, a torn end cut off first."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
            file.write(json.dumps(line, allow_nan=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def line_of(bench: Bench, task: Task, run: Run) -> Line:
    """A finished run as plain values, with everything that its outcome depends on."""
    return {"task": asdict(task), "made_with": bench.made_with(task), "run": asdict(run)}


def finished(bench: Bench, tasks: Iterable[Task], record: Record) -> dict[Task, Run]:
    """The tasks that need not be run; OtherRuns where one of them was run with something else than now."""
    wanted = {_key(asdict(task)): task for task in tasks}
    found: dict[Task, Run] = {}
    for line in record.lines():
        task = wanted.get(_key(line["task"]))
        if task is not None:
            _check(line["made_with"], bench.made_with(task))
            found[task] = Run(**line["run"])
    return found


def _check(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    differing = [WORDS[part] for part in WORDS if _key(then.get(part)) != _key(now.get(part))]
    if differing:
        raise OtherRuns(
            f"The runs there were made with {', '.join(differing)}. Choose another folder, or delete the old runs."
        )


def _key(values: Any) -> str:
    return json.dumps(values, sort_keys=True)
