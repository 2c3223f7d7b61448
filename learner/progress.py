"""How long work tells its caller where it stands, and learns that it should stop."""

from typing import Final, Protocol

# Stable identifiers; the web app translates them.
PHASES: Final = (
    "encode", "train", "search", "evaluate", "score", "query", "save", "export", "suspects", "simulate",
)  # fmt: skip


class Progress(Protocol):
    """Called about every second or batch; raises `learner.errors.Cancelled` to stop the work."""

    def __call__(self, phase: str, done: int, total: int) -> None: ...


def silent(phase: str, done: int, total: int) -> None:
    """Tell nobody, never stop."""


class InPhase:
    """Reports predictions under the phase they serve, whatever the model calls its own work."""

    def __init__(self, phase: str, progress: Progress) -> None:
        self.phase, self.progress = phase, progress

    def __call__(self, phase: str, done: int, total: int) -> None:
        self.progress(self.phase, done, total)
