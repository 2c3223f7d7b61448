"""Seconds of a training step, 32 reviews: bf16 products, frozen word embeddings, groups of similar length, in one run.

python benchmarks/training.py reviews.csv.gz --text text --encoder e5-small --encoders instance/encoders
"""

import argparse
import csv
import gzip
import random
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

from learner import devices
from learner.classifiers.length_groups import by_length
from learner.classifiers.starting_point import body_of, open_model
from learner.encoders import resolve

STEPS, BATCH = 8, 32
# bf16 products, word embeddings frozen, batches computed in groups of similar length.
WAYS = (
    (False, False, False),
    (False, True, False),
    (False, True, True),
    (True, True, False),
    (True, True, True),
)


def main() -> None:
    options = _options()
    encoder = resolve(options.encoders, options.encoder)
    model = open_model(encoder, ["negative", "positive"], encoder.settings.max_length)
    ids = model.reader(_sample(options.file, options.text))
    batches = [model.reader.pad(ids[at : at + BATCH]) for at in range(0, len(ids), BATCH)]
    has_bf16 = devices.bf16_is_fast(model.device)
    print(f"{devices.cores()} cores, {model.device}, bf16 in hardware: {has_bf16}")
    ways = [way for way in WAYS if has_bf16 or not way[0]]  # emulated, it takes minutes
    body = body_of(model.model).train()
    optimizers = [_optimizer(body, frozen) for _, frozen, _ in ways]
    # In turns, since the machine may slow down meanwhile; the first batches only warm it up.
    took = [
        [_seconds(body, batch, optimizer, *way) for optimizer, way in zip(optimizers, ways, strict=True)]
        for batch in batches
    ][2:]
    for (bf16, frozen, grouped), seconds in zip(ways, map(median, zip(*took, strict=True)), strict=True):
        print(
            f"{'bf16' if bf16 else 'fp32'}, {'word embeddings frozen' if frozen else 'all weights':22}"
            f"{', by length' if grouped else '':11} {seconds:.3f} s a step, "
            f"{median(row[0] for row in took) / seconds:.2f} times as fast"
        )


def _optimizer(body: Any, frozen: bool) -> torch.optim.Optimizer:
    body.get_input_embeddings().requires_grad_(not frozen)
    return torch.optim.AdamW([part for part in body.parameters() if part.requires_grad], lr=0.0, fused=True)


def _seconds(
    body: Any, batch: tuple, optimizer: torch.optim.Optimizer, bf16: bool, frozen: bool, grouped: bool
) -> float:
    """One step on a loss of mean token embeddings."""
    device = next(body.parameters()).device
    body.get_input_embeddings().requires_grad_(not frozen)

    def compute(features: dict[str, Any]) -> torch.Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            return body(**features).last_hidden_state.float()

    start = time.perf_counter()
    ids, mask = (torch.from_numpy(part).to(device) for part in batch)
    features = {"input_ids": ids, "attention_mask": mask}
    tokens = by_length(features, compute) if grouped else compute(features)
    means = (tokens * mask[..., None]).sum(dim=1)
    loss = nn.functional.normalize(means, dim=1).sum(dim=0).pow(2).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    float(loss.detach())
    seconds = time.perf_counter() - start
    optimizer.zero_grad()
    return seconds


def _sample(file: Path, column: str) -> list[str]:
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8", newline="") as stream:
        texts = [row[column] for row in csv.DictReader(stream)]
    return random.Random(0).sample(texts, STEPS * BATCH)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="CSV file, gzipped or not")
    parser.add_argument("--text", default="text", help="its text column")
    parser.add_argument("--encoder", default="e5-small", help="name of an added encoder, or a folder")
    parser.add_argument("--encoders", type=Path, default=Path("instance/encoders"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
