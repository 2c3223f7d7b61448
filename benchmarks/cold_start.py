"""What the first labels are worth by how they are chosen: at random, medoids, medoids by stars or by class names.

python benchmarks/cold_start.py ../shared/data/jd_aircon_zh.csv.gz --language zh

Class names choose by the similarity of a review to sentences such as "This review is positive.". With 20 labels,
e5-small, 1,000 reviews a draw and six draws, that lost to plain medoids 7 points of macro-F1 on yelp_crowd, 3 on
jd_aircon_zh and 1 on womens_clothing, and won half a point on cr; so the program does not offer it.
"""

import argparse
import csv
import gzip
from pathlib import Path

import numpy as np

from learner.batch import seed_queue
from learner.classifiers.head import HeadClassifier
from learner.classifiers.interface import dataset
from learner.cold_start import informed_seed_queue
from learner.encoders import resolve
from learner.evaluation import confusion, summary
from learner.features import FeatureCache
from learner.settings import HeadSettings
from learner.weak_labels import from_ratings

SIZES = (20, 100)
TEMPLATES = {
    "en": ("This review is {}.", "A {} review.", "I feel {} about it."),
    "zh": ("这条评论是{}的。", "{}评论。", "我的感受是{}的。"),
}
CHINESE = {"negative": "负面", "neutral": "中性", "positive": "正面"}


def main() -> None:
    arguments = _arguments()
    encoder = resolve(arguments.encoders, arguments.encoder)
    cache = FeatureCache(arguments.features, encoder)
    train, test = (_rows(arguments.file, split) for split in ("train", "test"))
    names = sorted({row["label"] for row in train})
    y, test_y = (np.array([names.index(row["label"]) for row in rows]) for rows in (train, test))
    stars = from_ratings([float(row.get(arguments.rating) or "nan") for row in train], names)
    words = [CHINESE[name] if arguments.language == "zh" else name for name in names]
    sentences = np.stack(
        [cache.encode([t.format(word) for t in TEMPLATES[arguments.language]]).mean(axis=0) for word in words]
    )
    found: dict[tuple[str, int], list[tuple[float, float, int]]] = {}
    for seed in range(arguments.seeds):
        rows = np.random.default_rng(seed).permutation(len(train))[: arguments.size]
        points = cache.encode([train[row]["text"] for row in rows])
        priors = {"medoids": None, "by stars": stars[rows], "by names": _by_names(points, sentences)}
        for size in SIZES:
            chosen = {"random": rows[:size]}
            for way, prior in priors.items():
                queue = (
                    seed_queue(points, rows, size, seed)
                    if prior is None
                    else informed_seed_queue(points, rows, size, seed, prior)
                )
                chosen[way] = np.array([item.id for item in queue])
            for way, labelled in chosen.items():
                head = HeadClassifier(names, cache.encode, HeadSettings(), encoder.settings.head_c, seed)
                texts = [train[row]["text"] for row in labelled]
                classes = len(np.unique(y[labelled]))
                predicted = np.full(len(test), y[labelled[0]])
                if classes > 1:
                    head.fit(dataset(texts, y[labelled], len(names)))
                    predicted = head.model.predict_proba([row["text"] for row in test]).argmax(axis=1)
                scores = summary(confusion(test_y, predicted, len(names)))
                score = float(scores["accuracy"]), float(scores["macro_f1"]), classes
                found.setdefault((way, size), []).append(score)
    print(f"{arguments.file.name}, {encoder.name}: accuracy/macro-F1, and classes among the labels")
    for way in ("random", "medoids", "by stars", "by names"):
        cells = ("{:.3f}/{:.3f} {:.1f}".format(*np.mean(found[way, size], axis=0)) for size in SIZES)
        print(f"  {way:<10}" + "".join(f"{cell:>20}" for cell in cells))


def _by_names(points: np.ndarray, sentences: np.ndarray) -> np.ndarray:
    """The class whose name is most like each review, beside what is usual in the pool."""
    likeness = (points - points.mean(axis=0)) @ (sentences - sentences.mean(axis=0)).T
    return ((likeness - likeness.mean(axis=0)) / likeness.std(axis=0)).argmax(axis=1)


def _rows(file: Path, split: str) -> list[dict[str, str]]:
    with gzip.open(file, "rt", encoding="utf-8", newline="") as stream:
        return [row for row in csv.DictReader(stream) if row["split"] == split]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--rating", default="rating", metavar="COLUMN")
    parser.add_argument("--language", choices=list(TEMPLATES), default="en")
    parser.add_argument("--size", type=int, default=1000, help="reviews to choose from")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--encoder", default="e5-small")
    parser.add_argument("--encoders", type=Path, default=Path("instance/encoders"))
    parser.add_argument("--features", type=Path, default=Path("instance/features"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
