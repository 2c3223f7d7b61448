"""`head`: multinomial logistic regression on stored features. Seconds per round, whatever the encoder."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from small_text import TextDataset

from learner import class_names, encoder_files
from learner.classifiers.calibration import MIN_RANDOM_LABELS, temperature
from learner.classifiers.interface import Floats, Ints, RoundClassifier
from learner.embeddings import Encode, StoredEmbeddings, in_chunks
from learner.errors import CheckpointError, TrainingDiverged
from learner.progress import Progress, silent
from learner.settings import HeadSettings

HEAD_FILE: Final = "head.safetensors"
FOLDS: Final = 5
# A class without a single label cannot be learnt; e^-30 keeps its probability at zero without infinities.
UNSEEN: Final = -30.0


@dataclass
class HeadModel:
    """softmax((features @ coef.T + intercept) / temperature); coef (k, d), intercept (k,)."""

    labels: list[str]
    encode: Encode
    coef: Floats
    intercept: Floats
    temperature: float = 1.0

    def logits(self, features: Floats) -> Floats:
        return np.asarray(features @ self.coef.T + self.intercept, dtype=np.float32)

    def predict_proba(self, texts: Sequence[str], progress: Progress = silent) -> Floats:
        return self.scores(texts, progress)[0]

    def scores(self, texts: Sequence[str], progress: Progress = silent) -> tuple[Floats, StoredEmbeddings]:
        proba = np.empty((len(texts), len(self.labels)), dtype=np.float32)
        for chunk, features in in_chunks(self.encode, texts, progress):
            proba[chunk] = softmax(self.logits(features).astype(np.float64) / self.temperature, axis=1)
        return proba, StoredEmbeddings(self.encode, texts)

    def save(self, folder: Path) -> None:
        scale = np.array([self.temperature], dtype=np.float32)
        tensors = {"coef": self.coef, "intercept": self.intercept, "temperature": scale}
        save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, folder / HEAD_FILE)

    @classmethod
    def read(cls, folder: Path, labels: list[str], encode: Encode) -> Self:
        """CheckpointError when the file does not hold a head for these labels."""
        try:
            encoder_files.check_safetensors(folder / HEAD_FILE)
            tensors = load_file(folder / HEAD_FILE)
            coef, intercept, scale = (tensors[name] for name in ("coef", "intercept", "temperature"))
        except Exception as problem:  # safetensors raises its own kinds for every sort of damage
            raise CheckpointError(
                f"{folder / HEAD_FILE} cannot be read: {problem}. Train a new round."
            ) from problem
        sizes = coef.ndim == 2 and len(coef) == len(labels) and intercept.shape == (len(labels),)
        finite = all(np.isfinite(part).all() for part in (coef, intercept, scale))
        if not (sizes and finite and scale.shape == (1,) and scale[0] > 0):
            raise CheckpointError(f"{folder / HEAD_FILE} does not fit its labels. Train a new round.")
        return cls(labels, encode, coef, intercept, float(scale[0]))


class HeadClassifier(RoundClassifier):
    """Behind small-text's Classifier interface."""

    model: HeadModel

    def __init__(
        self, labels: list[str], encode: Encode, settings: HeadSettings, encoder_c: float, seed: int = 0
    ) -> None:
        self.labels, self.encode, self.settings, self.seed = labels, encode, settings, seed
        # C belongs to the encoder: it depends on the scale and the spread of its features.
        self.c = encoder_c if settings.c is None else settings.c
        self.weights: NDArray[np.float64] | None = None
        self._kept: tuple[TextDataset, NDArray[np.float64] | None, Floats] | None = None

    def prepare(self, texts: Sequence[str], progress: Progress = silent) -> None:
        for _ in in_chunks(self.encode, texts, progress):
            pass  # stored by now, which is all that is wanted

    def fit(
        self,
        train_set: TextDataset,
        weights: NDArray[np.float64] | None = None,
        validation: TextDataset | None = None,
        progress: Progress = silent,
        pool: Sequence[str] = (),
    ) -> "HeadClassifier":
        progress("train", 0, 1)
        self.weights = weights
        coef, intercept = self._regress(self.encode(list(train_set.x)), train_set.y, weights)
        self.model = HeadModel(self.labels, self.encode, coef, intercept)
        progress("train", 1, 1)
        return self

    def calibrate(self, train_set: TextDataset, random: NDArray[np.bool_], validation: TextDataset) -> None:
        """Cross-fitted, so that no label judges a model that saw it; queried labels train but never judge."""
        y = np.asarray(train_set.y)
        rarest = int(np.bincount(y, minlength=2)[np.unique(y)].min())
        if not self.settings.temperature or random.sum() < MIN_RANDOM_LABELS or rarest < 2:
            return
        # As it was fitted, or its temperature would be another model's.
        logits = self._held_out(train_set, self.weights)
        if logits is not None:
            self.model.temperature = temperature(logits[random], y[random])

    def cross_fit(self, train_set: TextDataset, weights: NDArray[np.float64] | None = None) -> Floats | None:
        """A regression for each fold on the stored features; None below two labels of two classes."""
        logits = self._held_out(train_set, weights)
        if logits is None:
            return None
        return np.asarray(softmax(logits.astype(np.float64) / self.model.temperature, axis=1), np.float32)

    def _held_out(self, train_set: TextDataset, weights: NDArray[np.float64] | None) -> Floats | None:
        """Logits (n, k) of each row by the regression that did without its fold; kept, for they are asked twice."""
        if self._kept is not None and self._kept[0] is train_set and self._kept[1] is weights:
            return self._kept[2]
        y = np.asarray(train_set.y)
        counts = np.bincount(y)
        # A class with a single label is unknown where that label is judged, as such a class would be.
        several = counts[counts > 1]
        if len(several) < 2:
            return None
        features = self.encode(list(train_set.x))
        logits = np.empty((len(y), len(self.labels)), dtype=np.float32)
        folds = StratifiedKFold(min(FOLDS, int(several.max())), shuffle=True, random_state=self.seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            splits = list(folds.split(features, y))
        for fit_rows, held_rows in splits:
            known = None if weights is None else weights[fit_rows]
            coef, intercept = self._regress(features[fit_rows], y[fit_rows], known)
            logits[held_rows] = features[held_rows] @ coef.T + intercept
        self._kept = train_set, weights, logits
        return logits

    def _regress(
        self, features: Floats, y: Ints, weights: NDArray[np.float64] | None
    ) -> tuple[Floats, Floats]:
        """Coefficients (k, d) and intercepts (k,) for all labels, those without an example shut out."""
        if not np.isfinite(features).all():
            raise TrainingDiverged(
                "The encoder gives features that are no numbers."
                " Put it back with `winnow encoder add`, or choose another."
            )
        balanced = "balanced" if self.settings.class_weights else None
        regression = LogisticRegression(C=self.c, class_weight=balanced, max_iter=1000)
        named = np.zeros((0, features.shape[1]), np.float32) if self._directions is None else self._directions
        names = class_names.NamedFeatures.of(named, features)
        regression.fit(names.extend(features), y, sample_weight=weights)
        coefficients, intercepts = names.fold(regression.coef_, regression.intercept_)
        coef = np.zeros((len(self.labels), features.shape[1]), dtype=np.float32)
        intercept = np.full(len(self.labels), UNSEEN, dtype=np.float32)
        seen = regression.classes_
        if len(seen) == 2:  # scikit-learn keeps one row for two classes: the logit of the second
            intercept[seen] = 0.0, intercepts[0]
            coef[seen[1]] = coefficients[0]
        else:
            coef[seen], intercept[seen] = coefficients, intercepts
        return coef, intercept

    @cached_property
    def _directions(self) -> Floats | None:
        """Those of the labels' names; None where they are off or say nothing."""
        return class_names.directions(self.encode, self.labels) if self.settings.class_names else None
