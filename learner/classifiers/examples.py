"""What a tuned classifier is trained on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from small_text import TextDataset

from learner.classifiers.interface import Ints


@dataclass(frozen=True)
class Examples:
    """Texts with their labels y (n,), and how much each counts: weights (n,)."""

    texts: list[str]
    y: Ints
    weights: NDArray[np.float64]

    def __add__(self, others: "Examples") -> "Examples":
        y, weights = np.concatenate([self.y, others.y]), np.concatenate([self.weights, others.weights])
        return Examples(self.texts + others.texts, y, weights)

    def only(self, rows: Sequence[int] | Ints) -> "Examples":
        """These rows alone."""
        return Examples([self.texts[row] for row in rows], self.y[rows], self.weights[rows])

    @classmethod
    def of(cls, data: TextDataset, weights: NDArray[np.float64] | None = None) -> "Examples":
        """small-text's dataset as examples; without weights all count the same."""
        y = np.asarray(data.y, dtype=np.int64)
        return cls(list(data.x), y, np.ones(len(y)) if weights is None else weights)
