"""Majority against Dawid-Skene on votes with known labels, for teams and numbers of reviews of several sizes.

python benchmarks/consensus.py ../shared/data/mturk_polarity_votes.csv.gz
"""

import argparse
import csv
import gzip
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

from learner.consensus import Consensus, Vote, dawid_skene, majority

TEAMS = ((3, 2), (3, 3), (5, 3), (15, 5), (40, 5))  # people, votes a review
SIZES = (100, 200, 500, 1000)


def main() -> None:
    arguments = _arguments()
    votes, gold = _read(arguments.file)
    print(f"{arguments.file.name}: share right of reviews that the majority decides; of those it ties on")
    for people, each in TEAMS:
        team = _of_team(votes, people, each)
        for size in (size for size in SIZES if size <= len(team)):
            runs = [_run(team, gold, size, seed) for seed in range(arguments.seeds)]
            plain, weighed = mean(run[0] for run in runs), mean(run[1] for run in runs)
            worst = min(run[1] - run[0] for run in runs)
            ties = [run[2] for run in runs if run[2] is not None]
            print(
                f"  {people:3} people, {each} votes, {size:5} reviews: majority {plain:.3f},"
                f" Dawid-Skene {weighed:.3f} (worst draw {worst:+.3f})"
                f"; ties it decides: {f'{mean(ties):.2f} right' if ties else 'none'}"
            )


def _run(
    team: Mapping[int, Sequence[Vote]], gold: Mapping[int, int], size: int, seed: int
) -> tuple[float, float, float | None]:
    drawn = random.Random(seed).sample(sorted(team), size)
    votes = [vote for review in drawn for vote in team[review]]
    plain, weighed = _labels(majority(votes)), _labels(dawid_skene(votes))
    ties = [review for review in weighed if review not in plain]
    return (
        mean(plain[review] == gold[review] for review in plain),
        mean(weighed[review] == gold[review] for review in plain),
        mean(weighed[review] == gold[review] for review in ties) if ties else None,
    )


def _labels(found: Sequence[Consensus]) -> dict[int, int]:
    return {each.review: each.label for each in found}


def _of_team(votes: Sequence[Vote], people: int, each: int) -> dict[int, list[Vote]]:
    """Votes of the busiest people, at most `each` a review; reviews with a single one left out."""
    busiest = {name for name, _ in Counter(vote.annotator for vote in votes).most_common(people)}
    by_review: defaultdict[int, list[Vote]] = defaultdict(list)
    for vote in votes:
        if vote.annotator in busiest:
            by_review[vote.review].append(vote)
    draw = random.Random(0)
    return {
        review: draw.sample(given, min(each, len(given)))
        for review, given in by_review.items()
        if len(given) > 1
    }


def _read(file: Path) -> tuple[list[Vote], dict[int, int]]:
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    numbers: dict[str, dict[str, int]] = {name: {} for name in ("item_id", "annotator_id", "label")}
    for row in rows:
        for name, known in numbers.items():
            known.setdefault(row[name], len(known))
    items, people, labels = numbers.values()
    votes = [Vote(items[row["item_id"]], people[row["annotator_id"]], labels[row["label"]]) for row in rows]
    return votes, {items[row["item_id"]]: labels.setdefault(row["gold"], len(labels)) for row in rows}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", type=Path, help="CSV file with item_id, annotator_id, label and gold")
    parser.add_argument("--seeds", type=int, default=10)
    return parser.parse_args()


if __name__ == "__main__":
    main()
