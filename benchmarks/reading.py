"""Rows a second of reading a file of reviews: python benchmarks/reading.py FILE [FILE ...]"""

import argparse
import resource
import time
from collections import Counter
from pathlib import Path

from webapp.importing import (
    FileOptions,
    RowError,
    near_duplicate_key,
    open_file,
    parse_review,
    preview,
    text_hash,
)

LABELS = ("negative", "neutral", "positive")


def read_rows(path: Path) -> int:
    """Only the rows, as they are in the file."""
    return sum(1 for _ in open_file(path, FileOptions()).rows())


def parse_rows(path: Path, hashes: bool) -> Counter[str]:
    """The rows as reviews, counted by what became of them; with the hashes the store needs, or without."""
    start = preview(path)
    outcome: Counter[str] = Counter()
    for row in open_file(path).rows():
        review = (
            row
            if isinstance(row, RowError)
            else parse_review(row, start.guess, LABELS, date_order=start.date_order)
        )
        outcome[review.code if isinstance(review, RowError) else "reviews"] += 1
        if hashes and not isinstance(review, RowError):
            text_hash(review.text), near_duplicate_key(review.text)
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    for path in parser.parse_args().files:
        start = time.perf_counter()
        rows = read_rows(path)
        read = time.perf_counter()
        outcome = parse_rows(path, hashes=False)
        parsed = time.perf_counter()
        parse_rows(path, hashes=True)
        hashed = time.perf_counter()
        print(f"{path.name}: {rows:,} rows; rows/s: {rows / (read - start):,.0f} read,", end=" ")
        print(
            f"{rows / (parsed - read):,.0f} parsed, {rows / (hashed - parsed):,.0f} hashed; {dict(outcome)}"
        )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
