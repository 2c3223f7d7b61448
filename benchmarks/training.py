"""Seconds of a training step: fp32 against bf16 products, all weights against frozen word embeddings, in one run.

python benchmarks/training.py reviews.csv.gz --text text --encoder e5-small --encoders instance/encoders
"""

import argparse
import csv
import gzip
import random
import time
from pathlib import Path
from statistics import median

import torch
from torch import nn

from learner import devices
from learner.classifiers.starting_point import open_model
from learner.encoders import resolve

STEPS, BATCH, LENGTH = 12, 16, 128


def main() -> None:
    options = _options()
    model = open_model(resolve(options.encoders, options.encoder), ["negative", "positive"], LENGTH)
    ids = model.reader(_sample(options.file, options.text))
    batches = [model.reader.pad(ids[at : at + BATCH]) for at in range(0, len(ids), BATCH)]
    print(f"{devices.cores()} cores, {model.device}, bf16 in hardware: {devices.bf16_is_fast(model.device)}")
    model.model.train()
    plain = _seconds(model.model, batches, bf16=False, frozen=False)
    for bf16, frozen in ((False, False), (False, True), (True, False), (True, True)):
        seconds = _seconds(model.model, batches, bf16, frozen)
        print(
            f"{'bf16' if bf16 else 'fp32'}, {'word embeddings frozen' if frozen else 'all weights':22} "
            f"{seconds:.3f} s a step, {plain / seconds:.2f} times as fast"
        )


def _seconds(model: nn.Module, batches: list[tuple], bf16: bool, frozen: bool) -> float:
    """The median over the batches."""
    device = next(model.parameters()).device
    model.get_input_embeddings().requires_grad_(not frozen)
    optimizer = torch.optim.AdamW(
        [part for part in model.parameters() if part.requires_grad], lr=0.0, fused=True
    )
    seconds = []
    for ids, mask in batches:
        start = time.perf_counter()
        inputs = torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            logits = model(input_ids=inputs[0], attention_mask=inputs[1]).logits
        loss = nn.functional.cross_entropy(
            logits.float(), torch.zeros(len(ids), dtype=torch.long, device=device)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        float(loss.detach())
        seconds.append(time.perf_counter() - start)
    return median(seconds[2:])


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
