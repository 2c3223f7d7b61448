"""A made-up corpus that the tiny encoder can tell apart, and how the tests run it."""

from pathlib import Path
from typing import Any

import numpy as np

from learner.encoders import Encoder
from learner.simulation.arms import Arm, Corpus, Learner, Plan, prepare
from learner.simulation.results import SimulationResult
from learner.simulation.runner import simulate

LABELS = ["negative", "positive"]
LEARNER = Learner("head", "tiny")
MARGIN, RANDOM = Arm(LEARNER, "margin-diverse"), Arm(LEARNER, "random")
PLAN = Plan((0, 1), start=6, batch=6, budget=27)


def corpus(n: int = 100, **more: Any) -> Corpus:
    rng = np.random.default_rng(0)
    words = [["bad", "terrible", "awful"], ["good", "great", "excellent"]]
    y = rng.integers(0, 2, n)
    texts = [
        f"the {rng.choice(['phone', 'shirt'])} {i} is {rng.choice(words[label])}" for i, label in enumerate(y)
    ]
    return prepare(texts, y, LABELS, **more)


def run(encoder: Encoder, folder: Path, **options: Any) -> SimulationResult:
    given = {"corpus": corpus(), "arms": [MARGIN, RANDOM], "plan": PLAN} | options
    return simulate(encoders={"tiny": encoder}, features=folder / "features", **given)
