"""What a round has to tell of itself beside its scores; stored with it, and shown in words."""

from dataclasses import asdict, dataclass, field
from typing import Any

from learner.advice import Advice


@dataclass(frozen=True)
class Candidate:
    """One classifier that `auto` weighed: what it took, what it was expected to take, how well it did.

    expected_seconds: extrapolated from its first steps on this machine; None where it was not tuned or had
    too few steps. macro_f1: on the validation part, None where it was not trained to its end. epochs: None for
    those that know none.
    """

    classifier: str
    seconds: float
    expected_seconds: float | None = None
    epochs: int | None = None
    macro_f1: float | None = None


@dataclass(frozen=True)
class Choice:
    """What `auto` took, and why in one sentence; candidates has those it trained, or tried to, in their order."""

    chosen: str
    reason: str
    budget_seconds: float
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class Search:
    """What the search for better settings came to; changed maps `group.name` to the value it set.

    before, after: macro-F1 on the validation part with the given settings and with the best, None where nothing
    was tried; the part chose them, so the holdout's figures are the honest ones. unfinished: trials that did not
    end, because time was up or their loss was no number.
    """

    reason: str
    trials: int = 0
    unfinished: int = 0
    seconds: float = 0.0
    before: float | None = None
    after: float | None = None
    changed: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RoundReport:
    """One part for each that has something to tell; classifier is the one that was trained in the end."""

    classifier: str
    choice: Choice | None = None
    search: Search | None = None
    stopping: Advice | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
