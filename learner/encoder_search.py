"""Which hidden layers of an encoder, and which C, suit given labelled texts: a short search with an honest end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from learner.devices import on_cuda
from learner.encoder_files import CONFIG, read_json
from learner.encoders import Encoder, EncoderSettings, layer_count
from learner.encoding import encode_texts
from learner.errors import NotEnoughLabels
from learner.evaluation import confusion, summary
from learner.progress import Progress, silent

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# More texts hardly sharpen the choice, and each costs a pass through the encoder.
TEXTS: Final = 1000
MIN_TEXTS, MIN_PER_CLASS = 200, 10
C_GRID: Final = (0.3, 1.0, 3.0, 10.0, 30.0)
# A project is to be served well from its first rounds on: half of the score is that with so few labels.
FEW, DRAWS = 100, 6
RESAMPLES: Final = 1000


@dataclass(frozen=True)
class Trial:
    """Layers and C, with macro-F1 from few and from all of the labels, on texts that were not trained on."""

    layers: tuple[int, ...]
    head_c: float
    few: float
    all: float

    @property
    def score(self) -> float:
        return (self.few + self.all) / 2


@dataclass(frozen=True)
class SearchResult:
    """`present` and `best` as measured on texts that had no say in the choice, and their paired difference.

    low and high: its 95 % interval by bootstrap over those texts.
    """

    present: Trial
    best: Trial
    low: float
    high: float
    tried: int
    texts: int

    @property
    def difference(self) -> float:
        """Score of the best less that of the present settings."""
        return self.best.score - self.present.score

    @property
    def is_better(self) -> bool:
        """Whether the best beats the present settings beyond noise."""
        return self.low > 0


def search(
    encoder: Encoder,
    texts: Sequence[str],
    y: Sequence[int] | Ints,
    seed: int = 0,
    progress: Progress = silent,
) -> SearchResult:
    """Compare runs of layers with strengths C; texts (n,), y (n,) indices of their labels.

    One half of the texts chooses: the best mean of macro-F1 from 100 labels (six draws) and from two thirds of the
    half. The other half judges the winner against the encoder's present settings, so that having had the pick of
    many does not flatter it. NotEnoughLabels below 200 texts or 10 of a class.
    """
    rows = _sample(np.asarray(y), seed)
    y = np.asarray(y)[rows]
    states = _hidden_states(encoder, [texts[row] for row in rows], progress)
    choosing, judging = train_test_split(np.arange(len(rows)), test_size=0.5, stratify=y, random_state=seed)
    last = states.shape[1] - 1
    present = _from_zero(encoder.settings.layers, last), encoder.settings.head_c
    grid = list(dict.fromkeys([present, *((run, c) for run in runs(last) for c in C_GRID)]))
    with threadpool_limits(1):
        train, test = train_test_split(choosing, test_size=1 / 3, stratify=y[choosing], random_state=seed)
        trials = []
        for done, (layers, c) in enumerate(grid):
            progress("train", done, len(grid))
            trials.append(_tried(states, y, layers, c, train, test, seed)[0])
        best = max(trials, key=lambda trial: trial.score)
        old, old_predicted = _tried(states, y, *present, choosing, judging, seed)
        new, new_predicted = _tried(states, y, best.layers, best.head_c, choosing, judging, seed)
    low, high = _interval(y[judging], old_predicted, new_predicted, seed)
    return SearchResult(old, new, low, high, len(grid), len(rows))


def tuned(settings: EncoderSettings, best: Trial) -> EncoderSettings:
    """The encoder's settings with what was found."""
    return replace(settings, layers=best.layers, head_c=best.head_c)


def runs(last: int) -> list[tuple[int, ...]]:
    """One, two and three layers in a row of the upper half, all of it, and all but the last."""
    half = last // 2
    short = [
        tuple(range(end - size + 1, end + 1))
        for size in (1, 2, 3)
        for end in range(half + size - 1, last + 1)
    ]
    whole = [tuple(range(half, last + 1)), tuple(range(half, last))]
    return list(dict.fromkeys(run for run in [*short, *whole] if run and run[0] >= 0))


def _sample(y: Ints, seed: int) -> Ints:
    """Rows of at most TEXTS texts, each class in its share."""
    classes, counts = np.unique(y, return_counts=True)
    if len(y) < MIN_TEXTS or len(classes) < 2 or counts.min() < MIN_PER_CLASS:
        raise NotEnoughLabels(
            f"A search wants {MIN_TEXTS} labelled texts, and {MIN_PER_CLASS} of each of two classes or more; "
            f"there are {len(y)}, and {counts.min() if len(counts) else 0} of the rarest. Label more, or give a file."
        )
    if len(y) < TEXTS + len(classes):  # a split leaves one of each class at least
        return np.arange(len(y))
    kept, _ = train_test_split(np.arange(len(y)), train_size=TEXTS, stratify=y, random_state=seed)
    # A class too rare for its share of the sample would break the splits to come.
    lost = [np.flatnonzero(y == each)[:MIN_PER_CLASS] for each in classes]
    return np.asarray(np.unique(np.concatenate([kept, *lost])), dtype=np.int64)


def _hidden_states(encoder: Encoder, texts: list[str], progress: Progress) -> Floats:
    """(n, layers + 1, d): every hidden state pooled and of length 1, from one pass."""
    count = layer_count(read_json(encoder.folder / CONFIG)) + 1
    every = replace(encoder, settings=replace(encoder.settings, layers=tuple(range(count))))
    # Without a GPU in fp32: to build an int8 graph of all layers takes longer than it saves.
    features = encode_texts(every, texts, progress, exact=not on_cuda())
    return features.reshape(len(texts), count, -1) * np.float32(count**0.5)


def _from_zero(layers: Sequence[int], last: int) -> tuple[int, ...]:
    return tuple(layer if layer >= 0 else layer + last + 1 for layer in layers)


def _tried(
    states: Floats, y: Ints, layers: tuple[int, ...], c: float, train: Ints, test: Ints, seed: int
) -> tuple[Trial, Ints]:
    """The trial, and its predictions (draws + 1, test): one row a draw of few labels, the last from all."""
    features = np.concatenate([states[:, layer] for layer in layers], axis=1) * np.float32(
        len(layers) ** -0.5
    )
    few = min(FEW, len(train) // 2)
    parts = [
        train_test_split(train, train_size=few, stratify=y[train], random_state=seed + draw)[0]
        for draw in range(DRAWS)
    ]
    predicted = []
    for rows in [*parts, train]:
        regression = LogisticRegression(C=c, class_weight="balanced", max_iter=1000)
        predicted.append(regression.fit(features[rows], y[rows]).predict(features[test]))
    found = np.array(predicted, dtype=np.int64)
    scores = _macro_f1(y[test], found, int(y.max()) + 1)
    return Trial(layers, c, float(scores[:-1].mean()), float(scores[-1])), found


def _macro_f1(y: Ints, predicted: Ints, classes: int) -> NDArray[np.float64]:
    """(runs,) of predictions (runs, n)."""
    counts = np.array([confusion(y, run, classes) for run in predicted])
    return np.asarray(summary(counts)["macro_f1"], dtype=np.float64)


def _interval(y: Ints, old: Ints, new: Ints, seed: int) -> tuple[float, float]:
    """95 % interval of the difference in score, the same texts drawn for both."""
    rng, classes = np.random.default_rng(seed), int(y.max()) + 1
    differences = []
    for _ in range(RESAMPLES):
        rows = rng.integers(len(y), size=len(y))
        change = _macro_f1(y[rows], new[:, rows], classes) - _macro_f1(y[rows], old[:, rows], classes)
        differences.append((change[:-1].mean() + change[-1]) / 2)
    low, high = np.percentile(differences, [2.5, 97.5])
    return float(low), float(high)
