"""What star ratings are worth as weak labels: scores with and without them, by labels of people, over several draws.

python benchmarks/stars.py ../shared/data/jd_aircon_zh.csv.gz
python benchmarks/stars.py ../shared/data/yelp_crowd.csv.gz --rating review_rating
python benchmarks/stars.py ../shared/data/cr.csv.gz --stars-of ../shared/data/amazon_devices.csv.gz

Where a file's labels come from its stars, as in most of ../shared/data, stars are right by definition; --noise puts
others in the place of a share of them. Accuracy/macro-F1 with e5-small, five draws (ten on cr):

                            0 labels          20          50         100         400
jd_aircon_zh    people             -   .840/.621   .866/.647   .863/.668   .858/.729
                + stars    .861/.737   .849/.734   .848/.740   .844/.738   .846/.742
  30 % of stars shuffled   .860/.738   .838/.689   .846/.711   .856/.686   .858/.731
womens_clothing people             -   .763/.493   .779/.554   .771/.572   .768/.613
                + stars    .773/.591   .769/.601   .775/.622   .774/.627   .775/.635
yelp_crowd      people             -   .463/.448   .554/.551   .603/.602   .655/.654
                + stars    .215/.171   .466/.452   .554/.551   .603/.602   .655/.654
cr              people             -   .833/.818   .849/.840   .854/.845   .858/.849
  + stars of other shops   .787/.786   .832/.826   .850/.843   .853/.845   .858/.850

4,000 reviews of jd_aircon_zh, 2,500 of womens_clothing, all of the others; on cr 500 of amazon_devices and 2,500 of
womens_clothing. Each sentence of yelp_crowd was picked to be hard for a model, as many of each label with one star as
with five: stars alone are worse than chance there, and the rule leaves them out once 20 labels show it.
"""

import argparse
import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from learner.classifiers.head import HeadClassifier
from learner.classifiers.interface import dataset
from learner.embeddings import Encode
from learner.encoders import Encoder, resolve
from learner.evaluation import confusion, summary
from learner.features import FeatureCache
from learner.settings import HeadSettings, RoundSettings
from learner.weak_labels import WORTH, Rated, WeakLabels, combine, from_ratings

LABELS = (0, 20, 50, 100, 200, 400)


@dataclass
class Corpus:
    """A file's train and test part, (n,) texts, label indices and what the stars say (-1: nothing)."""

    names: list[str]
    texts: list[str]
    y: np.ndarray
    stars: np.ndarray
    test: list[str]
    test_y: np.ndarray
    foreign: WeakLabels | None


def main() -> None:
    arguments = _arguments()
    encoder = resolve(arguments.encoders, arguments.encoder)
    corpus = _corpus(arguments)
    cache = FeatureCache(arguments.features, encoder)
    print(
        f"{arguments.file.name}, {encoder.name}: {len(corpus.texts)} to learn from, {len(corpus.test)} to test on"
    )
    if corpus.foreign is None:
        told = corpus.stars >= 0
        share = float((corpus.stars == corpus.y)[told].mean())
        print(f"  stars say the label for {share:.0%} of the {told.sum()} rated reviews")
    print(f"  {'labels':<22}" + "".join(f"{count:>14}" for count in LABELS))
    for way in ("people alone", "with stars", f"stars always {WORTH:g}", "stars like people"):
        scores = [
            [_score(corpus, cache.encode, encoder, way, count, seed) for seed in range(arguments.seeds)]
            for count in LABELS
        ]
        means = [np.mean(each, axis=0) if None not in each else None for each in scores]
        cells = ("-" if each is None else "{:.3f}/{:.3f}".format(*each) for each in means)
        print(f"  {way:<22}" + "".join(f"{cell:>14}" for cell in cells), flush=True)


def _score(
    corpus: Corpus, encode: Encode, encoder: Encoder, way: str, count: int, seed: int
) -> tuple[float, float] | None:
    """Accuracy and macro-F1 with so many labels drawn at random; None where there is nothing to learn from."""
    order = np.random.default_rng(seed).permutation(len(corpus.y))
    given, others = order[:count], np.sort(order[count:])
    texts, y = [corpus.texts[row] for row in given], corpus.y[given]
    settings = RoundSettings(seed=seed, stars=way != "people alone")
    both = combine(texts, y, _weak(corpus, given, others), settings)
    weights = both.weights
    if weights is not None and way == "stars like people":
        weights = np.ones(len(both.y))
    if weights is not None and way.startswith("stars always"):
        weights = np.concatenate([np.ones(count), np.full(both.weak, min(1.0, WORTH / both.weak))])
    if len(np.unique(both.y)) < 2:
        return None
    head = HeadClassifier(corpus.names, encode, HeadSettings(), encoder.settings.head_c, seed)
    head.fit(dataset(both.texts, both.y, len(corpus.names)), weights)
    predicted = head.model.predict_proba(corpus.test).argmax(axis=1)
    found = summary(confusion(corpus.test_y, predicted, len(corpus.names)))
    return float(found["accuracy"]), float(found["macro_f1"])


def _weak(corpus: Corpus, given: np.ndarray, others: np.ndarray) -> WeakLabels:
    """As a round finds them: stars of what is not labelled, and the agreement of stars and people in what is."""
    if corpus.foreign is not None:
        return corpus.foreign
    open_rows, both = others[corpus.stars[others] >= 0], given[corpus.stars[given] >= 0]
    rated = Rated(corpus.y[both], corpus.stars[both])
    return WeakLabels([corpus.texts[row] for row in open_rows], corpus.stars[open_rows], rated)


def _corpus(arguments: argparse.Namespace) -> Corpus:
    rng = np.random.default_rng(0)
    found = {split: _sample(arguments.file, split, arguments.size, rng) for split in ("train", "test")}
    names = sorted({row["label"] for row in found["train"]})
    y = {split: np.array([names.index(row["label"]) for row in rows]) for split, rows in found.items()}
    texts = {split: [row["text"] for row in rows] for split, rows in found.items()}
    stars = from_ratings([float(row.get(arguments.rating) or "nan") for row in found["train"]], names)
    wrong = rng.random(len(stars)) < arguments.noise
    stars = np.where(wrong, rng.permutation(stars), stars)
    foreign = None
    if arguments.stars_of:
        rated = [row for file in arguments.stars_of for row in _sample(file, "train", arguments.size, rng)]
        said = from_ratings([float(row.get("rating") or "nan") for row in rated], names)
        foreign = WeakLabels([rated[i]["text"] for i in np.flatnonzero(said >= 0)], said[said >= 0])
    return Corpus(names, texts["train"], y["train"], stars, texts["test"], y["test"], foreign)


def _sample(file: Path, split: str, size: int, rng: np.random.Generator) -> list[dict[str, str]]:
    with gzip.open(file, "rt", encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == split]
    return [rows[i] for i in np.sort(rng.permutation(len(rows))[:size])]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--rating", default="rating", metavar="COLUMN")
    parser.add_argument(
        "--stars-of", type=Path, action="append", metavar="FILE", help="rated reviews of other shops"
    )
    parser.add_argument(
        "--noise", type=float, default=0.0, help="share of the stars that are put out of order"
    )
    parser.add_argument("--size", type=int, default=4000, help="reviews of each part at most")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--encoder", default="e5-small")
    parser.add_argument("--encoders", type=Path, default=Path("instance/encoders"))
    parser.add_argument("--features", type=Path, default=Path("instance/features"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
