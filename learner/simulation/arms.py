"""Who competes in a simulation, over which data, and by which rules."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from learner.encoders import Encoder
from learner.errors import NotEnoughLabels, SettingsError
from learner.label_counts import check_labels
from learner.settings import SIMULATED, RoundSettings
from learner.weak_labels import from_ratings

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

RANDOM: Final = "random"
TEST_SHARE: Final = 0.2


@dataclass(frozen=True)
class Learner:
    """What is trained, whichever labels it gets; `stars`: on weak labels from ratings too."""

    classifier: str
    encoder: str
    stars: bool = False


@dataclass(frozen=True)
class Arm:
    """One contestant: what is trained, and how its labels are chosen."""

    learner: Learner
    strategy: str

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The arm that `asdict` wrote."""
        return cls(Learner(**values["learner"]), values["strategy"])


@dataclass(frozen=True)
class Task:
    """One run: an arm's learning curve with one seed, or a learner's score with every label (no strategy, no seed)."""

    learner: Learner
    strategy: str | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Plan:
    """The rules that all arms share: `start` labels before the first round, `batch` more a round, `budget` in all.

    Every arm runs once with each seed. `settings` are the round's; arm and seed take the place of theirs.
    """

    seeds: tuple[int, ...]
    start: int
    batch: int
    budget: int
    settings: RoundSettings = field(default_factory=RoundSettings)

    def labels(self) -> list[int]:
        """Labels at each round."""
        return [*range(min(self.start, self.budget), self.budget, self.batch), self.budget]

    def settings_of(self, task: Task) -> RoundSettings:
        """What this run's rounds are set to; no shares of other origin: each strategy by itself."""
        learner, strategy = task.learner, task.strategy or RANDOM
        own = replace(
            self.settings, classifier=learner.classifier, encoder=learner.encoder, strategy=strategy
        )
        own = replace(own, stars=learner.stars, disagreement_share=0.0, audit_share=0.0)
        return replace(own, seed=self.settings.seed if task.seed is None else task.seed)


@dataclass(frozen=True)
class Corpus:
    """Labelled texts, of which `test` measures and `train` may be asked for; both are row numbers.

    y: (n,) indices into label_names. ratings: (n,) stars, nan where there is none; None without any.
    """

    texts: list[str]
    y: Ints
    label_names: list[str]
    train: Ints
    test: Ints
    ratings: Floats | None = None

    @cached_property
    def sha256(self) -> str:
        """Tells this corpus from any other."""
        arrays = [array.tolist() for array in (self.y, self.train, self.test)]
        return _digest([self.texts, self.label_names, arrays])

    @cached_property
    def ratings_sha256(self) -> str:
        """Tells these ratings from any others."""
        return _digest([] if self.ratings is None else self.ratings.tolist())


@dataclass(frozen=True)
class Bench:
    """All that a run needs beside its task; encoders by name, `features` the folder where encoded texts are kept."""

    corpus: Corpus
    encoders: Mapping[str, Encoder]
    features: Path
    plan: Plan

    def made_with(self, task: Task) -> dict[str, Any]:
        """Everything that the outcome of a run depends on, as plain values: two equal ones have equal outcomes."""
        encoder = self.encoders[task.learner.encoder]
        settings = self.plan.settings_of(task).to_dict() | {"encoder": encoder.sha256}
        depends: dict[str, Any] = {
            "data": self.corpus.sha256,
            "encoder": [
                encoder.sha256,
                {**asdict(encoder.settings), "layers": list(encoder.settings.layers)},
            ],
            "settings": settings,
        }
        if task.learner.stars:
            depends["ratings"] = self.corpus.ratings_sha256
        if task.strategy is not None:
            depends |= {"start": self.plan.start, "batch": self.plan.batch, "budget": self.plan.budget}
        return depends


def prepare(
    texts: Sequence[str],
    labels: Ints,
    label_names: list[str],
    test: NDArray[np.bool_] | None = None,
    ratings: Floats | None = None,
) -> Corpus:
    """The corpus, its test part drawn (20 %, the same for every arm and seed) where none is given.

    labels: (n,) indices into label_names; test: (n,) True for what measures; ratings: (n,). NotEnoughLabels where
    nothing could be learned or measured, or where the ratings say nothing of these labels.
    """
    y = np.asarray(labels, dtype=np.int64)
    if test is None:
        test = np.zeros(len(y), dtype=bool)
        test[np.random.default_rng(0).choice(len(y), round(TEST_SHARE * len(y)), replace=False)] = True
    train_rows, test_rows = np.flatnonzero(~test), np.flatnonzero(test)
    check_labels(y[train_rows], label_names)
    if not len(test_rows):
        raise NotEnoughLabels(
            "The file has no test part to measure on. Give more rows or another split column."
        )
    if ratings is not None and not (from_ratings(ratings[train_rows], label_names) >= 0).any():
        raise NotEnoughLabels(
            "The stars say nothing of these labels: they can stand for negative, neutral and positive alone."
        )
    return Corpus(list(texts), y, list(label_names), train_rows, test_rows, ratings)


def arms_of(
    strategies: Iterable[str], classifiers: Iterable[str], encoders: Iterable[str], stars: bool = False
) -> list[Arm]:
    """Every combination once; `stars` adds each with weak labels. SettingsError names what cannot be simulated."""
    found = [
        Arm(Learner(classifier, encoder, with_stars), strategy)
        for classifier, encoder, with_stars, strategy in product(
            classifiers, encoders, (False, True) if stars else (False,), strategies
        )
    ]
    for arm in found:
        RoundSettings.from_dict({"classifier": arm.learner.classifier, "strategy": arm.strategy})
        if arm.learner.classifier not in SIMULATED:
            known = ", ".join(SIMULATED)
            raise SettingsError(
                {"classifier": f"{arm.learner.classifier} cannot be simulated; choose among {known}."}
            )
    return list(dict.fromkeys(found))


def names(arms: Sequence[Arm]) -> list[str]:
    """What each arm is called: its strategy, and of what is trained that in which the arms differ."""
    classifiers, encoders = (
        {getattr(arm.learner, what) for arm in arms} for what in ("classifier", "encoder")
    )
    return [
        (f"{arm.learner.classifier}/" if len(classifiers) > 1 else "")
        + arm.strategy
        + (f"/{arm.learner.encoder}" if len(encoders) > 1 else "")
        + ("+stars" if arm.learner.stars else "")
        for arm in arms
    ]


def _digest(content: Any) -> str:
    return sha256(json.dumps(content).encode()).hexdigest()
