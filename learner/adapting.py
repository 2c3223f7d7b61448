"""Star ratings as an intermediate task: an encoder learns sentiment from rated reviews before anybody labels one.

Any shop's ratings do. The encoder, but for its word embeddings, is trained to tell the ratings apart by the very
features that `head` uses; the output layer that this takes is thrown away, and what remains is an encoder like any
other. Intermediate-task transfer: Phang et al. 2018, "Sentence encoders on STILTs".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from torch import nn

from learner import encoders, pooling, tokens
from learner.devices import cores, on_cuda, training_products
from learner.encoders import Encoder
from learner.encoding import CPU_TEXTS, CPU_TOKENS
from learner.engines import torch_engine
from learner.errors import AdaptingFailed, EncoderError, NotEnoughLabels, TrainingDiverged
from learner.progress import Progress, silent
from learner.quiet import quiet
from learner.schedule import rise_and_fall
from learner.setting_rules import Settings, setting

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

# Fewer of a class than this teach an encoder their words rather than their mood.
FEWEST: Final = 200
TEST_SHARE: Final = 0.1
# Features have length 1; without this a linear layer on them would learn at a crawl.
FEATURE_SCALE: Final = 10.0
OUTPUT_RATE, WARM_UP = 1e-2, 0.1


@dataclass(frozen=True)
class AdaptSettings(Settings):
    """How an encoder is adapted."""

    per_class: int = setting(3500, "Rated reviews used of each class at most.", FEWEST, 1_000_000)
    epochs: int = setting(1, "Passes over them.", 1, 20)
    learning_rate: float = setting(5e-5, "Step size at its peak.", 1e-7, 1e-2)
    batch_size: int = setting(32, "Reviews per step.", 2, 512)
    max_length: int = setting(128, "Tokens read of each review.", 8, 8192)
    seed: int = setting(0, "Same reviews and seed, same encoder.", 0, 2**31 - 1)


@dataclass(frozen=True)
class Adapted:
    """The new encoder; macro-F1 of a regression on the features of `tested` held-back reviews, before and after."""

    encoder: Encoder
    trained: int
    tested: int
    before: float
    after: float


def adapt(
    root: Path,
    base: Encoder,
    name: str,
    texts: Sequence[str],
    y: Ints,
    label_names: Sequence[str],
    settings: AdaptSettings,
    progress: Progress = silent,
) -> Adapted:
    """Train a copy of `base` on texts with classes y (n,) made of their ratings, and add it under `root` as `name`.

    y: -1 where there is no rating. NotEnoughLabels with fewer than 200 of two classes; AdaptingFailed where it does
    not help; TrainingDiverged; EncoderError where the name is taken.
    """
    encoders.check_new_name(name)
    if (root / name).exists():
        raise EncoderError(f"Another encoder is called {name}. Choose another name.")
    rows = _drawn(y, label_names, settings)
    train, test = train_test_split(rows, test_size=TEST_SHARE, stratify=y[rows], random_state=settings.seed)
    model = pooling.load(base)
    reader = tokens.TokenReader(base.folder, base.settings.prefix, base.tokens_read(settings.max_length))
    ids = dict(zip(rows.tolist(), reader([texts[row] for row in rows]), strict=True))
    own = [ids[row] for row in train]
    ruler = _Ruler(reader, own, y[train], [ids[row] for row in test], y[test])
    before = ruler.measure(model, progress)
    _train(model, reader, own, y[train], base.dimensions, settings, progress)
    after = ruler.measure(model, progress)

    if after <= before:
        raise AdaptingFailed(
            f"The ratings did not help: macro-F1 on {len(test)} held-back reviews {before:.3f} before, {after:.3f} "
            "after. Nothing was added. More reviews, above all bad ones, or another file may do better."
        )

    def write(folder: Path) -> None:
        transformer: Any = model.transformer  # transformers leaves it untyped
        with quiet():
            transformer.save_pretrained(folder)

    adapted = encoders.derive(root, base, name, base.settings, write)
    return Adapted(adapted, len(train), len(test), before, after)


def _drawn(y: Ints, label_names: Sequence[str], settings: AdaptSettings) -> Ints:
    """Rows of the classes that have enough, balanced as far as there are reviews, ascending."""
    counts = np.bincount(y[y >= 0], minlength=len(label_names))
    enough = np.flatnonzero(counts >= FEWEST)
    if len(enough) < 2:
        found = ", ".join(f"{count} {name}" for name, count in zip(label_names, counts, strict=True))
        raise NotEnoughLabels(
            f"Adapting an encoder takes {FEWEST} rated reviews of at least two classes; there are {found}."
        )
    rng = np.random.default_rng(settings.seed)
    of_each = (np.flatnonzero(y == label) for label in enough)
    drawn = [rng.choice(rows, min(len(rows), settings.per_class), replace=False) for rows in of_each]
    return np.sort(np.concatenate(drawn))


@dataclass(frozen=True)
class _Ruler:
    """The same held-back reviews before and after, judged by a regression on at most as many others."""

    reader: tokens.TokenReader
    train: list[list[int]]
    train_y: Ints
    test: list[list[int]]
    test_y: Ints

    def measure(self, model: pooling.PooledEncoder, progress: Progress) -> float:
        size = len(self.test)
        features = self._features(model, self.train[:size] + self.test, progress)
        regression = LogisticRegression(class_weight="balanced", max_iter=1000)
        regression.fit(features[:size], self.train_y[:size])
        return float(f1_score(self.test_y, regression.predict(features[size:]), average="macro"))

    def _features(self, model: pooling.PooledEncoder, ids: list[list[int]], progress: Progress) -> Floats:
        engine = torch_engine(model.eval(), "cuda" if on_cuda() else "cpu")
        batches = list(tokens.batches([len(text) for text in ids], CPU_TOKENS, CPU_TEXTS))
        features: list[Floats] = []
        for done, batch in enumerate(batches):
            progress("evaluate", done, len(batches))
            features.append(engine(*self.reader.pad([ids[row] for row in batch])))
        order = np.argsort(np.concatenate(batches))
        return np.concatenate(features)[order]


def _train(
    model: pooling.PooledEncoder,
    reader: tokens.TokenReader,
    ids: list[list[int]],
    y: Ints,
    width: int,
    settings: AdaptSettings,
    progress: Progress,
) -> None:
    """Balanced cross-entropy of a linear layer on the features (n, width), which is dropped afterwards."""
    device = "cuda" if on_cuda() else "cpu"
    torch.set_num_threads(cores())
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        output = nn.Linear(width, int(y.max()) + 1)
        nn.init.zeros_(output.weight)
        model.to(device).train()
        output.to(device)
        transformer: Any = model.transformer  # transformers leaves it untyped
        transformer.get_input_embeddings().requires_grad_(False)
        loss_of = nn.CrossEntropyLoss(torch.tensor(_balanced(y), dtype=torch.float32, device=device))
        rng, lengths = np.random.default_rng(settings.seed), [len(text) for text in ids]
        batches = [
            batch
            for _ in range(settings.epochs)
            for batch in tokens.shuffled_batches(lengths, settings.batch_size, rng)
        ]
        optimizer, schedule = _optimizer(model, output, settings, len(batches))
        for step, batch in enumerate(batches):
            progress("train", step, len(batches))
            inputs = [torch.from_numpy(part).to(device) for part in reader.pad([ids[row] for row in batch])]
            with training_products(device):
                logits = output(FEATURE_SCALE * model(*inputs))
            loss = loss_of(logits.float(), torch.from_numpy(y[batch]).to(device))
            if not torch.isfinite(loss):
                raise TrainingDiverged(
                    f"The loss stopped being a number in step {step + 1}. Start again with a smaller learning "
                    f"rate (it was {settings.learning_rate:g})."
                )
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    progress("train", len(batches), len(batches))


def _balanced(y: Ints) -> NDArray[np.float64]:
    """Weight of each class: inverse to its frequency, 0 where it does not occur."""
    counts = np.bincount(y)
    return np.where(counts > 0, len(y) / np.maximum(counts, 1) / (counts > 0).sum(), 0.0)


def _optimizer(
    model: pooling.PooledEncoder, output: nn.Linear, settings: AdaptSettings, steps: int
) -> tuple[torch.optim.AdamW, Any]:
    """AdamW, a short warm-up, then a linear decay to zero; the new layer moves faster than the old ones."""
    groups = [
        {"params": [part for part in model.parameters() if part.requires_grad], "weight_decay": 0.01},
        {"params": output.parameters(), "lr": OUTPUT_RATE},
    ]
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)
    return optimizer, rise_and_fall(optimizer, WARM_UP, steps)
