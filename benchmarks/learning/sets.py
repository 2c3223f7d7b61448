"""The labelled sets of the benchmark: the demo, which everybody can fetch, and files of a folder of review data."""

import csv
import gzip
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from webapp import demo

DEMO = "demo"
# Larger sets are cut, or a tuned arm would take hours on two cores: by hash, so that the cut is always the same.
POOL, TEST = 5000, 2000


@dataclass(frozen=True)
class LabelledSet:
    """texts and y (n,) indices into label_names; test (n,) marks the part to measure on."""

    name: str
    texts: list[str]
    y: NDArray[np.int64]
    label_names: list[str]
    test: NDArray[np.bool_]


def read(name: str, folder: Path | None) -> LabelledSet:
    """The demo, or NAME.csv.gz of the folder (columns text, label, split)."""
    rows = _demo_rows() if name == DEMO else _file_rows(name, folder)
    pool = _cut([row for row in rows if not row[2]], POOL)
    test = _cut([row for row in rows if row[2]], TEST)
    texts, labels, _ = zip(*pool, *test, strict=True)
    names = sorted(set(labels))
    y = np.array([names.index(label) for label in labels])
    return LabelledSet(name, list(texts), y, names, np.arange(len(texts)) >= len(pool))


def _demo_rows() -> list[tuple[str, str, bool]]:
    """By the raters' majority; a quarter, by hash, is measured on."""
    majority = [(review.text, review.majority) for review in demo.fetch()]
    return [(text, label, _hash(text) % 4 == 0) for text, label in majority if label is not None]


def _file_rows(name: str, folder: Path | None) -> list[tuple[str, str, bool]]:
    if folder is None:
        raise SystemExit(f"{name} is a file: give its folder with --data.")
    with gzip.open(folder / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"], row["split"] == "test") for row in csv.DictReader(file)]


def _cut(rows: list[tuple[str, str, bool]], most: int) -> list[tuple[str, str, bool]]:
    if len(rows) <= most:
        return rows
    kept = set(sorted(range(len(rows)), key=lambda row: _hash(rows[row][0]))[:most])
    return [row for at, row in enumerate(rows) if at in kept]


def _hash(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:8])
