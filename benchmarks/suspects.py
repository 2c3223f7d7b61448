"""Turn a share of a file's labels and count how many of them the list of suspects holds.

python benchmarks/suspects.py ../shared/data/cr.csv.gz --encoder ../shared/models/e5-small-en-zh
"""

import argparse
import csv
import gzip
from pathlib import Path

import numpy as np

from learner.encoders import Encoder, resolve
from learner.features import FeatureCache
from learner.suspects import find_suspects


def main() -> None:
    arguments = _arguments()
    encoder = resolve(arguments.encoders, arguments.encoder)
    texts, labels = _sample(arguments.file, arguments.labels * 3)
    features = FeatureCache(arguments.features, encoder).encode(texts)
    names = sorted(set(labels))
    y = np.array([names.index(label) for label in labels])
    size = min(arguments.labels, len(y))
    runs = [_run(features, y, names, size, arguments.share, encoder, seed) for seed in range(arguments.seeds)]
    length, precision, recall, at_share, agreeing = np.mean(runs, axis=0)
    print(f"{arguments.file.name}: {size} labels, {arguments.share:.0%} turned, {arguments.seeds} draws")
    print(
        f"  the model gives {agreeing:.0%} of the labels; by chance a list holds {arguments.share:.0%} turned ones"
    )
    print(f"  its own list of {length:.0f}: precision {precision:.2f}, recall {recall:.2f}")
    print(f"  the first {round(size * arguments.share)} of it: precision and recall {at_share:.2f}")


def _run(
    features: np.ndarray,
    y: np.ndarray,
    names: list[str],
    size: int,
    share: float,
    encoder: Encoder,
    seed: int,
) -> tuple[float, ...]:
    """Length, precision and recall of the list, precision of its first rows, agreement of the model."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(y))[:size]
    given = y[rows].copy()
    turned = rng.permutation(size)[: round(size * share)]
    given[turned] = (given[turned] + rng.integers(1, len(names), len(turned))) % len(names)
    found = find_suspects(np.arange(size), features[rows], given, names, encoder.settings.head_c)
    listed = [each.review for each in found.suspects]
    hits = np.isin(listed, turned)
    first = hits[: len(turned)].sum() / len(turned)
    return len(listed), float(hits.mean()), hits.sum() / len(turned), first, found.agreeing


def _sample(file: Path, count: int) -> tuple[list[str], list[str]]:
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    picked = np.random.default_rng(0).permutation(len(rows))[:count]
    return [rows[row]["text"] for row in picked], [rows[row]["label"] for row in picked]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", type=Path, help="CSV file with text and label, gzipped or not")
    parser.add_argument("--encoder", default="e5-small", help="name of an added encoder, or a folder")
    parser.add_argument("--encoders", type=Path, default=Path("instance/encoders"))
    parser.add_argument("--features", type=Path, default=Path("instance/features"))
    parser.add_argument("--labels", type=int, default=600)
    parser.add_argument("--share", type=float, default=0.05, help="of the labels that are turned")
    parser.add_argument("--seeds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
