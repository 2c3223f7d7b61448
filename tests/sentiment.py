"""Reviews of three classes that the tiny encoder can tell apart."""

import numpy as np

LABELS = ["negative", "neutral", "positive"]
WORDS = {
    0: ["bad", "awful", "hate", "broke"],
    1: ["ok", "average", "so so", "fine"],
    2: ["good", "love", "great"],
}


def reviews(n: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    things = ["phone", "shirt", "battery", "story", "screen"]
    return [f"the {rng.choice(things)} is {'very ' * rng.integers(0, 6)}{rng.choice(WORDS[i])}" for i in y], y
