"""Labels that are likely wrong: confident learning on what a cross-fitted model says of each labelled review.

Northcutt, Jiang, Chuang, "Confident learning: estimating uncertainty in dataset labels", 2021; cleanlab.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from learner.errors import NotEnoughLabels
from learner.progress import Progress, silent

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

FOLDS: Final = 5
# Two of a label in each fold's test part, or the folds say little of it.
FEWEST_OF_A_LABEL: Final = 10
# A weak model doubts far more labels than people get wrong (3 % in the ten sets of Northcutt and others, "Pervasive
# label errors in test sets", 2021; 10 % in the worst): a longer list would waste its reader's time.
MOST_SHARE: Final = 0.1


@dataclass(frozen=True)
class Suspect:
    """A review whose label the model doubts; `score` from 0 to 1, the higher the likelier an error."""

    review: int
    label: int
    suggested: int
    score: float


@dataclass(frozen=True)
class Suspicion:
    """The suspects, worst first; how many labels were judged, and the share of them that the model gives too.

    `unjudged` are the labels, as indices, with too few reviews to judge them by.
    """

    suspects: list[Suspect]
    judged: int
    agreeing: float
    unjudged: list[int]


def find_suspects(
    reviews: Ints,
    features: Floats,
    y: Ints,
    label_names: Sequence[str],
    c: float,
    progress: Progress = silent,
) -> Suspicion:
    """Doubt labels that a model which never saw them would not give; features (n, d), y (n,) label indices.

    Raises NotEnoughLabels where fewer than two labels have enough reviews.
    """
    counts = np.bincount(y, minlength=len(label_names))
    kept = np.flatnonzero(counts >= FEWEST_OF_A_LABEL)
    if len(kept) < 2:
        raise NotEnoughLabels(_too_few(counts, label_names))
    rows = np.flatnonzero(np.isin(y, kept))
    given = np.searchsorted(kept, y[rows])
    proba = _cross_fitted(features[rows], given, c, progress)
    suspects = [
        Suspect(int(reviews[rows[row]]), int(kept[given[row]]), int(kept[proba[row].argmax()]), score)
        for row, score in _doubted(given, proba)
    ]
    agreeing = float((proba.argmax(axis=1) == given).mean())
    unjudged = [label for label in range(len(label_names)) if label not in kept]
    return Suspicion(suspects, len(rows), agreeing, unjudged)


def _cross_fitted(features: Floats, y: Ints, c: float, progress: Progress) -> NDArray[np.float64]:
    """(n, k) probabilities, each from a model that was trained on the other folds."""
    from sklearn.linear_model import LogisticRegression  # loads slowly, and only this needs it
    from sklearn.model_selection import StratifiedKFold

    # Without class weights: with them every rare label looks doubtful. 5 % of 600 clothing labels turned: of the 30
    # most doubted, 57 % were turned ones without and 44 % with weights; on balanced sets there is no difference.
    model = LogisticRegression(C=c, max_iter=1000)
    splits = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(features, y)
    proba = np.empty((len(y), len(np.unique(y))))
    for fold, (fit_rows, held_rows) in enumerate(splits):
        progress("suspects", fold, FOLDS)
        proba[held_rows] = model.fit(features[fit_rows], y[fit_rows]).predict_proba(features[held_rows])
    return proba


def _doubted(y: Ints, proba: NDArray[np.float64]) -> list[tuple[int, float]]:
    """Rows and scores, worst first: as many as confident learning counts errors, and never most of the labels."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    doubted = find_label_issues(y, proba, filter_by="low_normalized_margin", n_jobs=1)
    doubted &= proba.argmax(axis=1) != y
    scores = 1 - get_label_quality_scores(y, proba, method="normalized_margin")
    worst = sorted(np.flatnonzero(doubted).tolist(), key=lambda row: -scores[row])
    return [(row, float(scores[row])) for row in worst[: max(1, int(MOST_SHARE * len(y)))]]


def _too_few(counts: Ints, label_names: Sequence[str]) -> str:
    have = "; ".join(f"{name}: {count}" for name, count in zip(label_names, counts, strict=True))
    return (
        f"Doubtful labels can be looked for once two labels have {FEWEST_OF_A_LABEL} reviews each to learn from. "
        f"There are {have}."
    )
