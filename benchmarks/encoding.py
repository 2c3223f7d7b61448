"""Texts a second: a plain fixed-length loop, length-bucketed torch, and the int8 graph, in one run.

python benchmarks/encoding.py reviews.csv.gz --text text --encoder e5-small --encoders instance/encoders
"""

import argparse
import csv
import gzip
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from learner import devices, encoding, onnx_graph, tokens
from learner.encoders import Encoder, resolve


def main() -> None:
    arguments = _arguments()
    encoder = resolve(arguments.encoders, arguments.encoder)
    texts = _sample(arguments.file, arguments.text, arguments.texts)
    lengths = sorted(len(ids) for ids in tokens.reader(encoder)(texts))
    print(
        f"{encoder.name}: {len(texts)} texts, median {lengths[len(lengths) // 2]} tokens, longest {lengths[-1]}"
    )
    print(
        f"{devices.cores()} cores, load {os.getloadavg()[0]:.1f}, GPU {'yes' if devices.on_cuda() else 'no'}"
    )
    start = time.perf_counter()
    encoding.quick_engine(encoder)
    encoding.exact_engine(encoder)
    print(f"engines ready after {time.perf_counter() - start:.1f} s (the int8 graph is built once)")
    if not devices.on_cuda():
        graph = onnx_graph.ensure(encoder)
        print(f"graph {graph.name}: {graph.stat().st_size / 1e6:.0f} MB")
    exact, plain = _timed("fp32, fixed length, batches of 32", len(texts), lambda: _plain(encoder, texts))
    for name, run in {
        "fp32, bucketed": lambda: encoding.encode_texts(encoder, texts, exact=True),
        "quickest engine, bucketed": lambda: encoding.encode_texts(encoder, texts),
    }.items():
        features, rate = _timed(name, len(texts), run)
        cosines = (features * exact).sum(axis=1)
        print(f"{'':36}{rate / plain:.2f} x plain, cosine min {cosines.min():.4f}, mean {cosines.mean():.4f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", type=Path, help="CSV file, gzipped or not")
    parser.add_argument("--text", default="text", help="its text column")
    parser.add_argument("--texts", type=int, default=384, help="how many texts to draw")
    parser.add_argument("--encoder", default="e5-small", help="name of an added encoder, or a folder")
    parser.add_argument("--encoders", type=Path, default=Path("instance/encoders"))
    return parser.parse_args()


def _sample(file: Path, column: str, count: int) -> list[str]:
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8", newline="") as stream:
        texts = [row[column] for row in csv.DictReader(stream)]
    return random.Random(0).sample(texts, min(count, len(texts)))


def _timed(name: str, count: int, run: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    start = time.perf_counter()
    result = run()
    rate = count / (time.perf_counter() - start)
    print(f"{name:36}{rate:.1f} texts/s")
    return result, rate


def _plain(encoder: Encoder, texts: list[str]) -> np.ndarray:
    """Every text padded to the encoder's full length, in the order given: what a first script would do."""
    engine, reader = encoding.exact_engine(encoder), tokens.reader(encoder)
    parts = []
    for start in range(0, len(texts), 32):
        padded, mask = reader.pad([*reader(texts[start : start + 32]), [0] * encoder.settings.max_length])
        parts.append(engine(padded[:-1], mask[:-1]))
    return np.concatenate(parts)


if __name__ == "__main__":
    main()
