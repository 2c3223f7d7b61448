"""`finetune`: the encoder itself, trained end to end on the labels; a compact loop behind small-text's interface."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from small_text import TextDataset
from torch import nn

from learner.classifiers.calibration import temperature
from learner.classifiers.interface import Ints, RoundClassifier
from learner.classifiers.starting_point import open_model, regress_output
from learner.classifiers.tuned_model import TunedModel
from learner.encoders import Encoder
from learner.errors import TrainingDiverged
from learner.progress import Progress, silent
from learner.settings import FinetuneSettings

# Fewer labels than this cannot tell a better epoch from a lucky one; training then runs all its epochs.
MIN_STOP_LABELS: Final = 20
# Batches are cut from this many shuffled ones, sorted by length: little padding, still random.
BUCKET: Final = 8


class FinetuneClassifier(RoundClassifier):
    """Behind small-text's Classifier interface."""

    model: TunedModel

    def __init__(
        self, labels: list[str], encoder: Encoder, settings: FinetuneSettings, seed: int = 0
    ) -> None:
        self.labels, self.encoder, self.settings, self.seed = labels, encoder, settings, seed
        self.max_length = settings.max_length or encoder.settings.max_length

    def prepare(self, texts: Sequence[str], progress: Progress = silent) -> None:
        """Nothing: features change with every step of training."""

    def fit(
        self,
        train_set: TextDataset,
        weights: NDArray[np.float64] | None = None,
        validation: TextDataset | None = None,
        progress: Progress = silent,
    ) -> "FinetuneClassifier":
        """TrainingDiverged when the loss stops being a number; EncoderError when the encoder cannot be tuned."""
        progress("train", 0, 1)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            self.model = open_model(self.encoder, self.labels, self.max_length)
            ids, y = self.model.reader(list(train_set.x)), np.asarray(train_set.y)
            rows, stop = self._stopping(ids, y, validation)
            regress_output(self.model, [ids[row] for row in rows], y[rows], self.settings.class_weights)
            self._train(
                [ids[row] for row in rows],
                y[rows],
                None if weights is None else weights[rows],
                stop,
                progress,
            )
        return self

    def calibrate(self, train_set: TextDataset, random: NDArray[np.bool_], validation: TextDataset) -> None:
        """On the validation part: it was drawn at random, and no weight was fitted to it."""
        if len(validation.x):
            logits, _ = self.model.logits(self.model.reader(list(validation.x)))
            self.model.cool(temperature(logits, np.asarray(validation.y)))

    def _stopping(
        self, ids: list[list[int]], y: Ints, validation: TextDataset | None
    ) -> tuple[Ints, tuple[list[list[int]], Ints] | None]:
        """Rows to train on, and what decides when to stop: the validation part, a split, or nothing."""
        rows = np.arange(len(y))
        if validation is not None and len(validation.x) >= MIN_STOP_LABELS:
            held = np.asarray(validation.y)
            if set(y) <= set(held):
                return rows, (self.model.reader(list(validation.x)), held)
        share = round(self.settings.stop_share * len(y))
        rarest = np.bincount(y)[np.unique(y)].min()
        if share < MIN_STOP_LABELS or rarest * self.settings.stop_share < 1:
            return rows, None
        rows, held_rows = train_test_split(rows, test_size=share, stratify=y, random_state=self.seed)
        return rows, ([ids[row] for row in held_rows], y[held_rows])

    def _train(
        self,
        ids: list[list[int]],
        y: Ints,
        weights: NDArray[np.float64] | None,
        stop: tuple[list[list[int]], Ints] | None,
        progress: Progress,
    ) -> None:
        settings, model = self.settings, self.model
        parameters = _trainable(model.model, settings)
        per_epoch = math.ceil(len(ids) / settings.batch_size)
        total = settings.epochs * per_epoch
        optimizer, schedule = _optimizer(parameters, settings, total)
        loss_of = _loss(y, weights, len(self.labels), settings.class_weights, model.device)
        rng = np.random.default_rng(self.seed)
        # The untrained start takes part: where tuning clearly harms, nothing is lost.
        kept = _Kept(model, stop)
        for epoch in range(settings.epochs):
            model.model.train()
            for i, batch in enumerate(_batches([len(text) for text in ids], settings.batch_size, rng)):
                progress("train", epoch * per_epoch + i, total)
                loss = loss_of(model.forward([ids[row] for row in batch]), batch)
                if not torch.isfinite(loss):
                    raise _diverged(epoch, settings)
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(parameters, settings.clip_norm)
                optimizer.step()
                schedule.step()
            if not all(torch.isfinite(parameter).all() for parameter in parameters):
                raise _diverged(epoch, settings)
            done = (epoch + 1) * per_epoch
            if (
                kept.look(epoch + 1, lambda *_, done=done: progress("train", done, total))
                >= settings.patience
            ):
                break
        kept.restore()
        progress("train", total, total)


def _diverged(epoch: int, settings: FinetuneSettings) -> TrainingDiverged:
    return TrainingDiverged(
        f"The loss stopped being a number in epoch {epoch + 1}. Start again with a smaller learning rate "
        f"(it was {settings.learning_rate:g}) or a smaller clip_norm (it was {settings.clip_norm:g})."
    )


class _Kept:
    """Early stopping: keeps the weights of the last epoch that was not clearly worse than the best one.

    Clearly is one standard error of the macro-F1. The strict best of a hundred labels is mostly luck, and luck
    favours the untrained start (one draw of 130 labels of CR: .839 on the test part that way, .851 this way).
    """

    def __init__(self, model: TunedModel, stop: tuple[list[list[int]], Ints] | None) -> None:
        self.model, self.stop, self.epoch, self.best = model, stop, 0, 0.0
        self.weights: dict[str, torch.Tensor] = {}
        self.look(0, silent)

    def look(self, epoch: int, progress: Progress) -> int:
        """How many epochs ago the kept one was; 0 without labels to judge by."""
        if self.stop is None:
            return 0
        ids, y = self.stop
        logits, _ = self.model.logits(ids, progress)
        score = float(f1_score(y, logits.argmax(axis=1), average="macro"))
        self.best = max(self.best, score)
        if score >= self.best - math.sqrt(self.best * (1 - self.best) / len(y)):
            self.epoch = epoch
            named = self.model.model.named_parameters()
            self.weights = {
                name: value.detach().cpu().clone() for name, value in named if value.requires_grad
            }
        return epoch - self.epoch

    def restore(self) -> None:
        self.model.model.load_state_dict(self.weights, strict=False)


def _trainable(model: Any, settings: FinetuneSettings) -> list[nn.Parameter]:
    """Set dropout, freeze what is to stay as it is, and list the rest."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = settings.dropout
    body = getattr(model, model.base_model_prefix)
    if settings.top_layers is not None:
        layers = max((m for m in body.modules() if isinstance(m, nn.ModuleList)), key=len)
        # The averaging layer added on top is part of the head, not of the encoder.
        body.requires_grad_(False)
        layers[max(0, len(layers) - 1 - settings.top_layers) :].requires_grad_(True)
    if settings.freeze_embeddings:
        model.get_input_embeddings().requires_grad_(False)
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _optimizer(parameters: list[nn.Parameter], settings: FinetuneSettings, total: int) -> tuple[Any, Any]:
    """The optimizer, and its linear warm-up followed by a linear decay to zero."""
    decayed = [parameter for parameter in parameters if parameter.ndim > 1]
    others = [parameter for parameter in parameters if parameter.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if settings.optimizer == "sgd":
        optimizer: Any = torch.optim.SGD(groups, lr=settings.learning_rate, momentum=0.9)
    else:
        optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate)
    warm = max(1, round(settings.warmup * total))
    ramp = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, max(0.0, (total - step) / max(1, total - warm)))
    )
    return optimizer, ramp


def _loss(y: Ints, weights: NDArray[np.float64] | None, classes: int, balanced: bool, device: str) -> Any:
    """Cross-entropy of a batch of rows, by class (inverse frequency) and by review if there are weights."""
    counts = np.bincount(y, minlength=classes)
    by_class = len(y) / np.maximum(counts, 1) / (counts > 0).sum() if balanced else np.ones(classes)
    each = by_class[y] * (1.0 if weights is None else weights)
    target, share = torch.from_numpy(y).to(device), torch.from_numpy(each.astype(np.float32)).to(device)

    def loss(logits: torch.Tensor, batch: Ints) -> torch.Tensor:
        rows = torch.from_numpy(batch).to(device)
        apart = nn.functional.cross_entropy(logits, target[rows], reduction="none")
        return (apart * share[rows]).sum() / share[rows].sum()

    return loss


def _batches(lengths: list[int], size: int, rng: np.random.Generator) -> Iterator[Ints]:
    """Rows in shuffled batches of similar length."""
    order = rng.permutation(len(lengths))
    width = np.asarray(lengths)
    batches: list[Ints] = []
    for start in range(0, len(order), size * BUCKET):
        bucket = order[start : start + size * BUCKET]
        bucket = bucket[np.argsort(width[bucket], kind="stable")]
        batches += [bucket[at : at + size] for at in range(0, len(bucket), size)]
    for i in rng.permutation(len(batches)):
        yield batches[i]
