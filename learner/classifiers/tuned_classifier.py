"""What the classifiers that train the encoder itself share: self-training, calibration, one transformer as result."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Generic, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from small_text import TextDataset

from learner.classifiers.calibration import temperature
from learner.classifiers.examples import Examples
from learner.classifiers.interface import RoundClassifier
from learner.classifiers.tuned_model import TunedModel
from learner.encoders import Encoder
from learner.progress import Progress, silent
from learner.self_training import pseudo_labels
from learner.settings import ContrastiveSettings, TrainingSettings

Tuning = TypeVar("Tuning", bound=TrainingSettings | ContrastiveSettings)


class TunedClassifier(RoundClassifier, Generic[Tuning]):
    """Behind small-text's Classifier interface; a subclass says how the encoder is tuned."""

    model: TunedModel

    def __init__(self, labels: list[str], encoder: Encoder, settings: Tuning, seed: int = 0) -> None:
        self.labels, self.encoder, self.settings, self.seed = labels, encoder, settings, seed
        self.max_length = encoder.tokens_read(settings.max_length)

    @abstractmethod
    def tune(
        self, labelled: Examples, further: Examples, validation: Examples, progress: Progress
    ) -> TunedModel:
        """Train from the encoder on what people labelled, and further examples that may judge nothing."""

    def prepare(self, texts: Sequence[str], progress: Progress = silent) -> None:
        """Nothing: features change with every step of training."""

    def fit(
        self,
        train_set: TextDataset,
        weights: NDArray[np.float64] | None = None,
        validation: TextDataset | None = None,
        progress: Progress = silent,
        pool: Sequence[str] = (),
    ) -> Self:
        """TrainingDiverged when the loss stops being a number; EncoderError when the encoder cannot be tuned."""
        progress("train", 0, 1)
        nothing = Examples([], np.zeros(0, np.int64), np.zeros(0))
        labelled = Examples.of(train_set, weights)
        judging = nothing if validation is None else Examples.of(validation)
        again = self.settings.self_training and len(pool) > 0
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            first, second = (_Part(progress, 0, 2), _Part(progress, 1, 2)) if again else (progress, silent)
            self.model = self.tune(labelled, nothing, judging, first)
            if again:
                further = pseudo_labels(
                    self.model, labelled, pool, self.seed, lambda *_: second("train", 0, 1)
                )
                if len(further.y):
                    self.model = self.tune(labelled, further, judging, second)
                second("train", 1, 1)
        return self

    def calibrate(self, train_set: TextDataset, random: NDArray[np.bool_], validation: TextDataset) -> None:
        """On the validation part: it was drawn at random, and no weight was fitted to it.

        But for classes without a label to learn from: no temperature makes up for what the model cannot answer.
        """
        y = np.asarray(validation.y)
        rows = np.flatnonzero(np.isin(y, train_set.y))
        if len(rows):
            logits, _ = self.model.logits(self.model.reader([validation.x[row] for row in rows]))
            self.model.cool(temperature(logits, y[rows]))


class _Part:
    """Tells of one of several trainings as a part of the whole."""

    STEPS = 1000

    def __init__(self, progress: Progress, number: int, of: int) -> None:
        self.progress, self.number, self.of = progress, number, of

    def __call__(self, phase: str, done: int, total: int) -> None:
        whole = (self.number + done / max(1, total)) / self.of
        self.progress(phase, round(self.STEPS * whole), self.STEPS)
