"""A large pool of reviews for load tests: sentences of real reviews, varied, each text different.

python benchmarks/load/pool.py reviews.csv.gz more.csv.gz --text text --rows 1000000 --out million.csv.gz
"""

import argparse
import csv
import gzip
import random
import re
from collections.abc import Iterator
from pathlib import Path

# Words of which any may stand for another without making the sentence less likely.
ALIKE = (
    ("black", "white", "red", "blue", "green", "grey", "navy", "pink", "brown", "yellow"),
    ("small", "medium", "large"),
    ("very", "really", "quite", "so", "rather"),
    ("good", "nice", "fine", "decent"),
    ("bad", "poor", "awful"),
    ("one", "two", "three", "four", "five", "six"),
    ("week", "month", "year", "day"),
    ("bought", "ordered", "got", "purchased"),
)
CHOICES = {word: group for group in ALIKE for word in group}
WORD = re.compile(r"[A-Za-z]+|\d+")
SENTENCE = re.compile(r"(?<=[.!?])\s+")


def main() -> None:
    arguments = _arguments()
    generator = random.Random(arguments.seed)
    sentences = [each for file in arguments.files for each in _sentences(file, arguments.text)]
    short = [each for each in sentences if len(each.split()) <= 6]
    print(f"{len(sentences):,} sentences, {len(short):,} of them short")
    with gzip.open(arguments.out, "wt", encoding="utf-8", newline="", compresslevel=1) as out:
        rows = csv.writer(out)
        rows.writerow(("id", "text", "stars", "product", "date"))
        for number, text in enumerate(_varied(sentences, short, arguments.rows, generator), 1):
            stars, product = generator.randint(1, 5), f"p{generator.randint(1, 5_000)}"
            date = f"2026-{generator.randint(1, 12):02}-{generator.randint(1, 28):02}"
            rows.writerow((number, text, stars, product, date))
    print(f"{arguments.rows:,} reviews in {arguments.out}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("files", type=Path, nargs="+", help="CSV files of reviews, gzipped")
    parser.add_argument("--text", default="text", help="their text column")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def _sentences(file: Path, column: str) -> Iterator[str]:
    with gzip.open(file, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            yield from (each for each in SENTENCE.split(row[column].strip()) if 3 <= len(each.split()) <= 14)


def _varied(sentences: list[str], short: list[str], rows: int, generator: random.Random) -> Iterator[str]:
    seen: set[int] = set()
    while len(seen) < rows:
        text = WORD.sub(lambda word: _another(word[0], generator), generator.choice(sentences))
        if generator.random() < 0.5:
            text = f"{text} {generator.choice(short)}"
        key = hash(" ".join(WORD.findall(text.lower())))
        if key not in seen:
            seen.add(key)
            yield text


def _another(word: str, generator: random.Random) -> str:
    if word.isdigit():
        return str(max(1, int(word) + generator.randint(-2, 2)) if len(word) < 4 else word)
    group = CHOICES.get(word.lower())
    return generator.choice(group) if group else word


if __name__ == "__main__":
    main()
