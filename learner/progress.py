"""How long work tells its caller where it stands, and learns that it should stop."""

from typing import Final, Protocol

# Stable identifiers; the web app translates them.
PHASES: Final = ("encode", "train", "evaluate", "score", "query", "save", "export", "suspects", "simulate")


class Progress(Protocol):
    """Called about every second or batch; raises `learner.errors.Cancelled` to stop the work."""

    def __call__(self, phase: str, done: int, total: int) -> None: ...


def silent(phase: str, done: int, total: int) -> None:
    """Tell nobody, never stop."""
