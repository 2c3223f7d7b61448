"""The ratings of a corpus as weak labels, in the way of live rounds."""

import numpy as np

from learner.settings import RoundSettings
from learner.simulation.arms import Corpus, Ints
from learner.weak_labels import NONE, Combined, Rated, WeakLabels, combine, from_ratings


def prior(corpus: Corpus, rows: Ints, settings: RoundSettings) -> Ints | None:
    """What stars say of these rows, -1 where nothing; None for an arm that does not look at them."""
    if not settings.stars or corpus.ratings is None:
        return None
    return from_ratings(corpus.ratings[rows], corpus.label_names)


def known(corpus: Corpus, labelled: Ints, settings: RoundSettings) -> Combined:
    """What a round trains on: the labels asked for, and stars of the rows that nobody was asked about."""
    texts, y = [corpus.texts[row] for row in labelled], corpus.y[labelled]
    free = np.setdiff1d(corpus.train, labelled)
    of_free, of_labelled = prior(corpus, free, settings), prior(corpus, labelled, settings)
    if of_free is None or of_labelled is None:
        return combine(texts, y, NONE, settings)
    rows, rated = free[of_free >= 0], of_labelled >= 0
    weak = WeakLabels(
        [corpus.texts[row] for row in rows], of_free[of_free >= 0], Rated(y[rated], of_labelled[rated])
    )
    return combine(texts, y, weak, settings)
