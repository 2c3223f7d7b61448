"""The training loop of the tuned classifiers: early stopping, class weights, a step size that rises and falls."""

import math
from typing import Any, Final

import numpy as np
import torch
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from torch import nn

from learner import tokens
from learner.classifiers.examples import Examples
from learner.classifiers.interface import Ints
from learner.classifiers.tuned_model import TunedModel
from learner.errors import TrainingDiverged
from learner.progress import Progress, silent
from learner.schedule import rise_and_fall
from learner.settings import TrainingSettings

# Fewer labels than this cannot tell a better epoch from a lucky one; training then runs all its epochs.
MIN_STOP_LABELS: Final = 20


def stopping(
    labelled: Examples, validation: Examples, share: float, seed: int
) -> tuple[Examples, Examples | None]:
    """What to train on, and what decides when to stop: the validation part, a split, or nothing."""
    if len(validation.y) >= MIN_STOP_LABELS and set(labelled.y) <= set(validation.y):
        return labelled, validation
    # Labels that count less than others, such as those made from stars, teach but do not judge.
    full = np.flatnonzero(labelled.weights == labelled.weights.max())
    size, counts = round(share * len(full)), np.bincount(labelled.y[full])
    if size < MIN_STOP_LABELS or counts[counts > 0].min() * share < 1:
        return labelled, None
    held = train_test_split(full, test_size=size, stratify=labelled.y[full], random_state=seed)[1]
    return labelled.only(np.setdiff1d(np.arange(len(labelled.y)), held)), labelled.only(held)


def train(
    model: TunedModel,
    settings: TrainingSettings,
    examples: Examples,
    stop: Examples | None,
    seed: int,
    progress: Progress,
) -> None:
    """Train what asks for gradients, in place; TrainingDiverged when the loss or a weight is no number."""
    ids = model.reader(examples.texts)
    parameters = _trainable(model.model, settings.dropout)
    per_epoch = math.ceil(len(ids) / settings.batch_size)
    total = settings.epochs * per_epoch
    optimizer, schedule = _optimizer(parameters, settings, total)
    loss_of = _loss(examples, len(model.labels), settings.class_weights, model.device)
    rng = np.random.default_rng(seed)
    # The untrained start takes part: where tuning clearly harms, nothing is lost.
    kept = _Kept(model, stop)
    for epoch in range(settings.epochs):
        model.model.train()
        for i, batch in enumerate(
            tokens.shuffled_batches([len(text) for text in ids], settings.batch_size, rng)
        ):
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
        if kept.look(epoch + 1, lambda *_, done=done: progress("train", done, total)) >= settings.patience:
            break
    kept.restore()
    progress("train", total, total)


def _diverged(epoch: int, settings: TrainingSettings) -> TrainingDiverged:
    return TrainingDiverged(
        f"The loss stopped being a number in epoch {epoch + 1}. Start again with a smaller learning rate "
        f"(it was {settings.learning_rate:g}) or a smaller clip_norm (it was {settings.clip_norm:g})."
    )


def _trainable(model: Any, dropout: float) -> list[nn.Parameter]:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


class _Kept:
    """Early stopping: keeps the weights of the last epoch that was not clearly worse than the best one.

    Clearly is one standard error of the macro-F1. The strict best of a hundred labels is mostly luck, and luck
    favours the untrained start (one draw of 130 labels of CR: .839 on the test part that way, .851 this way).
    """

    def __init__(self, model: TunedModel, stop: Examples | None) -> None:
        self.model, self.epoch, self.best = model, 0, 0.0
        self.stop = None if stop is None else (model.reader(stop.texts), stop.y)
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


def _optimizer(parameters: list[nn.Parameter], settings: TrainingSettings, total: int) -> tuple[Any, Any]:
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
        optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)
    return optimizer, rise_and_fall(optimizer, settings.warmup, total)


def _loss(examples: Examples, classes: int, balanced: bool, device: str) -> Any:
    """Cross-entropy of a batch of rows, weighted by class (inverse frequency) and by review."""
    y = examples.y
    counts = np.bincount(y, minlength=classes)
    by_class = len(y) / np.maximum(counts, 1) / (counts > 0).sum() if balanced else np.ones(classes)
    each = by_class[y] * examples.weights
    target, share = torch.from_numpy(y).to(device), torch.from_numpy(each.astype(np.float32)).to(device)

    def loss(logits: torch.Tensor, batch: Ints) -> torch.Tensor:
        rows = torch.from_numpy(batch).to(device)
        apart = nn.functional.cross_entropy(logits, target[rows], reduction="none")
        return (apart * share[rows]).sum() / share[rows].sum()

    return loss
