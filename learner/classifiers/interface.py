"""What a round needs of a classifier, on top of small-text's own interface."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from small_text import Classifier, TextDataset

from learner.embeddings import Embeddings
from learner.progress import Progress, silent
from learner.report import Choice, Search
from learner.settings import RoundSettings

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class TextModel(Protocol):
    """A trained model: texts in, probabilities out."""

    labels: list[str]

    def predict_proba(self, texts: Sequence[str], progress: Progress = silent) -> Floats:
        """Probabilities (n, k), columns in the order of `labels`."""

    def scores(self, texts: Sequence[str], progress: Progress = silent) -> tuple[Floats, Embeddings]:
        """Probabilities (n, k) and the embeddings (n, d) they were computed from."""

    def save(self, folder: Path) -> None:
        """Write the model's files into an existing folder."""


class RoundClassifier(Classifier):  # type: ignore[misc]
    """small-text's Classifier over a TextDataset; `model` holds what was trained.

    decided: the settings that `auto` or a search came to, None where nothing was left to decide.
    """

    model: TextModel
    decided: RoundSettings | None = None
    choice: Choice | None = None
    search: Search | None = None

    @abstractmethod
    def prepare(self, texts: Sequence[str], progress: Progress = silent) -> None:
        """Do the work that is the same for every set of labels, such as encoding."""

    @abstractmethod
    def fit(
        self,
        train_set: TextDataset,
        weights: NDArray[np.float64] | None = None,
        validation: TextDataset | None = None,
        progress: Progress = silent,
        pool: Sequence[str] = (),
    ) -> "RoundClassifier":
        """Train from scratch; same data and seed, same model. `pool`: texts without a label, for self-training."""

    @abstractmethod
    def calibrate(self, train_set: TextDataset, random: NDArray[np.bool_], validation: TextDataset) -> None:
        """Set the temperature, from labels of randomly drawn reviews only; predictions stay as they are."""

    def cross_fit(self, train_set: TextDataset, weights: NDArray[np.float64] | None = None) -> Floats | None:
        """Probabilities (n, k) for each row from a model that did not see it; None where that costs too much.

        A classifier that tunes its encoder would have to train anew for each fold, so by default there are none.
        """
        return None

    def predict(self, data_set: TextDataset, return_proba: bool = False, **_: Any) -> Any:
        proba = self.predict_proba(data_set)
        predicted = proba.argmax(axis=1)
        return (predicted, proba) if return_proba else predicted

    def predict_proba(self, data_set: TextDataset, **_: Any) -> Floats:
        return self.model.predict_proba(list(data_set.x))

    def embed(self, data_set: TextDataset, return_proba: bool = False, **_: Any) -> Any:
        proba, embeddings = self.model.scores(list(data_set.x))
        rows = embeddings[np.arange(len(proba))]
        return (rows, proba) if return_proba else rows


# Trains a classifier on what its maker has at hand, and tells how far it is.
Fit = Callable[[RoundClassifier, Progress], object]
# Makes an untrained classifier of these settings, for the labels and the encoder that its maker has at hand.
Create = Callable[[RoundSettings], RoundClassifier]


def dataset(texts: Sequence[str], y: Ints, classes: int) -> TextDataset:
    """small-text's dataset of these reviews."""
    return TextDataset(list(texts), np.asarray(y, dtype=np.int64), target_labels=np.arange(classes))
