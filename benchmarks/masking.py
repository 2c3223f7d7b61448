"""Recall and precision of masking on made-up items, false alarms on real reviews, and the pace.

python benchmarks/masking.py ../shared/data/womens_clothing.csv.gz ../shared/data/shopping_zh.csv.gz
"""

import argparse
import csv
import gzip
import re
import sys
import time
from collections import Counter
from pathlib import Path

from webapp.masking import RULES, Masker, Masking

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from masking_set import Item, items

MASKER = Masker(Masking(tuple(RULES)), lambda author: author)

# Looser than the rules, so that what they miss shows.
LEFT_OVER = {
    "email": re.compile(r"\w@\w+\.\w"),
    "url": re.compile(r"://|www\.\w"),
    "phone": re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)|\d{3}[-. ]\d{3}[-. ]\d{4}"),
    "long number": re.compile(r"\d{8,}"),
}


def main() -> None:
    arguments = _arguments()
    _on_items()
    for file in arguments.files:
        _on_reviews(file, arguments.show)


def found(item: Item) -> tuple[bool, list[str]]:
    """Whether the value is gone under the right token, and the rules of masks that stand for nothing."""
    masked = MASKER.mask(item.text)
    hit = bool(item.rule) and item.text.replace(item.value, RULES[item.rule].token) == masked.text
    wrong = Counter(masked.rules) - Counter([item.rule] if item.rule in masked.rules else [])
    return hit, list(wrong.elements())


def _on_items() -> None:
    every = list(items())
    hits, totals, wrong = Counter[tuple[str, str]](), Counter[tuple[str, str]](), Counter[str]()
    for item in every:
        hit, others = found(item)
        totals[item.rule, item.language] += 1
        hits[item.rule, item.language] += hit
        wrong.update(others)
    negatives = sum(not item.rule for item in every)
    print(
        f"{len(every)} items, {negatives} of them hard negatives; exact: the value and nothing else is masked"
    )
    print("rule    recall en  recall zh  precision   disguised")
    for rule in RULES:
        shown = [_share(hits[rule, language], totals[rule, language]) for language in ("en", "zh", "hidden")]
        masked = sum(hits[rule, language] for language in ("en", "zh", "hidden"))
        print(f"{rule:8}{shown[0]:>9}{shown[1]:>11}{_share(masked, masked + wrong[rule]):>11}{shown[2]:>12}")
    plain = [key for key in totals if key[0] and key[1] != "hidden"]
    right, asked = sum(hits[key] for key in plain), sum(totals[key] for key in plain)
    precision = _share(right, right + sum(wrong.values()))
    print(f"all, without the disguised: recall {_share(right, asked)}, precision {precision}")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def _on_reviews(file: Path, show: int) -> None:
    csv.field_size_limit(10**7)
    with gzip.open(file, "rt", encoding="utf-8", newline="") as rows:
        texts = [row["text"] for row in csv.DictReader(rows)]
    started = time.process_time()  # the rest of the machine is somebody else's
    masked = [MASKER.mask(text) for text in texts]
    seconds = time.process_time() - started
    size = sum(len(text.encode()) for text in texts)
    counts = Counter(rule for each in masked for rule in each.rules)
    reviews = sum(bool(each.rules) for each in masked)
    print(
        f"{file.name}: {len(texts)} reviews, {size / 1e6:.1f} MB in {seconds:.2f} s = {size / 1e6 / seconds:.1f} MB/s;"
        f" {1000 * reviews / len(texts):.2f} of 1,000 masked {dict(counts)}"
    )
    left = Counter(name for each in masked for name, form in LEFT_OVER.items() if form.search(each.text))
    print(f"    left that a loose pattern takes for one: {dict(left)}")
    for text, each in zip(texts, masked, strict=True):
        if each.rules and show > 0:
            show -= 1
            print(f"    {each.rules} {each.text[:300]!r} <- {text[:300]!r}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="reviews with a column text, gzipped CSV")
    parser.add_argument(
        "--show", type=int, default=0, metavar="N", help="masked reviews to print of each file"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
