"""Reviews with ratings that the tiny encoder cannot read at first, and can learn to."""

import numpy as np

FILLER = "the a it is was this i my and but for with product story book shirt phone delivery screen".split()


def rated(per_class: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Praise and blame that one word turns round, so that no bag of words tells them apart."""
    rng = np.random.default_rng(seed)
    texts, y = [], []
    for i in range(2 * per_class):
        good, turned = bool(i % 2), bool(rng.integers(2))
        word = "good" if good != turned else "bad"
        words = [*rng.choice(FILLER, 3), "not" if turned else "very", word, *rng.choice(FILLER, 2)]
        texts.append(" ".join(words))
        y.append(2 if good else 0)
    return texts, np.array(y)
