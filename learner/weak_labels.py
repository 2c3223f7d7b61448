"""Star ratings as weak labels: what they say, and how much they count beside the labels of people."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from learner.settings import RoundSettings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEGATIVE, NEUTRAL, POSITIVE = "negative", "neutral", "positive"
# All weak labels together weigh as much as so many labels of people where stars and people agree as to a kappa of .7,
# before the first label; half of that with so many labels.
WORTH: Final = 50.0
HALVED_AT: Final = 100.0
# Agreement is believed as if so many reviews had shown the usual one before any was labelled.
USUAL_KAPPA: Final = 0.6
BELIEVED_LABELS: Final = 10
# One weighs less than a label of a person, for whose weight of 1 it would else be taken for one.
MOST_EACH: Final = 0.99


@dataclass(frozen=True)
class Rated:
    """Labelled reviews that have stars: what people said and what the stars say, (n,) label indices each."""

    people: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    stars: Ints = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True)
class WeakLabels:
    """Reviews that nobody labelled, with what their stars say: y (n,) label indices.

    ids: (n,) the reviews. rated: the labelled reviews that have stars, which show how far stars can be believed.
    """

    texts: Sequence[str] = ()
    y: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    rated: Rated = field(default_factory=Rated)

    def __len__(self) -> int:
        return len(self.texts)


NONE: Final = WeakLabels()


@dataclass(frozen=True)
class Combined:
    """What to train on: the labels of people first, then `weak` weak ones; weights (n,) or None where all are equal."""

    texts: list[str]
    y: Ints
    weights: Floats | None
    weak: int


def from_ratings(ratings: Sequence[float] | NDArray[np.floating], label_names: Sequence[str]) -> Ints:
    """What stars say, (n,) label indices, -1 where nothing: 1-2 negative, 3 neutral, 4-5 positive.

    ratings: (n,), nan where there are none. Only the usual words can be told from stars: negative, positive and
    perhaps neutral, in any order and case; three stars say nothing where there is no neutral.
    """
    stars = np.asarray(ratings, dtype=np.float64)
    found = np.full(len(stars), -1, dtype=np.int64)
    if not speak(label_names):
        return found
    place = {name.casefold(): i for i, name in enumerate(label_names)}
    found[(stars >= 1) & (stars <= 2)] = place[NEGATIVE]
    found[stars == 3] = place.get(NEUTRAL, -1)
    found[(stars >= 4) & (stars <= 5)] = place[POSITIVE]
    return found


def speak(label_names: Sequence[str]) -> bool:
    """Whether stars can say anything about these labels."""
    names = {name.casefold() for name in label_names}
    return len(names) == len(label_names) and {NEGATIVE, POSITIVE} <= names <= {NEGATIVE, NEUTRAL, POSITIVE}


def combine(texts: Sequence[str], y: Ints, weak: WeakLabels, settings: RoundSettings) -> Combined:
    """The labels of people (y: (n,)), each with weight 1, and a sample of the weak ones drawn with the round's seed.

    The sample keeps the proportions of the classes. Nothing is added where `stars` is off or stars go against people.
    """
    alone = Combined(list(texts), np.asarray(y, dtype=np.int64), None, 0)
    rows = _drawn(len(weak), settings) if settings.stars else np.zeros(0, np.int64)
    total = total_weight(len(texts), weak.rated)
    if not len(rows) or total == 0:
        return alone
    each = min(MOST_EACH, total / len(rows))
    return Combined(
        alone.texts + [weak.texts[row] for row in rows],
        np.concatenate([alone.y, weak.y[rows]]),
        np.concatenate([np.ones(len(texts)), np.full(len(rows), each)]),
        len(rows),
    )


def total_weight(labels: int, rated: Rated) -> float:
    """What all weak labels together weigh beside so many labels of people, in labels.

    WORTH by the odds of the squared agreement, that is by what part of one voice the other explains against what it
    does not, and falling as the labels of people grow. Measured by benchmarks/stars.py, from 20 labels on no set lost
    macro-F1 beyond noise, not even yelp_crowd, whose stars say nothing of its labels: a fixed weight of 50 lost 11
    points there with 20 labels. Accuracy may fall, by 3 points at most, where a rare class is found more often.
    """
    kappa = believed_kappa(rated)
    if kappa <= 0:
        return 0.0
    odds = kappa**2 / max(1 - kappa**2, 1e-9)
    return WORTH * odds * HALVED_AT / (HALVED_AT + labels)


def believed_kappa(rated: Rated) -> float:
    """Cohen's kappa of stars and people, drawn towards the usual one while few reviews show it."""
    from sklearn.metrics import cohen_kappa_score  # slow to import, and the web asks this file for words only

    n = len(rated.people)
    if n == 0:
        return USUAL_KAPPA
    # Undefined where both only ever say the same one word: that is no evidence against the usual agreement.
    one_word = len(np.unique(np.concatenate([rated.people, rated.stars]))) == 1
    seen = USUAL_KAPPA if one_word else float(cohen_kappa_score(rated.people, rated.stars))
    return (USUAL_KAPPA * BELIEVED_LABELS + seen * n) / (BELIEVED_LABELS + n)


def _drawn(n: int, settings: RoundSettings) -> Ints:
    """Rows of the weak labels that take part, ascending."""
    limit = settings.effective_star_limit
    if n <= limit:
        return np.arange(n)
    return np.sort(np.random.default_rng(settings.seed).choice(n, limit, replace=False))
