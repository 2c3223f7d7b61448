"""One label a review from the votes of several people: the majority, or Dawid-Skene's model of who errs how."""

import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Method = Literal["single", "majority", "dawid-skene", "gold"]

# Dawid-Skene learns k x k figures for each annotator. On 5,000 items of crowd votes with known labels, drawn for teams
# of 3 to 40, it fell behind the majority by up to 11 points with 100 reviews to learn from, by at most one with 200,
# and led by one with 500; with two annotators it cannot know which of them errs, and lost up to 33. Below these
# figures the majority decides.
FEWEST_REVIEWS: Final = 200
FEWEST_ANNOTATORS: Final = 3
# People with fewer shared labels are taken for one annotator, "the others".
FEWEST_LABELS: Final = 20
OTHERS: Final = -1
# Where two people differ, its choice was right for 82 % of two-class items, but for 45 % of three-class ones: with
# fewer votes than this a third person should say, and so they should where it is less sure than that.
FEWEST_VOTES: Final = 3
SURE: Final = 0.8


@dataclass(frozen=True)
class Vote:
    """One person's label for one review."""

    review: int
    annotator: int
    label: int


@dataclass(frozen=True)
class Consensus:
    """The label of one review: by whom it was found, how sure that is (from 0 to 1), and from how many votes."""

    review: int
    label: int
    method: Method
    confidence: float
    votes: int


def find_consensus(votes: Sequence[Vote], gold: Mapping[int, int], method: str) -> list[Consensus]:
    """The label of every review that has one: gold first, then the method; a review that people tie on has none."""
    given = _by_review(votes)
    found = {
        review: Consensus(review, label, "gold", 1.0, len(given.get(review, ())))
        for review, label in gold.items()
    }
    decided = dawid_skene(votes, gold) if method == "dawid-skene" else majority(votes)
    return [*found.values(), *(each for each in decided if each.review not in found)]


def majority(votes: Sequence[Vote]) -> list[Consensus]:
    """What most people said; confidence is their share. Ties are left out."""
    found = []
    for review, given in _by_review(votes).items():
        ranked = Counter(vote.label for vote in given).most_common(2)
        if len(ranked) == 1 or ranked[0][1] > ranked[1][1]:
            label, count = ranked[0]
            method: Method = "single" if len(given) == 1 else "majority"
            found.append(Consensus(review, label, method, count / len(given), len(given)))
    return found


def dawid_skene(votes: Sequence[Vote], gold: Mapping[int, int] | None = None) -> list[Consensus]:
    """Votes weighed by how each person errs; what all agree on stands. The majority where too little is known.

    Dawid and Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm", 1979; crowd-kit.
    """
    plain = majority(votes)
    shared = {review: given for review, given in _by_review(votes).items() if len(given) > 1}
    counts = Counter(vote.annotator for given in shared.values() for vote in given)
    known = {annotator for annotator, count in counts.items() if count >= FEWEST_LABELS}
    if len(shared) < FEWEST_REVIEWS or len(known) < FEWEST_ANNOTATORS:
        return plain
    sure = _most_likely(shared, known, gold or {})
    by_review = {each.review: each for each in plain}
    for review, (label, confidence) in sure.items():
        given = shared[review]
        disputed = len({vote.label for vote in given}) > 1
        if disputed and len(given) >= FEWEST_VOTES and confidence >= SURE:
            by_review[review] = Consensus(review, label, "dawid-skene", confidence, len(given))
    return list(by_review.values())


def _most_likely(
    shared: Mapping[int, Sequence[Vote]], known: set[int], gold: Mapping[int, int]
) -> dict[int, tuple[int, float]]:
    """Each review's likeliest label and its probability."""
    import pandas  # these two load slowly, and only this method needs them
    from crowdkit.aggregation.classification.dawid_skene import DawidSkene

    rows = [
        (vote.review, vote.annotator if vote.annotator in known else OTHERS, vote.label)
        for given in shared.values()
        for vote in given
    ]
    table = pandas.DataFrame(rows, columns=["task", "worker", "label"])
    anchors = pandas.Series(
        {review: label for review, label in gold.items() if review in shared}, dtype="int64"
    )
    with warnings.catch_warnings():  # advice to crowd-kit's authors, at every step
        warnings.simplefilter("ignore")
        probabilities = DawidSkene().fit_predict_proba(table, anchors if len(anchors) else None)
    return {int(review): (int(row.idxmax()), float(row.max())) for review, row in probabilities.iterrows()}


def _by_review(votes: Sequence[Vote]) -> dict[int, list[Vote]]:
    found: defaultdict[int, list[Vote]] = defaultdict(list)
    for vote in votes:
        found[vote.review].append(vote)
    return dict(found)
