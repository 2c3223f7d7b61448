"""One label a review: exact for the majority, never bolder than the votes allow for Dawid-Skene."""

import csv
import gzip
import random
from pathlib import Path

import pytest

from learner import consensus
from learner.consensus import Consensus, Vote, dawid_skene, find_consensus, majority


def votes_of(*reviews: str) -> list[Vote]:
    """One string a review: the nth letter is the label that annotator n gives, a dot is none."""
    return [
        Vote(review, annotator, "abc".index(letter))
        for review, letters in enumerate(reviews)
        for annotator, letter in enumerate(letters)
        if letter != "."
    ]


def test_the_majority_wins_and_a_tie_has_no_label() -> None:
    found = majority(votes_of("aab", "ab", "c", "abc", "aabb", "bbbb"))
    assert found == [
        Consensus(0, 0, "majority", pytest.approx(2 / 3), 3),
        Consensus(2, 2, "single", 1.0, 1),
        Consensus(5, 1, "majority", 1.0, 4),
    ]


def test_two_firsts_are_a_tie_even_before_a_third_label() -> None:
    assert majority(votes_of("aabbc")) == []


def test_gold_comes_first_even_without_a_vote() -> None:
    found = {each.review: each for each in find_consensus(votes_of("aab", "ab"), {0: 1, 7: 2}, "majority")}
    assert found[0] == Consensus(0, 1, "gold", 1.0, 3)
    assert found[7] == Consensus(7, 2, "gold", 1.0, 0)
    assert 1 not in found


def a_team(reviews: int, seed: int = 0) -> tuple[list[Vote], list[int]]:
    """Two careful people and two who say b more often than not; three of them label each review."""
    draw = random.Random(seed)
    true = [draw.randrange(2) for _ in range(reviews)]
    votes = []
    for review, label in enumerate(true):
        for annotator in draw.sample(range(4), 3):
            right = 0.97 if annotator < 2 else (0.3 if label == 0 else 0.8)
            votes.append(Vote(review, annotator, label if draw.random() < right else 1 - label))
    return votes, true


def test_dawid_skene_learns_whom_to_believe() -> None:
    votes, true = a_team(400)
    plain = {each.review: each.label for each in majority(votes)}
    weighed = {each.review: each.label for each in dawid_skene(votes)}
    wrong = [sum(label != true[review] for review, label in found.items()) for found in (plain, weighed)]
    assert wrong[1] < 0.6 * wrong[0]


def test_what_all_agree_on_stands() -> None:
    votes, _ = a_team(400)
    agreed = {each.review: each for each in majority(votes) if each.confidence == 1.0}
    weighed = {each.review: each for each in dawid_skene(votes)}
    assert agreed.items() <= weighed.items()


def test_with_few_shared_reviews_the_majority_decides() -> None:
    votes, _ = a_team(consensus.FEWEST_REVIEWS - 1)
    assert dawid_skene(votes) == majority(votes)


def test_two_annotators_cannot_be_told_apart() -> None:
    votes = [vote for vote in a_team(900)[0] if vote.annotator in (0, 2)]
    assert dawid_skene(votes) == majority(votes)


def test_two_people_who_differ_wait_for_a_third() -> None:
    votes, _ = a_team(400)
    extra = [Vote(900, 0, 0), Vote(900, 2, 1)]
    assert 900 not in {each.review for each in dawid_skene([*votes, *extra])}


def test_on_real_crowd_votes(shared: Path) -> None:
    """5,000 sentences with gold: the majority and plain Dawid-Skene as stated beside the file."""
    with gzip.open(shared / "data" / "mturk_polarity_votes.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    items = {name: place for place, name in enumerate(dict.fromkeys(row["item_id"] for row in rows))}
    people = {name: place for place, name in enumerate(dict.fromkeys(row["annotator_id"] for row in rows))}
    gold = {items[row["item_id"]]: int(row["gold"] == "positive") for row in rows}
    votes = [
        Vote(items[row["item_id"]], people[row["annotator_id"]], int(row["label"] == "positive"))
        for row in rows
    ]

    def right(found: list[Consensus]) -> float:
        return sum(each.label == gold[each.review] for each in found) / len(gold)

    plain, weighed = majority(votes), dawid_skene(votes)
    tied = 1 - len(plain) / len(gold)
    assert tied == pytest.approx(0.036, abs=0.001)
    assert right(plain) + tied / 2 == pytest.approx(0.890, abs=0.005)
    assert right(weighed) > right(plain) + 0.03 and len(weighed) > len(plain)
    everything = consensus._most_likely(consensus._by_review(votes), set(people.values()), {})
    assert sum(label == gold[review] for review, (label, _) in everything.items()) / len(
        gold
    ) == pytest.approx(0.915, abs=0.0005)
